"""Rules of money, stock, field work, returns and promotions over REST."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from outrider_sdk.protocol.ids import uuid7

from server.db import TenantRef
from tests.integration.application import APP
from tests.integration.rest_rows import PATHS
from tests.integration.rest_world import World, make_world

AT = "2026-01-02T08:00:00Z"


@pytest.fixture(scope="module")
async def world(new_tenant: Callable[[], Awaitable[TenantRef]]) -> World:
    """One for all tests here: each makes what it looks at."""
    world = await (await make_world(APP, await new_tenant())).trade()
    contact = {"account_id": world.ids["account"], "outlet_id": world.ids["outlet"], "name": "Ann"}
    world.ids["contact"] = (await world.rep.post("/contacts", **contact))["id"]
    van = {"name": "Van", "warehouse_kind": "van", "member_id": str(world.rep.id)}
    world.ids["van"] = (await world.admin.post("/warehouses", **van))["id"]
    for name in ("category", "tax_category", "assortment"):
        world.ids[name] = (await world.admin.post(PATHS[name], name=name.title()))["id"]
    return world


def filled(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """The body, with “$name” replaced by an id."""
    return {k: world.ids[v[1:]] if isinstance(v, str) and v.startswith("$") else v for k, v in body.items()}


PAYMENT = {
    "account_id": "$account", "legal_entity_id": "$legal_entity", "currency": "EUR", "amount_minor": 100,
    "method": "cash", "receipt_number": "Q-0", "paid_at": AT,
}  # fmt: skip
MOVEMENT = {"warehouse_id": "$warehouse", "product_id": "$tea", "moved_at": AT}
VISIT = {"outlet_id": "$outlet", "checked_in_at": AT}
PROMOTION = {"name": "P", "effects": [{"kind": "price", "price": "9.99"}]}
FILE = {"entity": "outlet", "row_id": "$outlet", "name": "f", "media_type": "image/png", "size_bytes": 1,
        "sha256": "a" * 64}  # fmt: skip
FIELD = {"entity": "contact", "key": "size", "label": "Size", "field_type": "text"}
POSITION = {"lat": 53.2, "lon": 6.5, "accuracy_m": 5}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/payments", PAYMENT | {"amount_minor": 0}, "amount_minor"),
        ("/payments", PAYMENT | {"outlet_id": "$hidden_outlet"}, "outlet_id"),
        ("/receivables", {"account_id": "$account", "legal_entity_id": "$legal_entity", "document_number": "F",
                          "currency": "EUR", "due_on": "2026-01-01", "amount_minor": 1, "balance_minor": 2},
         "balance_minor"),
        ("/invoices", {"account_id": "$account", "legal_entity_id": "$legal_entity", "number": "F", "currency": "EUR",
                       "issued_on": "2026-01-02", "due_on": "2026-01-01", "total_minor": 1}, "due_on"),
        ("/stock-movements", MOVEMENT | {"movement_kind": "count"}, "counted"),
        ("/stock-movements", MOVEMENT | {"movement_kind": "sale", "quantity": "1"}, "quantity"),
        ("/stock-movements", MOVEMENT | {"movement_kind": "receipt", "quantity": "0.0"}, "quantity"),
        ("/stock-movements", MOVEMENT | {"movement_kind": "receipt", "quantity": "1", "source_entity": "ship"},
         "source_entity"),
        ("/visits", VISIT, "position"),
        ("/visits", VISIT | {"position": POSITION, "position_absence": "refused"}, "position"),
        ("/visits", VISIT | {"position": {"lat": 91, "lon": 0, "accuracy_m": 5}}, "position"),
        ("/visits", VISIT | {"position_absence": "refused", "checked_out_at": "2026-01-01T00:00:00Z"},
         "checked_out_at"),
        ("/comments", {"entity": "ship", "row_id": "$outlet", "body": "x"}, "entity"),
        ("/comments", {"entity": "comment", "row_id": "$outlet", "body": "x"}, "entity"),
        ("/comments", {"entity": "outlet", "row_id": "$account", "body": "x"}, "row_id"),
        ("/attachments", FILE | {"sha256": "A" * 64}, "sha256"),
        ("/attachments", FILE | {"media_type": "image"}, "media_type"),
        ("/promotions", PROMOTION | {"effects": []}, "effects"),
        ("/promotions", PROMOTION | {"effects": [{"kind": "magic"}]}, "effects"),
        ("/promotions", PROMOTION | {"effects": [{"kind": "discount", "fraction": "1.1"}]}, "effects"),
        ("/promotions", PROMOTION | {"conditions": {"weather": "sunny"}}, "conditions"),
        ("/promotions", PROMOTION | {"starts_on": "2026-02-01", "ends_on": "2026-01-01"}, "ends_on"),
        ("/assortment-items", {"assortment_id": "$assortment"}, "product_id"),
        ("/assortment-items", {"assortment_id": "$assortment", "product_id": "$tea", "category_id": "$category"},
         "product_id"),
        ("/assortment-items", {"assortment_id": "$assortment", "product_id": "$tea", "outlet_id": "$outlet",
                               "channel": "kiosk"}, "channel"),
        ("/tax-rates", {"tax_category_id": "$tax_category", "country": "NL", "rate": "1.21"}, "rate"),
        ("/tax-rates", {"tax_category_id": "$tax_category", "country": "Netherlands", "rate": "0.21"}, "country"),
        ("/custom-fields", FIELD | {"key": "Größe"}, "key"),
        ("/custom-fields", FIELD | {"entity": "ship"}, "entity"),
        ("/custom-fields", FIELD | {"field_type": "choice"}, "choices"),
        ("/custom-fields", FIELD | {"field_type": "colour"}, "field_type"),
        ("/consents", {"contact_id": "$contact", "purpose": "x", "state": "maybe", "at": AT}, "state"),
    ],
)  # fmt: skip
async def test_bad_input_is_refused_by_its_field(world: World, path: str, body: dict[str, Any], field: str):
    """In words that say what to do."""
    assert await world.admin.refusal("POST", path, filled(world, body)) == (400, "invalid_input", [field])


async def debt(world: World, number: str, due_on: str, amount_minor: int) -> str:
    body = filled(world, {"account_id": "$account", "legal_entity_id": "$legal_entity"})
    amounts = {"amount_minor": amount_minor, "balance_minor": amount_minor}
    made = await world.admin.post(
        "/receivables", document_number=number, currency="EUR", due_on=due_on, **amounts, **body
    )
    return str(made["id"])


async def test_a_payment_pays_the_oldest_debt_and_a_reversal_takes_it_back(world: World):
    """The same rule as in a push, in the transaction that records the payment."""
    old, new = await debt(world, "A-1", "2026-01-01", 1000), await debt(world, "A-2", "2026-02-01", 500)

    paid = await world.rep.post("/payments", **filled(world, PAYMENT | {"amount_minor": 1200}))

    assert paid["allocated_minor"] == 1200
    balances = [(await world.admin.get(f"/receivables/{i}"))["balance_minor"] for i in (old, new)]
    assert balances == [0, 300]
    body = filled(world, PAYMENT | {"amount_minor": 1200, "receipt_number": "Q-0R"})
    await world.rep.post("/payments", reversal_of_id=paid["id"], **body)
    balances = [(await world.admin.get(f"/receivables/{i}"))["balance_minor"] for i in (old, new)]
    assert balances == [1000, 500]
    again = await world.rep.refusal("POST", "/payments", {**body, "reversal_of_id": paid["id"]})
    assert again == (400, "invalid_input", ["reversal_of_id"])


async def test_the_second_receipt_of_a_number_opens_a_case(world: World):
    """Rule 8: it is stored, and pays nothing until a person decides."""
    body = filled(world, PAYMENT | {"receipt_number": "Q-9"})
    await world.rep.post("/payments", **body)

    second = await world.rep.post("/payments", **body)

    conflicts = (await world.rep.get("/conflicts", row_id=second["id"]))["items"]
    assert [(c["field"], c["status"]) for c in conflicts] == [("receipt_number", "open")]
    assert second["allocated_minor"] == 0
    settled = await world.rep.post(f"/conflicts/{conflicts[0]['id']}/settlement", choice="keep")
    assert settled["status"] == "settled"
    assert (await world.rep.get(f"/payments/{second['id']}"))["allocated_minor"] == 100


async def test_every_change_of_a_stock_is_in_the_ledger(world: World):
    """Also the figure that an integration states: it is a count."""
    oil, admin = world.ids["oil"], world.admin
    stock = f"/stock/{world.ids['stock_of_oil']}"
    of = filled(world, MOVEMENT) | {"product_id": oil}

    await admin.post("/stock-movements", movement_kind="write_off", quantity="-1.5", **of)
    await admin.patch(stock, quantity="30")
    await admin.post("/stock-movements", movement_kind="count", counted="31", **of)

    moves = (await admin.get("/stock-movements", product_id=oil))["items"]
    assert [(m["movement_kind"], m["quantity"]) for m in moves] == [
        ("count", "39"), ("write_off", "-1.5"), ("count", "-7.5"), ("count", "1"),
    ]  # fmt: skip
    assert (await admin.get(stock))["quantity"] in ("31", "31.0")


async def test_a_rep_records_movements_of_their_own_van_alone(world: World):
    """And sees those alone."""
    body = {"movement_kind": "receipt", "quantity": "4"}

    moved = await world.rep.post("/stock-movements", **filled(world, MOVEMENT | {"warehouse_id": "$van"}), **body)

    for person, place in ((world.rep, "$warehouse"), (world.other_rep, "$van")):
        other = filled(world, MOVEMENT | {"warehouse_id": place}) | body
        assert await person.refusal("POST", "/stock-movements", other) == (400, "invalid_input", ["warehouse_id"])
    seen = (await world.rep.get("/stock-movements"))["items"]
    assert [m["id"] for m in seen] == [moved["id"]]


async def test_what_is_recorded_stays(world: World):
    """Append-only, also for the owner: there is no such route."""
    paid = await world.rep.post("/payments", **filled(world, PAYMENT | {"receipt_number": "Q-5"}))

    for method in ("PATCH", "DELETE"):
        reply = await world.owner.send(method, f"/payments/{paid['id']}", {})
        assert reply.status_code == 405


async def test_a_visit_is_completed_once(world: World):
    """What was empty may be filled in; what was said stays."""
    visit = await world.rep.post("/visits", **filled(world, VISIT | {"position": POSITION}))
    path = f"/visits/{visit['id']}"

    done = await world.rep.patch(path, checked_out_at="2026-01-02T09:00:00Z", outcome="order")

    assert (visit["member_id"], done["outcome"]) == (str(world.rep.id), "order")
    assert await world.rep.refusal("PATCH", path, {"outcome": "none"}) == (400, "invalid_input", ["outcome"])
    assert (await world.owner.send("DELETE", path)).status_code == 405
    assert (await world.other_rep.send("GET", path)).status_code == 404


async def test_a_consent_follows_the_last_one(world: World):
    """Who writes here sees all that was said before."""
    body = filled(world, {"contact_id": "$contact", "purpose": "news", "at": AT})

    first = await world.rep.post("/consents", state="granted", **body)
    second = await world.rep.post("/consents", state="withdrawn", **body)
    other = filled(world, {"contact_id": "$contact", "purpose": "orders", "at": AT, "state": "granted"})
    wrong = await world.rep.refusal("POST", "/consents", other | {"follows_id": first["id"]})

    assert (first["follows_id"], second["follows_id"]) == (None, first["id"])
    assert wrong == (400, "invalid_input", ["follows_id"])


async def test_a_return_goes_from_draft_to_the_office_and_back_to_the_order(world: World):
    """Accepted, its lines count as returned on the order that they came from."""
    order = await world.draft()
    sold = await world.line(order, "tea", "6")
    head = filled(world, {"outlet_id": "$outlet", "agreement_id": "$agreement"})
    draft = await world.rep.post("/return-orders", source_order_id=order["id"], **head)
    path = f"/return-orders/{draft['id']}"
    assert await world.rep.refusal("POST", f"{path}/submission", {}) == (409, "return_empty", [])
    goods = {"return_order_id": draft["id"], "product_id": world.ids["tea"], "unit": "pc", "reason": "damaged"}
    line = await world.rep.post("/return-lines", source_line_id=sold["id"], quantity="2", **goods)
    assert (line["price"], line["amount_minor"]) == ("10.00", 2000)

    submitted = await world.rep.post(f"{path}/submission")
    late = await world.rep.refusal("PATCH", f"/return-lines/{line['id']}", {"quantity": "3"})
    rep_decides = await world.rep.refusal("PATCH", path, {"status": "accepted"})
    await world.admin.patch(path, status="accepted")

    assert (submitted["status"], submitted["total_minor"]) == ("submitted", 2000)
    assert (late, rep_decides) == ((409, "transition_illegal", []), (400, "invalid_input", ["status"]))
    assert float((await world.admin.get(f"/order-lines/{sold['id']}"))["quantity_returned"]) == 2
    assert await world.admin.refusal("PATCH", path, {"status": "draft"}) == (409, "transition_illegal", [])


async def test_a_return_line_takes_back_what_was_sold_to_this_outlet(world: World):
    """Another product's price is not the one to give back."""
    order = await world.draft()
    sold = await world.line(order, "oil", "1")
    head = filled(world, {"outlet_id": "$outlet", "agreement_id": "$agreement"})
    draft = await world.rep.post("/return-orders", **head)
    goods = {"return_order_id": draft["id"], "product_id": world.ids["tea"], "unit": "pc", "reason": "unsold"}

    refused = await world.rep.refusal("POST", "/return-lines", {**goods, "quantity": "1", "source_line_id": sold["id"]})

    assert refused == (400, "invalid_input", ["source_line_id"])


