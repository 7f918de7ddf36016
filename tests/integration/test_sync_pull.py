"""Pulls against PostgreSQL: whatever is written meanwhile, by whom and how, a drained device equals a fresh query."""

import asyncio
import json
import random
import re
from typing import Any

import asyncpg
import pytest

from server.connections import Databases
from server.db import tenant_transaction
from server.sync.position import Position, PositionUnknown
from server.sync.pull import pull
from tests.integration.sync_oracle import Oracle, assert_converged
from tests.integration.sync_world import WireDevice, World, create, new_id, order_changes

AN_ID = "01920000-0000-7000-8000-0000000000c1"
HISTORIES = 30
STEPS = 30


async def pulled(world: World, member: str) -> WireDevice:
    device = await world.device(member)
    await device.pull()
    return device


# S5


async def test_s5_plain_sql_reaches_devices(world: World):
    """Inserted, changed and deleted in psql, with no word to the application."""
    ann, contact = await pulled(world, "ann"), new_id()

    for sql in (
        f"INSERT INTO contact (id, account_id, name) VALUES ('{contact}', '{world.shop}', 'Psql')",
        f"UPDATE contact SET name = 'Psql 2' WHERE id = '{contact}'",
        "UPDATE stock SET quantity = quantity - 1",
        f"DELETE FROM contact WHERE id = '{contact}'",
        'UPDATE product SET names = \'{"de": "Tee"}\', active = false',
        f"UPDATE contact SET deleted_at = NULL WHERE id = '{contact}'",
    ):
        await world.execute(sql)
        before = ann.cursor
        await ann.pull()
        assert ann.cursor == before + 1
        await assert_converged(world, ann)


async def test_s5_overlapping_plain_transactions_lose_nothing(world: World, databases: Databases):
    """A began first and commits last; B waits for it, and no pull in between skips either."""
    ann = await pulled(world, "ann")
    schema = world.tenant.schema
    order: list[str] = []

    async def write(name: str, hold: asyncio.Event | None) -> None:
        async with databases.pools["main"].acquire() as conn, conn.transaction():
            await conn.execute(f'SET LOCAL ROLE "{schema}"')
            sql = f'INSERT INTO "{schema}".contact (id, account_id, name) VALUES ($1, $2, $3)'
            await conn.execute(sql, new_id(), world.shop, name)
            if hold is not None:
                await hold.wait()
        order.append(name)

    release = asyncio.Event()
    a = asyncio.create_task(write("A", release))
    await asyncio.sleep(0.1)
    b = asyncio.create_task(write("B", None))
    await asyncio.sleep(0.1)
    await ann.pull()
    assert not order
    assert not {c["name"] for c in ann.rows["contact"].values()} & {"A", "B"}

    release.set()
    await asyncio.gather(a, b)
    await ann.pull()

    assert order == ["A", "B"]
    assert {c["name"] for c in ann.rows["contact"].values()} >= {"A", "B"}
    await assert_converged(world, ann)


async def test_s5_a_rolled_back_transaction_is_never_seen(world: World):
    """Its revision is given to the next one."""
    ann = await pulled(world, "ann")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await world.execute("UPDATE contact SET name = 'Never'; SELECT 1 / 0")
    await world.execute("UPDATE contact SET name = 'After'")
    await ann.pull()

    assert ann.rows["contact"][world.clerk]["name"] == "After"
    await assert_converged(world, ann)


async def test_s4_a_pull_shows_a_transaction_at_once_or_not_at_all(world: World):
    """Two rows always change together; however small the pages, the device never holds one without the other."""
    ann = await pulled(world, "ann")
    count = iter(range(1_000))

    async def change_both() -> None:
        number = next(count)
        await world.execute(
            "WITH a AS (UPDATE product SET description = $1 WHERE id = $2)"
            " UPDATE contact SET description = $1 WHERE id = $3",
            str(number), world.tea, world.clerk,
        )  # fmt: skip

    for _ in range(10):
        await change_both()
        calls = iter(range(3))

        async def between(calls: Any = calls) -> None:
            if next(calls, None) is not None:
                await change_both()

        await ann.pull(page_rows=1, between=between)
        assert ann.rows["product"][world.tea]["description"] == ann.rows["contact"][world.clerk]["description"]


