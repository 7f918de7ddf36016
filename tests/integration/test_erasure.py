"""Erasure of a person reaches every table and every device, and nothing brings the person back."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from outrider_sdk import Credentials, MemoryCredentials, Replica

from server.clock import now, to_micros
from server.crm.erasure import commands
from server.crm.erasure.service import StillActive
from server.db import Source, TenantRef, connection, platform_transaction, tenant_transaction, tenant_write
from server.errors import NotFound
from server.sync.position import Position
from server.sync.pull import pull
from server.sync.push import push
from tests.integration.import_world import Office
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import WireDevice, World, create, delete, new_id

SECRETS = ("Zaphira", "Quintanilla", "Head of Haberdashery", "zaphira@q.example", "+31612345678", "Allergic to walnuts")
"""What was ever recorded of her, and must be nowhere afterwards."""


class _Bridge:
    """Brings a replica, which runs in a thread, to the server's functions, which run on the tests' event loop."""

    def __init__(self, device: WireDevice) -> None:
        self.device, self.loop = device, asyncio.get_running_loop()
        self.contact_time = None
        self.bytes_sent = self.bytes_received = 0

    def push(self, request: dict[str, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(self._push(json.loads(json.dumps(request))), self.loop).result()

    async def _push(self, request: dict[str, Any]) -> Any:
        async with tenant_write(self.device.tenant, by=self.device.actor, source=Source.SYNC) as revision:
            return await push(
                request["mutations"],
                incarnation=request["incarnation"],
                acked_through=request["acked_through"],
                revision=revision,
            )

    def pull(self, request: dict[str, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(self._pull(request), self.loop).result()

    async def _pull(self, request: dict[str, Any]) -> Any:
        async with tenant_transaction(self.device.tenant, snapshot=True):
            position = Position.parse(request["position"])
            known = {"view": request.get("view"), "acked_through": request.get("acked_through", 0)}
            return await pull(request["cursor"], position, actor=self.device.actor, **known)

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture
async def replicas(world: World, tmp_path: Path) -> AsyncIterator[dict[str, Replica]]:
    """The real replicas of Ann and Bob, pulled."""
    opened = {}
    for name in ("ann", "bob"):
        device = await world.device(name)
        credentials = Credentials(
            server="https://test.example", slug=world.tenant.slug, device_id=device.id, member_id=device.member_id,
            incarnation=1, number_prefix=device.id[-6:], secret="x", refresh_token="x", access_token="x",
        )  # fmt: skip
        bridge: Any = _Bridge(device)
        opened[name] = Replica.open(
            tmp_path / f"{name}.db",
            credentials=MemoryCredentials(credentials),
            transport=bridge,
            clock=lambda: to_micros(now()),
        )
        await asyncio.to_thread(opened[name].sync)
    yield opened
    for replica in opened.values():
        replica.close()


async def tables_with(world: World, *secrets: str) -> list[str]:
    """Every (table, secret) of the tenant's schema in whose rows, as text, a secret stands."""
    found = []
    async with tenant_transaction(world.tenant) as conn:
        names = await conn.fetch("SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'",
                                 f'"{world.tenant.schema}"')  # fmt: skip
        assert len(names) > 25
        for (name,) in names:
            rows = await conn.fetch(f'SELECT t::text FROM "{name}" t')
            found += [f"{name}: {secret}" for secret in secrets if any(secret in row[0] for row in rows)]
    return found


def bytes_with(path: Path, *secrets: str) -> list[str]:
    """Every secret that stands in the bytes of a replica, or of a file beside it."""
    files = [file for file in path.parent.iterdir() if file.name.startswith(path.name)]
    return [f"{file.name}: {s}" for file in files for s in secrets if s.encode() in file.read_bytes()]


