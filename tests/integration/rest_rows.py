"""A row of each entity, made over REST as people would."""

from typing import Any

from outrider_sdk.protocol.ids import uuid7

from server.crm.resources import RESOURCES
from server.db import SYSTEM, connection, tenant_write
from tests.integration.rest_world import World

PATHS = {r.entity.name: r.path for r in RESOURCES}


async def one_of_each(world: World) -> dict[str, str]:
    """An id of each entity, with rows added that `trade` does not make."""
    ids = dict(world.ids)
    ids |= {"product": ids["tea"], "price_item": ids["price_of_tea"], "stock": ids["stock_of_tea"]}
    order = await world.draft()
    ids["order"], ids["order_line"] = order["id"], (await world.line(order, "tea", "1"))["id"]
    person = {"account_id": ids["account"], "outlet_id": ids["outlet"], "name": "Ann"}
    ids["contact"] = (await world.rep.post("/contacts", **person))["id"]
    channel = {"contact_id": ids["contact"], "channel_kind": "phone", "value": "050 318 1234"}
    ids["contact_channel"] = (await world.rep.post("/contact-channels", **channel))["id"]
    ids["role"] = (await world.admin.post("/roles", key="key-rep", name="Key rep", base="rep"))["id"]
    ids["office"] = (await world.admin.post("/offices", name="Riga"))["id"]
    ids["team"] = (await world.admin.post("/teams", name="North", office_id=ids["office"]))["id"]
    ids["member"] = str(world.rep.id)
    stand_in = {"member_id": str(world.rep.id), "substitute_id": str(world.other_rep.id), "ends_on": "2000-01-01"}
    ids["delegation"] = (await world.admin.post("/delegations", **stand_in))["id"]
    ids["conflict"] = await insert_conflict(world, ids["account"])
    twins = [(await world.rep.post("/contacts", **person | {"name": name}))["id"] for name in ("Bo", "Bob")]
    merge = {"entity": "contact", "winner_id": twins[0], "loser_id": twins[1]}
    ids["merge"] = (await world.admin.post("/merges", **merge))["id"]
    await add_catalogue(world, ids)
    await add_money(world, ids)
    await add_field_work(world, ids)
    return {name: ids[name] for name in PATHS}


async def add_catalogue(world: World, ids: dict[str, str]) -> None:
    async def add(name: str, /, **fields: Any) -> None:
        ids[name] = (await world.admin.post(PATHS[name], **fields))["id"]

    await add("category", name="Drinks")
    await add("tax_category", name="Standard")
    await add("tax_rate", tax_category_id=ids["tax_category"], country="NL", rate="0.21")
    await add("assortment", name="Kiosks")
    await add("assortment_item", assortment_id=ids["assortment"], category_id=ids["category"], channel="kiosk")
    await add("promotion", name="Ten for nine", conditions={"minimum_quantity": "10"},
              effects=[{"kind": "discount", "fraction": "0.1"}])  # fmt: skip
    await add("custom_field", entity="outlet", key="shelf", label="Shelf space", field_type="decimal")
    await add("field_master", entity="invoice", field="number", system="erp")
    movement = {"warehouse_id": ids["warehouse"], "product_id": ids["tea"], "moved_at": "2031-01-01T08:00:00Z"}
    await add("stock_movement", movement_kind="receipt", quantity="5", **movement)


async def add_money(world: World, ids: dict[str, str]) -> None:
    of = {"account_id": ids["account"], "legal_entity_id": ids["legal_entity"], "currency": "EUR"}
    invoice = await world.admin.post("/invoices", number="F-1", issued_on="2031-01-01", total_minor=1000, **of)
    receivable = {"document_number": "F-1", "due_on": "2031-01-15", "amount_minor": 1000, "balance_minor": 1000}
    debt = await world.admin.post("/receivables", invoice_id=invoice["id"], **receivable, **of)
    paid = {"amount_minor": 300, "method": "cash", "receipt_number": "Q-1", "paid_at": "2031-01-02T08:00:00Z"}
    payment = await world.rep.post("/payments", outlet_id=ids["outlet"], **paid, **of)
    allocations = await world.rep.get("/payment-allocations", payment_id=payment["id"])
    ids |= {"invoice": invoice["id"], "receivable": debt["id"], "payment": payment["id"]}
    ids["payment_allocation"] = allocations["items"][0]["id"]


async def add_field_work(world: World, ids: dict[str, str]) -> None:
    rep, at = world.rep, "2031-01-01T08:00:00Z"
    draft = await rep.post("/return-orders", outlet_id=ids["outlet"], agreement_id=ids["agreement"])
    line = {"product_id": ids["tea"], "unit": "pc", "quantity": "1", "price": "10", "reason": "damaged"}
    ids["return_order"] = draft["id"]
    ids["return_line"] = (await rep.post("/return-lines", return_order_id=draft["id"], **line))["id"]
    consent = {"contact_id": ids["contact"], "purpose": "marketing", "state": "granted", "at": at}
    ids["consent"] = (await rep.post("/consents", **consent))["id"]
    ids["route"] = (await world.admin.post("/routes", member_id=str(rep.id), day="2031-01-01"))["id"]
    stop = {"route_id": ids["route"], "outlet_id": ids["outlet"], "position": 1}
    ids["route_stop"] = (await world.admin.post("/route-stops", **stop))["id"]
    visit = {"outlet_id": ids["outlet"], "checked_in_at": at, "position_absence": "refused"}
    ids["visit"] = (await rep.post("/visits", route_stop_id=ids["route_stop"], **visit))["id"]
    about = {"entity": "outlet", "row_id": ids["outlet"]}
    ids["comment"] = (await rep.post("/comments", body="Ask for Ann", **about))["id"]
    file = {"name": "front.jpg", "media_type": "image/jpeg", "size_bytes": 1024, "sha256": "ab" * 32}
    ids["attachment"] = (await rep.post("/attachments", **about, **file))["id"]


async def insert_conflict(world: World, row_id: str) -> str:
    conflict_id = uuid7()
    async with tenant_write(world.tenant, by=SYSTEM):
        await connection().execute(
            """INSERT INTO conflict (id, entity, row_id, field, rule, kept, lost, lost_by, status, explanation)
            VALUES ($1, 'account', $2, 'name', 'latest', '"a"', '"b"', $3, 'recorded', 'Somebody was later.')""",
            conflict_id,
            row_id,
            world.rep.id,
        )
    return str(conflict_id)