# Values


@pytest.mark.parametrize(
    "text",
    [
        "👩‍👩‍👧‍👦🏳️‍🌈", "שלום עולם", "مرحبا", "Ünï\u0301codé", "line\nbreak\ttab", "\u202eRTL override",
        "'; DROP TABLE contact; --",
        '"quoted\\"', "\\u0000", "𐍈" * 50, " leading and trailing ", "%s {} $1", "\u2028\ufeff\x7f\x01",
    ],
)  # fmt: skip
async def test_any_text_that_a_person_can_type_survives_the_way(world: World, text: str):
    """From one phone to another, byte for byte."""
    ann, bob = await pulled(world, "ann"), await pulled(world, "bob")
    contact = new_id()

    outcome = await ann.push(
        ann.mutation(create("contact", contact, account_id=world.shop, name=text, description=text)),
        ann.mutation(ann.edit_change("account", world.shop, tags=json.dumps([text]))),
        ann.mutation(ann.edit_change("outlet", world.shop_outlet, address=json.dumps({text: [text]}))),
    )
    await bob.pull()

    assert [o["status"] for o in outcome] == ["applied"] * 3
    assert bob.rows["contact"][contact]["name"] == text
    assert bob.rows["contact"][contact]["description"] == text
    assert json.loads(bob.rows["account"][world.shop]["tags"]) == [text]
    assert json.loads(bob.rows["outlet"][world.shop_outlet]["address"]) == {text: [text]}
    await assert_converged(world, bob)


async def test_the_longest_text_and_the_largest_numbers_survive(world: World):
    """The limits of the format are inside it."""
    ann, bob = await pulled(world, "ann"), await pulled(world, "bob")
    order, line, long = new_id(), new_id(), "ж" * 2_000
    changes = order_changes(world, order, "1", line_id=line)
    changes[1]["fields"]["position"] = 2**63 - 1

    await ann.do(ann.edit_change("contact", world.clerk, description=long))
    await ann.do(*changes[:2])
    await world.execute(f"UPDATE agreement SET credit_limit_minor = {-(2**63)}, discount_max = 0.123456789")
    await world.execute("UPDATE stock SET quantity = 999999999999999.999999999")
    await bob.pull()

    assert bob.rows["contact"][world.clerk]["description"] == long
    assert bob.rows["order_line"][line]["position"] == 2**63 - 1
    assert bob.rows["agreement"][world.shop_terms]["credit_limit_minor"] == -(2**63)
    assert bob.rows["stock"][world.tea_stock]["quantity"] == "999999999999999.999999999"
    await assert_converged(world, bob)


# Cursor and position


async def test_a_cursor_of_a_lost_epoch_is_told_each_outcome_once(world: World):
    """Not acknowledged, and decided in an epoch that the device has not heard of: it hears it once."""
    device = await pulled(world, "ann")
    await device.do(create("contact", new_id(), account_id=world.shop, name="New"))
    async with tenant_transaction(world.tenant, snapshot=True):
        page = await pull(2**62, Position.parse(None), actor=device.actor, view=device.view, page_rows=10_000)

    assert [outcome["number"] for outcome in page["outcomes"]] == [1]


async def test_a_cursor_beyond_the_head_is_answered_with_the_head(world: World):
    """The server was restored from a backup, and the device can see it (docs/sync-protocol.md, 3.4)."""
    ann = await pulled(world, "ann")
    head = ann.cursor

    for cursor in (head + 1_000, 2**63 - 1, 2**63, 10**40):
        ann.cursor = cursor
        assert await ann.pull() == 1
        assert ann.cursor == head


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "null", "1", "[]", "{}", "[1,2,3,4]", "[" * 5_000,
        f'[1,"x",1,"{AN_ID}",0]',
        f'[1,"{AN_ID}",1,"{"0" * 36}",0]',
        f'[true,"{AN_ID}",1,"{AN_ID}",0]',
        f'[-1,"{AN_ID}",1,"{AN_ID}",0]',
        f'[{2**70},"{AN_ID}",1,"{AN_ID}",0]',
        f'[1.5,"{AN_ID}",1,"{AN_ID}",0]',
        f'[1,"{AN_ID}",1,["x"],0]',
        f'[1,"{AN_ID}",1,"{AN_ID}",null]',
    ],
)  # fmt: skip
def test_a_position_that_is_none_of_ours_is_bad_input(text: str):
    """Opaque to clients, and not to be trusted."""
    with pytest.raises(PositionUnknown):
        Position.parse(text)


