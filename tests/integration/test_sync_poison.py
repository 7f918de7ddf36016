"""A mutation is whole or not at all (S4), and one that cannot be is found, refused and passed (S8)."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import pytest

from server.clock import now, to_micros
from server.sync import apply as apply_module
from tests.integration.sync_oracle import assert_converged
from tests.integration.sync_world import DAY_US, WireDevice, World, create, delete, new_id, statuses

NUL = chr(0)


async def test_s4_a_mutation_is_whole_or_not_at_all(world: World, ann: WireDevice):
    """Of an outlet with a contact that is wrong, neither stays."""
    account, outlet = new_id(), new_id()

    outcome = await ann.do(
        create("account", account, name="New"),
        create("outlet", outlet, account_id=account, name="New"),
        create("contact", new_id(), account_id=account, name="x" * 500),
    )

    assert outcome["status"] == "refused"
    assert not await world.fetch("SELECT 1 FROM account WHERE id = $1", account)
    await ann.pull()
    await assert_converged(world, ann)


async def test_s4_the_database_failing_at_the_last_change_undoes_the_mutation_alone(
    world: World, ann: WireDevice, as_owner: Callable[[str], Awaitable[None]]
):
    """What nobody foresaw fails in the middle of the write; the rest of the batch goes on."""
    await as_owner("ALTER TABLE \"{schema}\".contact ADD CONSTRAINT unlucky CHECK (name <> 'Thirteen')")
    account = new_id()
    batch = [ann.mutation(ann.edit_change("contact", world.clerk, job_title="Buyer"))]
    batch.append(
        ann.mutation(
            create("account", account, name="Gone"),
            create("contact", new_id(), account_id=account, name="Twelve"),
            create("contact", new_id(), account_id=account, name="Thirteen"),
        )
    )
    batch.append(ann.mutation(ann.edit_change("contact", world.mail, value="x")))
    batch.append(ann.mutation(ann.edit_change("contact", world.clerk, language="fr")))

    outcomes = await ann.push(*batch)

    assert [(o["status"], o.get("code")) for o in outcomes] == [
        ("applied", None),
        ("refused", "poison"),
        ("refused", "not_found"),
        ("applied", None),
    ]
    assert not await world.fetch("SELECT 1 FROM account WHERE id = $1", account)
    assert not await world.fetch("SELECT 1 FROM contact WHERE name = 'Twelve'")
    assert await world.fetch("SELECT job_title, language FROM contact WHERE id = $1", world.clerk) == [
        {"job_title": "Buyer", "language": "fr"}
    ]


async def test_s4_a_device_sees_its_own_writes_at_the_next_pull(world: World, ann: WireDevice):
    """What was applied is in the pull that says so."""
    contact = new_id()

    await ann.do(create("contact", contact, account_id=world.shop, name="Mine"))
    await ann.pull()

    assert ann.rows["contact"][contact]["name"] == "Mine"
    await assert_converged(world, ann)


async def test_s4_a_row_made_and_deleted_in_one_push_is_gone_everywhere(world: World, ann: WireDevice, bob: WireDevice):
    """People change their minds offline: nobody is to see the row come alive."""
    contact = new_id()

    outcomes = await ann.push(
        ann.mutation(create("contact", contact, account_id=world.shop, name="Oops")),
        ann.mutation(delete("contact", contact)),
    )
    await ann.pull()
    await bob.pull()

    assert statuses(outcomes) == ["applied", "applied"]
    assert contact not in ann.rows["contact"]
    await assert_converged(world, ann, bob)


async def test_s4_losing_twice_with_one_mutation_is_no_poison(world: World, ann: WireDevice, bob: WireDevice):
    """Two edits of one field in one transaction, both losing, are one conflict record."""
    await bob.edit("contact", world.clerk, job_title="Chef")
    early = to_micros(now()) - DAY_US // 24
    await world.execute("UPDATE device SET enrolled_at = now() - interval '2 days'")

    edits = [ann.edit_change("contact", world.clerk, job_title=title) for title in ("Buyer", "Owner")]
    outcome = await ann.do(*edits, captured_at=early)

    assert outcome["status"] == "merged"
    assert [json.loads(c["lost"]) for c in outcome["conflicts"]] == ["Owner"]
    assert len(await world.fetch("SELECT 1 FROM conflict")) == 1


@pytest.fixture
def as_owner(world: World, owner_urls: dict[str, str]) -> Callable[[str], Awaitable[None]]:
    """Runs SQL as the owner of the tenant's schema."""

    async def run(sql: str) -> None:
        owner = await asyncpg.connect(owner_urls["main"])
        try:
            await owner.execute(sql.replace("{schema}", world.tenant.schema))
        finally:
            await owner.close()

    return run


_EXPLODES = """
CREATE FUNCTION "{schema}".explode() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.name = 'No. 31' THEN RAISE EXCEPTION 'boom'; END IF; RETURN NEW; END $$;
CREATE TRIGGER explode BEFORE INSERT ON "{schema}".contact FOR EACH ROW EXECUTE FUNCTION "{schema}".explode();
"""


async def test_s8_one_poison_in_fifty_is_found_refused_and_passed(
    world: World, ann: WireDevice, as_owner: Callable[[str], Awaitable[None]]
):
    """49 of 50 people's hours of work must not wait for a programmer."""
    await as_owner(_EXPLODES)
    batch = [ann.mutation(create("contact", new_id(), account_id=world.shop, name=f"No. {n}")) for n in range(1, 51)]

    outcomes = await ann.push(*batch)
    again = await ann.push(*batch)

    refused = [o for o in outcomes if o["status"] == "refused"]
    assert [(o["number"], o["code"]) for o in refused] == [(31, "poison")]
    assert "choices" in refused[0]
    assert again == outcomes
    assert len(await world.fetch("SELECT 1 FROM contact WHERE name LIKE 'No. %'")) == 49
    kept = await world.fetch("SELECT number, code FROM refused_mutation")
    assert kept == [{"number": 31, "code": "poison"}]