async def test_promotions_and_custom_fields_count_their_versions(world: World):
    """A device says by which version it evaluated."""
    promotion = await world.admin.post("/promotions", **PROMOTION)
    field = await world.admin.post("/custom-fields", **FIELD)

    changed = await world.admin.patch(f"/promotions/{promotion['id']}", active=False)
    relabelled = await world.admin.patch(f"/custom-fields/{field['id']}", label="Length")

    assert (promotion["version"], changed["version"], relabelled["version"]) == (1, 2, 2)
    retyped = await world.admin.refusal("PATCH", f"/custom-fields/{field['id']}", {"field_type": "date"})
    assert retyped == (400, "invalid_input", ["field_type"])
    assert await world.admin.refusal("POST", "/custom-fields", FIELD) == (409, "already_there", [])


async def test_a_tax_id_known_already_is_a_warning_and_no_block(world: World):
    """Rule 8: both accounts are stored."""
    await world.admin.post("/accounts", name="One", tax_id="NL004495445B01")

    second = await world.admin.post("/accounts", name="Two", tax_id="NL 0044.95445.B01")

    conflicts = (await world.admin.get("/conflicts", row_id=second["id"]))["items"]
    assert [(c["field"], c["rule"], c["status"]) for c in conflicts] == [("tax_id", "duplicate", "open")]


async def test_rates_of_one_tax_category_do_not_overlap(world: World):
    """Which of two would an invoice take?"""
    of = filled(world, {"tax_category_id": "$tax_category", "country": "LV", "rate": "0.21"})
    await world.admin.post("/tax-rates", ends_on="2026-06-30", **of)

    refused = await world.admin.refusal("POST", "/tax-rates", of | {"starts_on": "2026-06-30"})

    assert refused == (400, "invalid_input", ["starts_on"])
    assert (await world.admin.post("/tax-rates", starts_on="2026-07-01", **of))["rate"] == "0.21"


async def test_the_return_of_another_tenant_is_a_return_that_never_was(
    world: World, new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """The act answers like the row."""
    foreign = await make_world(APP, await new_tenant())
    head = filled(world, {"outlet_id": "$outlet", "agreement_id": "$agreement"})
    draft = await world.rep.post("/return-orders", **head)

    for row_id in (draft["id"], uuid7()):
        refused = await foreign.admin.refusal("POST", f"/return-orders/{row_id}/submission", {})
        assert refused == (404, "not_found", [])