async def record(world: World, replicas: dict[str, Replica]) -> None:
    """Let the person leave traces everywhere: in rows, audit, conflicts, outcomes, refused work and outboxes."""
    ann, bob = replicas["ann"], replicas["bob"]
    async with tenant_write(world.tenant, by=(await world.device("mia")).actor, source=Source.REST):
        await connection().execute(
            "UPDATE contact SET name = 'Zaphira', custom = '{\"note\": \"Allergic to walnuts\"}' WHERE id = $1",
            world.clerk,
        )
        await connection().execute(
            "INSERT INTO external_id (system, entity, value, row) VALUES ('erp', 'contact', 'Zaphira-1', $1)".replace(
                " row)", ' "row")'
            ),
            world.clerk,
        )
    for replica in (ann, bob):
        await asyncio.to_thread(replica.sync)
    ann.contacts.edit(world.clerk, name="Zaphira Quintanilla", job_title="Head of Haberdashery")
    bob.contacts.edit(world.clerk, name="Z. Quintanilla", description="Allergic to walnuts")
    ann.contact_channels.create(contact_id=world.clerk, channel_kind="phone", value="+31612345678")
    bob.contact_channels.create(contact_id=world.clerk, channel_kind="email", value="zaphira@q.example")
    for replica in (ann, bob, ann):
        await asyncio.to_thread(replica.sync)
    wire = await world.device("ann")
    await wire.pull()
    refused = await wire.do(
        create("contact_channel", new_id(), contact_id=world.clerk, channel_kind="email", value="zaphira@q.example"),
        create("product", new_id(), name="Not mine to make"),
    )
    assert refused["status"] == "refused"


async def test_after_an_erasure_no_table_and_no_replica_holds_a_word_of_the_person(
    world: World, replicas: dict[str, Replica]
):
    """The promise itself: a scan of everything that the tenant has."""
    await record(world, replicas)
    before = await tables_with(world, *SECRETS)
    assert {t.partition(":")[0] for t in before} >= {
        "contact", "contact_channel", "audit_entry", "conflict", "refused_mutation", "mutation_outcome", "external_id",
    }  # fmt: skip
    assert all(any(secret in line for line in before) for secret in SECRETS)
    files = {name: replica._store.path for name, replica in replicas.items()}
    assert all(bytes_with(path, *SECRETS) for path in files.values())

    await commands.erase_person(world.tenant, "contact", UUID(world.clerk))
    for replica in replicas.values():
        await asyncio.to_thread(replica.sync)

    assert await tables_with(world, *SECRETS) == []
    assert [line for path in files.values() for line in bytes_with(path, *SECRETS)] == []
    for replica in replicas.values():
        assert replica.contacts.find(world.clerk) is None
        assert replica.verify() == []


async def test_a_device_that_was_offline_does_not_bring_the_person_back(world: World, replicas: dict[str, Replica]):
    """Its work is refused with a reason, and nothing of the person stays on either side; the rest of it stays."""
    bob = replicas["bob"]
    with bob.transaction():
        bob.contacts.edit(world.clerk, name="Zaphira Quintanilla")
        bob.accounts.edit(world.shop, legal_name="Corner Shop Ltd")
    bob.contact_channels.create(contact_id=world.clerk, channel_kind="phone", value="+31612345678")

    await commands.erase_person(world.tenant, "contact", UUID(world.clerk))
    report = await asyncio.to_thread(bob.sync)

    assert (report.refused, report.applied) == (2, 0)
    assert [item.code for item in report.needs_attention] == ["erased", "erased"]
    assert "erased" in report.needs_attention[0].explanation
    assert "Corner Shop Ltd" in json.dumps(report.needs_attention[0].changes)
    assert await tables_with(world, *SECRETS) == []
    assert bytes_with(bob._store.path, *SECRETS) == []
    assert bob.verify() == []
    for item in report.needs_attention:
        bob.resolve(item.number, "discard")


async def test_work_handed_in_before_but_answered_late_is_forgotten_too(world: World, replicas: dict[str, Replica]):
    """The reply was lost; between the push and its repetition the person was erased."""
    ann = replicas["ann"]
    bridge: Any = ann._transport
    ann.contacts.edit(world.clerk, name="Zaphira Quintanilla")
    real = bridge.push

    def lose(request: Any) -> Any:
        real(request)
        raise ConnectionError

    bridge.push = lose
    with pytest.raises(ConnectionError):
        await asyncio.to_thread(ann.sync)
    bridge.push = real

    await commands.erase_person(world.tenant, "contact", UUID(world.clerk))
    await asyncio.to_thread(ann.sync)
    await asyncio.to_thread(ann.sync)

    assert await tables_with(world, *SECRETS) == []
    assert bytes_with(ann._store.path, *SECRETS) == []