@pytest.mark.parametrize("name", [f"a{NUL}b", "\\u0000", f"\\{NUL}", "\\\\u0000", chr(0xD800), f"\\{chr(0xDFFF)}"])
async def test_s8_a_payload_that_json_columns_cannot_hold_is_refused_and_kept(world: World, ann: WireDevice, name: str):
    """The record of a refusal must not be what stops the queue."""
    half = any(0xD800 <= ord(c) <= 0xDFFF for c in name)
    if half:  # the digest cannot be computed of it: it cannot come over the wire, but may come from elsewhere
        text = apply_module._storable({"number": 1, "digest": "", "changes": name})
        assert await world.fetch("SELECT $1::jsonb ->> 'changes' AS kept", text)
        return

    bad = create("contact", new_id(), account_id=new_id(), name=name)
    unknown = {"op": "edit", "entity": name, "id": new_id(), "fields": {name: name}}
    outcomes = await ann.push(ann.mutation(bad), ann.mutation(unknown), ann.mutation({"op": name, "id": new_id()}))

    assert [o["code"] for o in outcomes] == ["parent_missing", "entity_unknown", "entity_unknown"]
    assert len(await world.fetch("SELECT 1 FROM refused_mutation")) == 3


async def test_s8_a_payload_nested_to_the_limit_is_refused_and_passed(world: World, ann: WireDevice):
    """What the parser lets through, everything behind it must bear."""
    deep: Any = "x"
    for _ in range(700):
        deep = [deep]
    seen = {"op": "intent", "name": "order.submit", "id": new_id(), "seen": {"total_minor": 1, "lines": deep}}
    value = {"op": "edit", "entity": "contact", "id": world.clerk, "fields": {"name": {"value": deep, "base": 0}}}

    outcomes = await ann.push(
        ann.mutation(seen), ann.mutation(value), ann.mutation(ann.edit_change("contact", world.clerk, language="fr"))
    )

    assert statuses(outcomes) == ["refused", "refused", "applied"]


async def test_s8_trouble_of_the_server_refuses_nobodys_work(
    world: World, ann: WireDevice, as_owner: Callable[[str], Awaitable[None]]
):
    """A full disk or a missing table fails the push, which comes again; it must not turn good work into poison."""
    batch = [ann.mutation(create("contact", new_id(), account_id=world.shop, name=f"No. {n}")) for n in range(4)]
    await as_owner("""CREATE FUNCTION "{schema}".no_space() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'disk full' USING ERRCODE = 'disk_full'; END $$;
        CREATE TRIGGER no_space BEFORE INSERT ON "{schema}".contact EXECUTE FUNCTION "{schema}".no_space()""")

    with pytest.raises(asyncpg.DiskFullError):
        await ann.push(*batch)
    await as_owner('DROP TRIGGER no_space ON "{schema}".contact')

    assert statuses(await ann.push(*batch)) == ["applied"] * 4


async def test_s8_every_kind_of_garbage_in_one_push_is_refused_one_by_one(world: World, ann: WireDevice):
    """A client written by somebody else may be wrong in any way; its queue drains, and its good work is applied."""
    garbage: list[Any] = [
        None,
        "x",
        [],
        {},
        {"op": "edit"},
        {"op": "edit", "entity": "contact", "id": "x"},
        {"op": "edit", "entity": "contact", "id": world.clerk, "fields": []},
        {"op": "edit", "entity": "contact", "id": world.clerk, "fields": {"name": "x"}},
        {"op": "edit", "entity": "contact", "id": world.clerk, "fields": {"name": {"value": "x", "base": -1}}},
        {"op": "edit", "entity": "contact", "id": world.clerk, "fields": {"name": {"value": "x", "base": 2**80}}},
        {"op": "edit", "entity": "contact", "id": world.clerk, "fields": {"id": {"value": new_id(), "base": 0}}},
        {"op": "edit", "entity": "contact", "id": world.clerk, "fields": {"revision": {"value": 10**30, "base": 0}}},
        {
            "op": "edit",
            "entity": "contact",
            "id": world.clerk,
            "fields": {"custom": {"value": '{"nobodys": 1}', "base": 0}},
        },
        {"op": "create", "entity": "conflict", "id": new_id(), "fields": {}},
        {"op": "create", "entity": "stock", "id": new_id(), "fields": {"quantity": "5"}},
        {"op": "create", "entity": "contact", "id": world.clerk, "fields": {"account_id": world.shop, "name": "x"}},
        {"op": "delete", "entity": "account", "id": world.shop, "base": 0},
        {"op": "delete", "entity": "contact", "id": world.clerk, "base": True},
        {"op": "intent", "name": "order.submit", "id": new_id(), "seen": None},
        {"op": "intent", "name": "drop table", "id": new_id(), "seen": {}},
        {"op": "edit", "entity": "'; DROP TABLE contact; --", "id": new_id(), "fields": {}},
    ]
    good = ann.edit_change("contact", world.clerk, job_title="Buyer")

    outcomes = await ann.push(*(ann.mutation(g) for g in garbage), ann.mutation(good))

    by_code = {o.get("code") for o in outcomes}
    assert statuses(outcomes[:9]) == ["refused"] * 9
    assert outcomes[9]["status"] == "applied"  # a base beyond all revisions: nothing can be newer
    assert statuses(outcomes[10:-1]) == ["refused"] * (len(garbage) - 10)
    assert outcomes[-1]["status"] == "applied"
    assert "poison" not in by_code
