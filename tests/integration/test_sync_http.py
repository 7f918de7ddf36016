"""Push and pull over HTTP: what is malformed is named, what is too large is stopped, who may not sync is told so."""

import gzip
import json
from typing import Any
from uuid import UUID

import pytest

from server.auth.standings import forget_standings
from server.auth.tokens import keys
from server.sync import apply as apply_module
from tests.integration.sync_requests import LIMIT, encoded, pull_body, push_body, send, token_of
from tests.integration.sync_world import WireDevice, World, create, make_world, new_id


async def test_a_push_and_a_pull_go_through(world: World, ann: WireDevice):
    """Compressed both ways, with outcomes and rows."""
    mutation = ann.mutation(ann.edit_change("contact", world.clerk, job_title="Buyer"))

    pushed = await send(ann, "/sync/push", gzip.compress(encoded(push_body(mutation))), **{"Content-Encoding": "gzip"})
    pulled = await send(ann, "/sync/pull", encoded(pull_body()), **{"Accept-Encoding": "gzip"})

    assert pushed.status_code == 200
    assert [o["status"] for o in pushed.json()["outcomes"]] == ["applied"]
    assert pulled.status_code == 200
    assert pulled.headers["content-encoding"] == "gzip"
    assert "Buyer" in pulled.json()["puts"]["contact"]["job_title"]
    assert pulled.json()["applied_through"] == 1


GOOD = {"number": 1, "digest": "0" * 64, "captured_at": 0, "skew": None, "changes": []}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/sync/push", push_body(incarnation="1"), "incarnation"),
        ("/sync/push", push_body(incarnation=0), "incarnation"),
        ("/sync/push", push_body(acked_through=-1), "acked_through"),
        ("/sync/push", push_body(acked_through=1.5), "acked_through"),
        ("/sync/push", push_body(colour="red"), "colour"),
        ("/sync/push", {"protocol": 1, "incarnation": 1, "acked_through": 0}, "mutations"),
        ("/sync/push", push_body(mutations={}), "mutations"),
        ("/sync/push", push_body(None), "mutations"),
        ("/sync/push", push_body(GOOD | {"number": 0}), "number"),
        ("/sync/push", push_body(GOOD | {"number": True}), "number"),
        ("/sync/push", push_body(GOOD | {"digest": "x"}), "digest"),
        ("/sync/push", push_body(GOOD | {"captured_at": None}), "captured_at"),
        ("/sync/push", push_body(GOOD | {"captured_at": 1e300}), "captured_at"),
        ("/sync/push", push_body(GOOD | {"skew": "0"}), "skew"),
        ("/sync/push", push_body(GOOD | {"changes": {}}), "changes"),
        ("/sync/push", push_body(GOOD | {"changes": ["x"]}), "changes"),
        ("/sync/push", push_body(GOOD | {"note": "x"}), "note"),
        ("/sync/push", push_body(*[GOOD] * 2_001), "mutations"),
        ("/sync/pull", pull_body(cursor="0"), "cursor"),
        ("/sync/pull", pull_body(cursor=-1), "cursor"),
        ("/sync/pull", pull_body(position=5), "position"),
        ("/sync/pull", pull_body(schema=2), "schema"),
        ("/sync/pull", pull_body(sort="name"), "sort"),
        ("/sync/pull", [], "body"),
    ],
)  # fmt: skip
async def test_what_is_malformed_is_named(ann: WireDevice, path: str, body: Any, field: str):
    """Who writes a client learns which field is wrong; nothing is applied."""
    reply = await send(ann, path, encoded(body))

    problem = reply.json()
    assert (reply.status_code, problem["code"]) == (400, "invalid_input")
    assert field in problem["errors"][0]["field"]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"\xff\xfe", b'{"protocol": 1', b'"\xed\xa0\x80"', b'{"protocol": NaN}',
     b'{"protocol":1,"incarnation":1,"acked_through":0,"mutations":[{"changes":[{"x":"\xff"}]}]}',
     b'{"protocol":1,"incarnation":1,"acked_through":0,"mutations":[{"changes":[{"x":' + b"[" * 100_000],
    ids=lambda c: repr(c)[:20],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/sync/push", "/sync/pull"])
async def test_what_is_not_json_is_bad_input(ann: WireDevice, path: str, content: bytes):
    """Never a 500, however broken: a bug of the client's must not look like one of ours."""
    reply = await send(ann, path, content)

    assert (reply.status_code, reply.json()["code"]) == (400, "invalid_input")


@pytest.mark.parametrize(
    "position",
    ["x", "[]", "[" * 1_000, '[1,"x",1,"y",0]', '[1,"é",1,null,0]', f'[{10**30},"",1,"",0]'],
    ids=lambda p: p[:16],
)
async def test_a_position_of_nobodys_starts_the_pull_anew(ann: WireDevice, position: str):
    """A code of its own, so that the client may help itself."""
    reply = await send(ann, "/sync/pull", encoded(pull_body(position=position)))

    assert (reply.status_code, reply.json()["code"]) == (400, "position_unknown")


