"""Work that waits at a restored server: upon a row that another phone has to hand in again first."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.installation import Installation
from tests.integration.phones import Bridge, Phone, enrol_phone
from tests.integration.sync_world import World

EMAIL = "clara@shop.example"
"""What Ann has added to the contact that Bob has made."""


@pytest.fixture
async def bob(
    world: World, installation: Installation, ann: Phone, bridge: Bridge, tmp_path: Path
) -> AsyncIterator[Phone]:
    """Bob's phone, on which Clara was made; Ann has added her e-mail, and the server is as it was before both."""
    phone = await enrol_phone(world, "bob", bridge, tmp_path, name="bob.db")
    await installation.backup()
    clara = phone.crm.contacts.create(account_id=world.shop, name="Clara")
    await phone.sync()
    await ann.sync()
    ann.crm.contact_channels.create(contact_id=clara.id, channel_kind="email", value=EMAIL)
    await ann.sync()
    await installation.restore()
    yield phone
    phone.crm.close()
