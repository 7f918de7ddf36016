"""A server whose database has no room left: told in words, nobody's work refused for it, nothing half."""

from pathlib import Path

import asyncpg
import pytest
from outrider_sdk.errors import ServerUnavailable

from server import storage
from tests.integration.live_server import enrol, live, on_device
from tests.integration.sync_world import World

_FULL = """
CREATE FUNCTION "{schema}".no_space() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER no_space BEFORE INSERT ON "{schema}".contact EXECUTE FUNCTION "{schema}".no_space()
"""


async def test_s1_work_waits_on_the_phone_until_the_servers_disk_has_room(
    world: World, owner_urls: dict[str, str], tmp_path: Path
):
    """A full disk in the office costs the rep nothing but time, and the operator reads what is wrong."""
    storage.use(tmp_path)
    owner = await asyncpg.connect(owner_urls["main"])
    async with live() as url:
        with await enrol(world, "ann", url, tmp_path / "ann.db") as ann:
            await on_device(ann.sync)
            ann.accounts.edit(world.shop, name="Renamed")
            ann.contacts.create(account_id=world.shop, name="Zoe")
            await owner.execute(_FULL.replace("{schema}", world.tenant.schema))

            with pytest.raises(ServerUnavailable, match=r"507 storage_full.*Your work is kept"):
                await on_device(ann.sync)
            pending = ann.status().pending
            half = await world.fetch("SELECT 1 FROM account WHERE name = 'Renamed'")
            await owner.execute(f'DROP TRIGGER no_space ON "{world.tenant.schema}".contact')
            report = await on_device(ann.sync)

    await owner.close()
    storage.use(None)
    assert (pending, half) == (2, [])
    assert (report.applied, report.refused) == (2, 0)
    assert len(await world.fetch("SELECT 1 FROM contact WHERE name = 'Zoe'")) == 1