@pytest.mark.parametrize("cursor", [2**63 - 1, 2**63, 10**30])
async def test_a_cursor_beyond_all_revisions_is_answered(ann: WireDevice, cursor: int):
    """A server restored from a backup says where it stands."""
    reply = await send(ann, "/sync/pull", encoded(pull_body(cursor=cursor)))

    assert reply.status_code == 200
    assert reply.json()["cursor"] == ann.cursor


async def test_a_body_of_8_mib_is_taken_and_one_byte_more_is_not(world: World, ann: WireDevice):
    """The limit is exact, so that a client can keep to it."""
    mutation = ann.mutation(create("contact", new_id(), account_id=world.shop, name="x"))
    body = encoded(push_body(mutation))
    full = body + b" " * (LIMIT - len(body))

    too_large = await send(ann, "/sync/push", full + b" ")
    taken = await send(ann, "/sync/push", full)

    assert too_large.status_code == 413
    assert taken.status_code == 200


async def test_a_gzip_bomb_is_stopped_at_the_limit(ann: WireDevice):
    """A few kilobytes must not become a gigabyte."""
    bomb = gzip.compress(b" " * (1024 * 1024 * 256), 9)
    exact = gzip.compress(b" " * (LIMIT + 1))

    for content in (bomb, exact):
        reply = await send(ann, "/sync/push", content, **{"Content-Encoding": "gzip"})
        assert (reply.status_code, reply.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("cut", [5, 20, -1, -8])
async def test_a_cut_or_broken_gzip_body_is_bad_input(ann: WireDevice, cut: int):
    """The network broke off: come again with all of it."""
    whole = gzip.compress(encoded(push_body()))

    for content in (whole[:cut], b"not gzip", whole[:20] + b"\xff" * 20 + whole[40:]):
        reply = await send(ann, "/sync/push", content, **{"Content-Encoding": "gzip"})
        assert (reply.status_code, reply.json()["errors"][0]["field"]) == (400, "Content-Encoding")


@pytest.mark.parametrize("path", ["/sync/push", "/sync/pull"])
@pytest.mark.parametrize("more", [{}, {"surprise": [1, 2]}], ids=["same fields", "other fields"])
@pytest.mark.parametrize("protocol", [0, 99])
async def test_another_protocol_is_told_to_update(ann: WireDevice, path: str, more: dict[str, Any], protocol: int):
    """Also when its messages look otherwise: the version is what is wrong, not a field."""
    reply = await send(ann, path, encoded({"protocol": protocol} | more))

    assert (reply.status_code, reply.json()["code"]) == (426, "client_too_old")


@pytest.mark.parametrize(("path", "body"), [("/sync/push", push_body()), ("/sync/pull", pull_body())])
async def test_who_may_not_sync_is_told_so(world: World, ann: WireDevice, path: str, body: Any):
    """A browser's token is no device's; no token is nobody's; a revoked device is told what happened."""
    browser = await token_of(ann, device_id=None)
    without = await send(ann, path, encoded(body), token=browser)
    nobody = await send(ann, path, encoded(body), token="nonsense")
    await world.execute("UPDATE device SET revoked_at = now() WHERE id = $1", ann.id)
    forget_standings()
    revoked = await send(ann, path, encoded(body))

    assert (without.status_code, without.json()["code"]) == (403, "forbidden")
    assert nobody.status_code == 401
    assert (revoked.status_code, revoked.json()["code"]) == (401, "device_revoked")


async def test_a_device_revoked_within_the_memory_of_the_process_is_refused_all_the_same(world: World, ann: WireDevice):
    """The session may be remembered; the device is looked at in the transaction."""
    assert (await send(ann, "/sync/pull", encoded(pull_body()))).status_code == 200
    await world.execute("UPDATE device SET revoked_at = now() WHERE id = $1", ann.id)

    for path, body in (("/sync/push", push_body()), ("/sync/pull", pull_body())):
        reply = await send(ann, path, encoded(body))
        assert (reply.status_code, reply.json()["code"]) == (401, "device_revoked")


async def test_conflicts_of_a_push_as_a_whole_say_how_to_go_on(world: World, ann: WireDevice):
    """409 with what the client needs, in members of the problem."""
    first, second = (ann.mutation(ann.edit_change("contact", world.clerk, job_title=t)) for t in ("Buyer", "Chef"))

    gap = await send(ann, "/sync/push", encoded(push_body(second)))
    forked = await send(ann, "/sync/push", encoded(push_body(first | {"captured_at": 1})))
    unknown = await send(ann, "/sync/push", encoded(push_body(first, incarnation=7)))

    assert (gap.status_code, gap.json()["code"], gap.json()["expected"]) == (409, "number_gap", 1)
    assert (forked.status_code, forked.json()["code"], forked.json()["number"]) == (409, "forked", 1)
    assert (unknown.status_code, unknown.json()["code"]) == (409, "incarnation_unknown")


async def test_s8_after_three_failures_by_a_fault_of_ours_its_culprit_is_refused_and_passed(
    world: World, ann: WireDevice, monkeypatch: pytest.MonkeyPatch
):
    """A bug that one mutation meets must not hold up a rep's queue until somebody has repaired it."""
    decide = apply_module.decide_in_steps

    def stumble(mutations: Any, *rest: Any) -> Any:
        if any("cursed" in json.dumps(m) for m in mutations):
            raise AttributeError("a fault of ours")
        return decide(mutations, *rest)

    monkeypatch.setattr(apply_module, "decide_in_steps", stumble)
    names = ["good", "cursed", "better", "best"]
    batch = [ann.mutation(create("contact", new_id(), account_id=world.shop, name=name)) for name in names]
    body = encoded(push_body(*batch))

    failed = [(await send(ann, "/sync/push", body)).status_code for _ in range(3)]
    passed = await send(ann, "/sync/push", body)
    after = await ann.push(ann.mutation(create("contact", new_id(), account_id=world.shop, name="later")))

    assert failed == [500, 500, 500]
    assert [o.get("code", o["status"]) for o in passed.json()["outcomes"]] == [
        "applied",
        "poison",
        "applied",
        "applied",
    ]
    assert [o["status"] for o in after] == ["applied"]
    kept = await world.fetch("SELECT number, payload::text LIKE '%cursed%' AS whole FROM refused_mutation")
    assert kept == [{"number": 2, "whole": True}]


async def test_s8_trouble_of_the_machine_is_no_fault_of_a_mutation(
    world: World, ann: WireDevice, monkeypatch: pytest.MonkeyPatch
):
    """However often a disk is full or a network away, nobody's work is refused for it."""

    async def no_space(*_: Any, **__: Any) -> Any:
        raise OSError("No space left on device")

    mutation = ann.mutation(create("contact", new_id(), account_id=world.shop, name="good"))
    body = encoded(push_body(mutation))
    with monkeypatch.context() as broken:
        broken.setattr(apply_module, "load_state", no_space)
        failed = [(await send(ann, "/sync/push", body)).status_code for _ in range(5)]

    passed = await send(ann, "/sync/push", body)

    assert failed == [500] * 5
    assert [o["status"] for o in passed.json()["outcomes"]] == ["applied"]


async def test_another_tenants_ids_are_ids_that_never_were(world: World, ann: WireDevice, new_tenant: Any):
    """Row, parent and device of a neighbour: not found, with no trace of there being one."""
    other = await make_world(await new_tenant())
    stranger = await other.device("bob")
    base = {"value": "x", "seen": None, "base": 0}
    mutations = [
        ann.mutation({"op": "edit", "entity": "contact", "id": other.clerk, "fields": {"name": base}}),
        ann.mutation({"op": "delete", "entity": "contact", "id": other.clerk, "base": 10**9}),
        ann.mutation(create("contact", new_id(), account_id=other.shop, name="x")),
        ann.mutation({"op": "intent", "name": "order.cancel", "id": other.shop, "seen": {}}),
    ]

    reply = await send(ann, "/sync/push", encoded(push_body(*mutations)))
    forged = await keys.issue(
        tenant_id=world.tenant.id, member_id=UUID(ann.member_id), role="rep", device_id=UUID(stranger.id)
    )
    foreign = await send(ann, "/sync/pull", encoded(pull_body()), token=forged)

    assert [o["code"] for o in reply.json()["outcomes"]] == ["not_found", "not_found", "parent_missing", "not_found"]
    assert foreign.status_code == 401
    assert await other.fetch("SELECT name FROM contact") == [{"name": "Carla Clerk"}]


async def test_s12_every_refusal_over_the_wire_has_code_words_and_choices(world: World, ann: WireDevice):
    """As the protocol's §8 promises a stranger who writes a client."""
    edit = {"op": "edit", "entity": "contact", "id": world.clerk}
    value = {"seen": None, "base": 0}
    changes: list[Any] = [
        edit | {"id": new_id(), "fields": {"name": value | {"value": "x"}}},
        edit | {"fields": {"account_id": value | {"value": world.shop}}},
        edit | {"fields": {"colour": value | {"value": "x"}}},
        edit | {"entity": "unicorn", "fields": {}},
        edit | {"fields": {"name": value | {"value": 5}}},
        create("contact", world.clerk, account_id=world.shop, name="x"),
        create("contact", new_id(), account_id=new_id(), name="x"),
    ]

    reply = await send(ann, "/sync/push", encoded(push_body(*(ann.mutation(c) for c in changes))))

    outcomes = reply.json()["outcomes"]
    assert [o["code"] for o in outcomes] == [
        "not_found",
        "field_not_writable",
        "field_unknown",
        "entity_unknown",
        "value_invalid",
        "already_exists",
        "parent_missing",
    ]
    assert all(o["explanation"] and o["choices"] for o in outcomes)