def test_a_position_comes_back_as_it_went():
    """Else pages would be skipped."""
    position = Position(5, new_id(), 7, new_id(), 9, "view", anew=True, token=new_id())

    assert Position.parse(position.text()) == position


# S3: random histories

# {new}: a fresh id; {n}: a number; {member}: ann, bob or mia; {table}: a live row of it;
# {dead table}: a deleted one.
_MORTAL = ("contact", "contact_channel", "outlet", "assignment", "order", "order_line", "agreement", "territory")
_STATEMENTS = [
    "UPDATE contact SET name = 'N{n}' WHERE id = {contact}",
    "UPDATE contact SET account_id = {account}, outlet_id = NULL WHERE id = {contact}",
    "UPDATE contact SET outlet_id = {outlet} WHERE id = {contact}",
    "INSERT INTO contact (id, account_id, name) VALUES ({new}, {account}, 'C{n}')",
    "INSERT INTO contact_channel (id, contact_id, channel_kind, value) VALUES ({new}, {contact}, 'phone', '{n}')",
    "UPDATE contact_channel SET contact_id = {contact} WHERE id = {contact_channel}",
    "UPDATE outlet SET territory_id = {territory} WHERE id = {outlet}",
    "UPDATE outlet SET territory_id = NULL WHERE id = {outlet}",
    "UPDATE outlet SET account_id = {account} WHERE id = {outlet}",
    "INSERT INTO outlet (id, account_id, name, territory_id) VALUES ({new}, {account}, 'O{n}', {territory})",
    "INSERT INTO account (id, name, created_by) VALUES ({new}, 'A{n}', {member})",
    "UPDATE account SET name = 'A{n}', tags = '[\"{n}\"]' WHERE id = {account}",
    "UPDATE agreement SET account_id = {account} WHERE id = {agreement}",
    "INSERT INTO assignment (id, member_id, outlet_id) VALUES ({new}, {member}, {outlet})",
    "UPDATE assignment SET outlet_id = {outlet} WHERE id = {assignment}",
    "UPDATE assignment SET member_id = {member} WHERE id = {assignment}",
    "UPDATE assignment SET ends_on = current_date - 1 WHERE id = {assignment}",
    "UPDATE assignment SET ends_on = NULL WHERE id = {assignment}",
    "UPDATE territory SET manager_id = {member} WHERE id = {territory}",
    "UPDATE territory SET manager_id = NULL WHERE id = {territory}",
    "INSERT INTO territory (id, name, parent_id) VALUES ({new}, 'T{n}', {territory})",
    "UPDATE member SET role = 'rep' WHERE id = {member}",
    "UPDATE member SET role = 'manager' WHERE id = {member}",
    "UPDATE member SET role = 'admin' WHERE id = {member}",
    "UPDATE member SET role = 'billing' WHERE id = {member}",
    "UPDATE stock SET quantity = {n} WHERE id = {stock}",
    "UPDATE price_item SET price = {n} WHERE id = {price_item}",
    'UPDATE "order" SET outlet_id = {outlet} WHERE id = {order}',
    "UPDATE order_line SET order_id = {order} WHERE id = {order_line}",
    *(f'DELETE FROM "{table}" WHERE id = {{{table}}}' for table in _MORTAL),
    *(f'UPDATE "{table}" SET deleted_at = NULL WHERE id = {{dead {table}}}' for table in _MORTAL),
    "DELETE FROM account WHERE id = {account}",
    "UPDATE account SET deleted_at = NULL WHERE id = {dead account}",
]