async def test_a_refusal_that_quotes_the_person_is_forgotten(world: World, replicas: dict[str, Replica]):
    """Why something was refused may be told with what stood in her row; the outcome is kept for repetitions."""
    ann, bob = replicas["ann"], await world.device("bob")
    ann.contacts.edit(world.clerk, job_title="Cook")
    await bob.edit("contact", world.clerk, job_title="Boss")
    await asyncio.to_thread(ann.sync)
    conflict = ann.conflicts.list()[0]
    await bob.edit("contact", world.clerk, job_title="Head of Haberdashery")
    ann.conflicts.settle(conflict["id"], "keep")
    await asyncio.to_thread(ann.sync)
    assert any("Haberdashery" in item.explanation for item in ann.attention())

    await commands.erase_person(world.tenant, "contact", UUID(world.clerk))
    await asyncio.to_thread(ann.sync)

    assert await tables_with(world, *SECRETS) == []
    assert bytes_with(ann._store.path, *SECRETS) == []


async def test_other_peoples_values_of_the_same_statements_stay(world: World):
    """One statement changed two contacts, and its entry holds both."""
    other = new_id()
    await world.execute(
        "INSERT INTO contact (id, account_id, name) VALUES ($1, $2, 'Otto')", UUID(other), UUID(world.shop)
    )
    await world.execute("UPDATE contact SET name = name || ' Renamed', job_title = 'Both'")

    await commands.erase_person(world.tenant, "contact", UUID(world.clerk))

    kept = await world.fetch(
        'SELECT r."row", e.field, r.old, r.new FROM audit_entry e'
        ' CROSS JOIN LATERAL unnest(e.rows, e.old, e.new) AS r ("row", old, new)'
        " WHERE e.entity = 13 AND e.field = 'name'"
    )
    values = {(str(r["row"]), r["old"], r["new"]) for r in kept}
    assert (other, "Otto", "Otto Renamed") in values
    assert {v[1:] for v in values if v[0] == world.clerk} == {(None, None)}


async def test_the_record_of_an_erasure_names_nobody(world: World, replicas: dict[str, Replica]):
    """It is kept apart, for the day after a restore."""
    await record(world, replicas)
    mia = await world.device("mia")

    rows, at = await commands.erase_person(world.tenant, "contact", UUID(world.clerk), by=mia.actor)

    found = await world.fetch("SELECT * FROM erasure")
    assert len(found) == rows >= 4
    assert {(str(r["subject"]), str(r["asked_by"]), r["at"]) for r in found} == {(world.clerk, mia.member_id, at)}
    assert await commands.list_erasures(world.tenant) == [
        {"entity": "contact", "subject": world.clerk, "at": at.isoformat(), "asked_by": mia.member_id}
    ]


async def test_erasures_are_replayed_after_a_restore(
    world: World, new_tenant: Callable[..., Any], replicas: dict[str, Replica]
):
    """The backup still knows the person; the list says whom to erase again."""
    lines = [
        json.dumps({"entity": "contact", "subject": i, "at": "", "asked_by": None}) for i in (world.clerk, new_id())
    ]
    await record(world, replicas)

    replayed = [outcome async for outcome in commands.replay_erasures(world.tenant, lines)]

    assert [(subject, rows is None) for subject, rows in replayed] == [
        (world.clerk, False), (json.loads(lines[1])["subject"], True),
    ]  # fmt: skip
    assert await tables_with(world, *SECRETS) == []


async def test_erasing_again_does_no_harm(world: World):
    """An operator who is not sure whether it was done does it once more."""
    await commands.erase_person(world.tenant, "contact", UUID(world.clerk))

    await commands.erase_person(world.tenant, "contact", UUID(world.clerk))

    [row] = await world.fetch("SELECT name, deleted_at IS NOT NULL AS gone FROM contact")
    assert row == {"name": "Erased person", "gone": True}


async def test_whoever_never_was_cannot_be_erased(world: World):
    """A mistyped id must not pass for a promise that was kept."""
    with pytest.raises(NotFound):
        await commands.erase_person(world.tenant, "contact", UUID(new_id()))


