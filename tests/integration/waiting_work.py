"""Work that waits at a restored server: upon a row that another phone has to hand in again first."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from server.auth.standings import forget_standings
from server.broker import _tenant_id
from server.db import connection, platform_transaction, tenant_transaction
from server.sync import quarantine, quarantine_commands
from server.sync.released_jobs import take_released_work
from server.tenants.service import owner_connection
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


async def revoke(world: World, *, wipe: bool, name: str = "ann") -> None:
    """Somebody's phone is trusted no more, and perhaps is to be wiped by the ordinary order."""
    ordered = "UPDATE device SET revoked_at = now(), wipe_ordered_at = CASE WHEN $2 THEN now() END WHERE member_id = $1"
    await world.execute(ordered, UUID(world.ids[name]), wipe)
    forget_standings()


async def decide(world: World, decision: Any = "released", *, name: str = "ann") -> dict[str, int]:
    """Mia decides on what somebody's phone has handed in."""
    [waiting] = await world.fetch("SELECT id FROM quarantine WHERE member_id = $1", UUID(world.ids[name]))
    return await quarantine_commands.decide(world.tenant, waiting["id"], decision, by=UUID(world.mia), role="manager")


async def look_at(world: World, name: str = "ann") -> tuple[str, int, int]:
    """State of somebody's quarantine, its mutations, and how many of them are parked, as a manager sees them."""
    async with tenant_transaction(world.tenant):
        listed = await quarantine.list_quarantines(by=UUID(world.mia), role="manager")
    [found] = [each for each in listed if str(each.member_id) == world.ids[name]]
    return found.state, found.mutations, found.parked


async def emails(world: World) -> int:
    """How often what waits has taken effect."""
    return len(await world.fetch("SELECT FROM contact_channel WHERE value = $1", EMAIL))


async def end_healing(world: World, installation: Installation) -> None:
    """Two weeks go by."""
    schema = world.tenant.schema
    async with owner_connection(installation.url) as owner:
        await owner.execute(f"UPDATE \"{schema}\".revision_counter SET epoch_began_at = now() - interval '15 days'")


async def run_jobs(world: World) -> int:
    """Run the jobs that take released work, on this event loop instead of a worker's, until none is sent."""
    ran = 0
    while True:
        async with platform_transaction():
            sent = await connection().fetch(
                """DELETE FROM dramatiq.queue WHERE message->>'actor_name' = 'take_released_work'
                AND message->'options'->>'tenant_id' = $1 RETURNING message_id""",
                str(world.tenant.id),
            )
        if not sent:
            return ran
        for _ in sent:
            ran += 1
            _tenant_id.set(world.tenant.id)
            await take_released_work.fn.__wrapped__()