class History:
    """Writers of every kind, driven by one seed."""

    def __init__(self, world: World, devices: list[WireDevice], seed: int) -> None:
        self.world, self.devices, self.random = world, devices, random.Random(seed)
        self.log: list[str] = []

    async def step(self) -> None:
        """One transaction by somebody."""
        if self.random.random() < 0.3:
            await self._push()
        else:
            await self._sql()

    async def _sql(self) -> None:
        chosen = self.random.choices(_STATEMENTS, k=self.random.choice((1, 1, 2)))
        statements = [s for s in [await self._filled(c) for c in chosen] if s is not None]
        if statements:
            self.log.append("; ".join(statements))
            await self.world.execute("; ".join(statements))

    async def _filled(self, statement: str) -> str | None:
        for placeholder in re.findall(r"\{([a-z_ ]+)\}", statement):
            value = await self._value(placeholder)
            if value is None:
                return None
            statement = statement.replace(f"{{{placeholder}}}", value, 1)
        return statement

    async def _value(self, placeholder: str) -> str | None:
        if placeholder == "new":
            return f"'{new_id()}'"
        if placeholder == "n":
            return str(self.random.randrange(1_000))
        if placeholder == "member":
            return f"'{self.random.choice((self.world.ann, self.world.bob, self.world.mia))}'"
        table = placeholder.removeprefix("dead ")
        condition = "IS NULL" if table == placeholder else "IS NOT NULL"
        rows = await self.world.fetch(f'SELECT id FROM "{table}" WHERE deleted_at {condition} ORDER BY id')
        return f"'{self.random.choice(rows)['id']}'" if rows else None

    async def _push(self) -> None:
        device = self.random.choice(self.devices)
        contacts, outlets = list(device.rows.get("contact", {})), list(device.rows.get("outlet", {}))
        account = new_id()
        choices: list[list[dict[str, Any]]] = [
            [create("account", account, name="Made"), create("outlet", new_id(), account_id=account, name="Made")],
            order_changes(self.world, new_id(), str(self.random.randrange(1, 9))),
            [device.edit_change("account", self.world.shop, name=f"P{self.random.randrange(99)}", tags='["p"]')],
        ]
        if contacts:
            contact = self.random.choice(contacts)
            choices.append([device.edit_change("contact", contact, job_title=f"J{self.random.randrange(99)}")])
            choices.append([{"op": "delete", "entity": "contact", "id": contact, "base": device.cursor}])
        if outlets:
            choices.append([device.edit_change("outlet", self.random.choice(outlets), description="seen")])
        changes = self.random.choice(choices)
        self.log.append(f"push {json.dumps(changes)}")
        await device.do(*changes)


@pytest.mark.parametrize("seed", range(HISTORIES))
async def test_s3_a_paged_pull_amid_writers_ends_equal_to_a_fresh_query(world: World, seed: int):
    """Pages of 1 to 5 rows, and between any two somebody writes, moves, deletes, grants or takes away."""
    devices = [await pulled(world, name) for name in ("ann", "bob", "mia")]
    history = History(world, devices, seed)
    chance = history.random
    try:
        for _ in range(STEPS // 3):
            for _ in range(chance.randrange(3)):
                await history.step()
            device = chance.choice(devices)

            async def between() -> None:
                if chance.random() < 0.25:
                    await history.step()

            await device.pull(page_rows=chance.randrange(1, 6), between=between)
        fresh = await world.device(chance.choice(("ann", "bob", "mia")))
        await fresh.pull(page_rows=chance.randrange(1, 6), between=between)
        for device in (*devices, fresh):
            await device.pull(page_rows=chance.randrange(1, 6))
        await assert_converged(world, *devices, fresh)
    except AssertionError as error:
        error.add_note("\n".join(history.log))
        raise


async def test_the_oracle_is_not_empty(world: World):
    """An oracle that sees nothing would agree with anything."""
    oracle = await Oracle.look(world)

    assert {"account", "outlet", "contact", "stock", "assignment"} <= set(oracle.rows_of(world.ann))
    assert oracle.rows_of(world.ann) != oracle.rows_of(world.bob)