async def test_devices_converge_after_an_erasure(world: World):
    """With the plain oracle: what is out of sight is gone, what stays is equal."""
    devices = [await world.device(name) for name in ("ann", "bob", "mia")]
    for device in devices:
        await device.pull()

    await commands.erase_person(world.tenant, "contact", UUID(world.clerk))
    outcome = await devices[0].do(delete("contact", world.clerk))
    for device in devices:
        await device.pull()

    assert (outcome["status"], outcome["code"], outcome["erased"]) == ("refused", "erased", [world.clerk])
    await assert_converged(world, *devices)


async def test_a_member_is_erased_once_they_have_left(world: World):
    """Their orders stay, made by “Erased person”; their log-in is gone."""
    identity = UUID(new_id())
    async with platform_transaction():
        await connection().execute(
            "INSERT INTO identity (id, email, password_hash, created_at) VALUES ($1, $2, 'x', now())",
            identity,
            f"zaphira-{identity}@q.example",
        )
        await connection().execute(
            "INSERT INTO membership (tenant_id, identity_id, member_id) VALUES ($1, $2, $3)",
            world.tenant.id,
            identity,
            UUID(world.ann),
        )
    await world.execute(
        "UPDATE member SET name = 'Zaphira', email = 'zaphira@q.example', identity_id = $2 WHERE id = $1",
        UUID(world.ann),
        identity,
    )
    phone = await world.device("ann")
    await world.execute("UPDATE device SET name = 'Zaphira Quintanilla''s phone'")
    with pytest.raises(StillActive):
        await commands.erase_person(world.tenant, "member", UUID(world.ann))
    await world.execute("UPDATE member SET active = false WHERE id = $1", UUID(world.ann))

    await commands.erase_person(world.tenant, "member", UUID(world.ann))

    assert await tables_with(world, *SECRETS) == []
    [member] = await world.fetch("SELECT name, email FROM member WHERE id = $1", UUID(world.ann))
    assert member == {"name": "Erased person", "email": None}
    [device] = await world.fetch("SELECT revoked_at IS NOT NULL AS revoked FROM device WHERE id = $1", UUID(phone.id))
    assert device["revoked"]
    async with platform_transaction():
        assert not await connection().fetchval("SELECT count(*) FROM identity WHERE id = $1", identity)


async def test_an_import_that_is_undone_does_not_bring_the_person_back(tenant: TenantRef, tmp_path: Path):
    """An import keeps what stood there before, so that it can be taken back."""
    office = Office(tenant, tmp_path)
    world = World(tenant, {})
    await office.load("customers.csv", "id,name\nC1,Corner Shop\n", "account")
    await office.load(
        "contacts.csv", "id,account,name,job_title,email\nZ1,C1,Zaphira,Head of Haberdashery,zaphira@q.example\n"
    )
    contact = await office.one("SELECT id FROM contact")
    await office.load(
        "contacts.csv", "id,account,name,job_title,email\nZ1,C1,Zaphira Quintanilla,Buyer,zaphira@q.example\n"
    )
    assert any(line.startswith("import_line") for line in await tables_with(world, *SECRETS))

    await commands.erase_person(tenant, "contact", contact)
    await office.undo()

    assert await tables_with(world, *SECRETS) == []


async def test_contacts_that_were_merged_are_one_person(world: World):
    """The one that lost is a tombstone, with all that stood in it; and the merge remembers, to be undone."""
    winner, merge = UUID(new_id()), UUID(new_id())
    await world.execute("UPDATE contact SET name = 'Zaphira', deleted_at = now() WHERE id = $1", UUID(world.clerk))
    await world.execute(
        "INSERT INTO contact (id, account_id, name) VALUES ($1, $2, 'Zaphira Quintanilla')", winner, UUID(world.shop)
    )
    await world.execute(
        "INSERT INTO merge (id, entity, winner_id, loser_id) VALUES ($1, 'contact', $2, $3)",
        merge,
        winner,
        UUID(world.clerk),
    )
    await world.execute(
        "INSERT INTO merge_step (merge_id, entity, row_id, field, before) VALUES ($1, 'contact', $2, 'name', $3)",
        merge,
        winner,
        json.dumps("Zaphira"),
    )

    await commands.erase_person(world.tenant, "contact", winner)

    assert await tables_with(world, *SECRETS) == []
    erased = await world.fetch("SELECT name FROM contact WHERE id = ANY ($1)", [winner, UUID(world.clerk)])
    assert [row["name"] for row in erased] == ["Erased person"] * 2
