"""The SDK against the real server over real HTTP: what a rep's phone and the office do to each other."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from outrider_sdk.errors import ContentMissing

from server.clock import now
from tests.integration import live_server
from tests.integration.live_server import enrol, on_device
from tests.integration.sync_world import World

url = live_server.url


PHOTO = os.urandom(3_000_000)


async def test_a_photo_goes_from_one_phone_to_another(world: World, url: str, tmp_path: Path):
    """Ann photographs a shelf in the cellar; Bob, who works the outlet too, looks at it on his phone."""
    ann = await enrol(world, "ann", url, tmp_path / "ann.db")
    bob = await enrol(world, "bob", url, tmp_path / "bob.db")
    with ann, bob:
        await on_device(ann.sync)
        ann.attachments.policy = lambda pending: False
        made = await on_device(ann.attachments.add, ann.outlets.list()[0], PHOTO, name="shelf.png")
        await on_device(ann.sync)
        await on_device(bob.sync)
        with pytest.raises(ContentMissing):
            await on_device(bob.attachments.open, made.id)
        uploaded = await on_device(ann.attachments.upload, everything=True)
        with await on_device(bob.attachments.open, made.id) as file:
            seen = file.read()

    assert uploaded == 1
    assert seen == PHOTO


async def test_a_lease_comes_with_the_enrolment_and_is_verified_on_the_phone(world: World, url: str, tmp_path: Path):
    """The server signs with its library, the phone checks with arithmetic."""
    ann = await enrol(world, "ann", url, tmp_path / "ann.db")
    with ann:
        await on_device(ann.sync)
        status = ann.status()

    assert status.past_lease is False
    assert status.lease_until is not None
    assert timedelta(days=29) < status.lease_until - now() <= timedelta(days=30)
