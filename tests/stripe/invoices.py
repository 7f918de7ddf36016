"""Invoices as the API shows and moves them, their lines and payments, and items put onto them by hand."""

from typing import Any

from tests.stripe.cards import payment_method_of
from tests.stripe.errors import StripeProblem, card_declined
from tests.stripe.invoicing import attempt, draft, finalize, mark_paid, mark_uncollectible, subscription_of, void
from tests.stripe.money import check_amount
from tests.stripe.routes import LISTING, route
from tests.stripe.world import Object, World, listed, merge_metadata


@route("get /v1/invoices", f"{LISTING} customer subscription status collection_method created due_date")
def list_invoices(world: World, params: Object) -> Object:
    found = world.select(
        "invoice", customer=params.get("customer"), status=params.get("status"),
        collection_method=params.get("collection_method"),
    )  # fmt: skip
    if "subscription" in params:
        wanted = params["subscription"]
        found = (each for each in found if (subscription_of(world, each) or {}).get("id") == wanted)
    return listed(found, params, "/v1/invoices")


@route("get /v1/invoices/{}")
def get_invoice(world: World, params: Object, invoice_id: str) -> Object:
    return world.live("invoice", invoice_id)


@route("get /v1/invoices/{}/lines", LISTING)
def list_lines(world: World, params: Object, invoice_id: str) -> Object:
    world.live("invoice", invoice_id)
    return listed(world.invoice_lines[invoice_id], params, f"/v1/invoices/{invoice_id}/lines")


_EDITABLE = "auto_advance collection_method custom_fields days_until_due default_payment_method description due_date footer metadata"


@route("post /v1/invoices", f"{_EDITABLE} customer currency pending_invoice_items_behavior")
def create_invoice(world: World, params: Object) -> Object:
    customer = world.live("customer", params.get("customer", ""), "customer", status=400)
    items = [each for each in world.kinds["invoiceitem"] if _waits(each, customer["id"])]
    if params.get("pending_invoice_items_behavior", "exclude") == "exclude":
        items = []
    lines = [world.held_lines[each["id"]] for each in items]
    values: dict[str, Any] = {"auto_advance": False, "collection_method": "charge_automatically"}
    if "currency" in params:
        values["currency"] = params["currency"]
    invoice = draft(world, customer, None, lines, "manual", **values)
    for each in items:
        each["invoice"] = invoice["id"]
    _edit(world, invoice, params)
    return invoice


def _waits(item: Object, customer_id: str) -> bool:
    return item.get("customer") == customer_id and item["invoice"] is None and item["parent"] is None


def _edit(world: World, invoice: Object, params: Object) -> None:
    for key, value in params.items():
        if key == "metadata":
            invoice["metadata"] = merge_metadata(invoice["metadata"], value)
        elif key == "days_until_due":
            world.days_until_due[invoice["id"]] = value
        elif key not in ("customer", "currency", "pending_invoice_items_behavior"):
            invoice[key] = None if value == "" else value


@route("post /v1/invoices/{}", _EDITABLE)
def update_invoice(world: World, params: Object, invoice_id: str) -> Object:
    invoice = world.live("invoice", invoice_id)
    frozen = set(params) & {"collection_method", "custom_fields", "description", "footer", "days_until_due", "due_date"}
    if invoice["status"] != "draft" and frozen:
        raise StripeProblem(
            "Finalized invoices can't be updated in this way.", code="invoice_not_editable", param=min(frozen)
        )
    with world.changing(invoice):
        _edit(world, invoice, params)
    return invoice


@route("delete /v1/invoices/{}")
def delete_invoice(world: World, params: Object, invoice_id: str) -> Object:
    invoice = world.live("invoice", invoice_id)
    if invoice["status"] != "draft" or subscription_of(world, invoice) is not None:
        raise StripeProblem(
            "You can only delete draft invoices that are not of a subscription.", code="invoice_not_editable"
        )
    return world.delete(invoice)


@route("post /v1/invoices/{}/finalize", "auto_advance")
def finalize_invoice(world: World, params: Object, invoice_id: str) -> Object:
    invoice = world.live("invoice", invoice_id)
    invoice["auto_advance"] = params.get("auto_advance", invoice["auto_advance"])
    return finalize(world, invoice)


@route("post /v1/invoices/{}/send")
def send_invoice(world: World, params: Object, invoice_id: str) -> Object:
    invoice = world.live("invoice", invoice_id)
    if invoice["collection_method"] != "send_invoice":
        raise StripeProblem("You can only manually send an invoice if its collection method is 'send_invoice'.")
    if invoice["status"] == "draft":
        finalize(world, invoice)
    if invoice["status"] == "open":
        world.emit("invoice.sent", invoice)
    return invoice


@route("post /v1/invoices/{}/pay", "paid_out_of_band payment_method off_session")
def pay_invoice(world: World, params: Object, invoice_id: str) -> Object:
    invoice = world.live("invoice", invoice_id)
    if invoice["status"] == "draft":
        finalize(world, invoice)
    elif invoice["status"] == "paid":
        raise StripeProblem("Invoice is already paid")
    if invoice["status"] not in ("open", "uncollectible", "paid"):
        raise StripeProblem(f"This invoice can no longer be paid: it is {invoice['status']}.")
    if invoice["status"] == "paid":
        return invoice
    if params.get("paid_out_of_band"):
        mark_paid(world, invoice, out_of_band=True)
        return invoice
    method = payment_method_of(world, params["payment_method"]) if "payment_method" in params else None
    outcome = attempt(world, invoice, method)
    if outcome is None:
        raise StripeProblem(
            "There is no `default_payment_method` set on this Customer or Invoice. Please set a default payment method.",
            code="invoice_no_payment_method_types",
        )
    if outcome.needs_action:
        raise card_declined("invoice_payment_intent_requires_action", None)
    if outcome.problem is not None:
        raise outcome.problem
    return invoice


@route("post /v1/invoices/{}/void")
def void_invoice(world: World, params: Object, invoice_id: str) -> Object:
    invoice = world.live("invoice", invoice_id)
    void(world, invoice)
    return invoice


@route("post /v1/invoices/{}/mark_uncollectible")
def mark_invoice_uncollectible(world: World, params: Object, invoice_id: str) -> Object:
    invoice = world.live("invoice", invoice_id)
    mark_uncollectible(world, invoice, "user_forgiven")
    return invoice


@route("get /v1/invoice_payments", f"{LISTING} invoice status payment created")
def list_invoice_payments(world: World, params: Object) -> Object:
    found = world.select("invoice_payment", invoice=params.get("invoice"), status=params.get("status"))
    intent = (params.get("payment") or {}).get("payment_intent")
    if intent is not None:
        found = (each for each in found if each["payment"]["payment_intent"] == intent)
    return listed(found, params, "/v1/invoice_payments")


@route("get /v1/invoice_payments/{}")
def get_invoice_payment(world: World, params: Object, payment_id: str) -> Object:
    return world.get("invoice_payment", payment_id)


@route("post /v1/invoiceitems", "customer amount currency description metadata invoice period quantity")
def create_item(world: World, params: Object) -> Object:
    """An amount put by hand onto a draft, or onto the customer's next manual invoice."""
    customer = world.live("customer", params.get("customer", ""), "customer", status=400)
    amount, currency = params["amount"], params.get("currency", customer["currency"] or "usd")
    check_amount(amount, currency, "amount")
    now = world.now(customer)
    period = params.get("period", {"start": now, "end": now})
    item = world.add(
        "invoiceitem", of=customer, customer=customer["id"], amount=amount, net_amount=amount, currency=currency, date=now,
        description=params.get("description"), discountable=True, discounts=[], period=period, proration=False,
        quantity=params.get("quantity", 1), quantity_decimal=str(params.get("quantity", 1)), tax_rates=[],
        metadata=params.get("metadata", {}),
    )  # fmt: skip
    world.held_lines[item["id"]] = _manual_line(world, item)
    if "invoice" in params:
        _put_onto(world, world.live("invoice", params["invoice"], "invoice", status=400), item)
    world.emit("invoiceitem.created", item)
    return item


def _manual_line(world: World, item: Object) -> Object:
    details = {"invoice_item": item["id"], "proration": False, "subscription": None, "proration_details": None}
    return {
        "id": world.new_id("line_item"), "object": "line_item", "livemode": False, "amount": item["amount"],
        "subtotal": item["amount"], "currency": item["currency"], "description": item["description"], "discountable": True,
        "discounts": [], "discount_amounts": [], "invoice": None, "metadata": item["metadata"], "period": item["period"],
        "parent": {"type": "invoice_item_details", "invoice_item_details": details, "subscription_item_details": None},
        "pretax_credit_amounts": [], "taxes": [], "pricing": None, "quantity": item["quantity"], "subscription": None,
    }  # fmt: skip


def _put_onto(world: World, invoice: Object, item: Object) -> None:
    if invoice["status"] != "draft":
        raise StripeProblem("You can only add items to draft invoices.", code="invoice_not_editable", param="invoice")
    item["invoice"] = invoice["id"]
    line = world.held_lines[item["id"]]
    line["invoice"] = invoice["id"]
    lines = world.invoice_lines[invoice["id"]]
    lines.append(line)
    with world.changing(invoice):
        total = sum(each["amount"] for each in lines)
        invoice["lines"] = {**invoice["lines"], "data": lines[:10], "has_more": len(lines) > 10}
        for key in ("subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"):
            invoice[key] = total
        invoice |= {"amount_due": max(total, 0), "amount_remaining": max(total, 0), "currency": item["currency"]}


@route("get /v1/invoiceitems", f"{LISTING} customer invoice pending")
def list_items(world: World, params: Object) -> Object:
    found = world.select("invoiceitem", customer=params.get("customer"), invoice=params.get("invoice"))
    if "pending" in params:
        found = (each for each in found if (each["invoice"] is None) == params["pending"])
    return listed(found, params, "/v1/invoiceitems")


@route("get /v1/invoiceitems/{}")
def get_item(world: World, params: Object, item_id: str) -> Object:
    return world.live("invoiceitem", item_id)


@route("delete /v1/invoiceitems/{}")
def delete_item(world: World, params: Object, item_id: str) -> Object:
    item = world.live("invoiceitem", item_id)
    if item["invoice"] is not None:
        raise StripeProblem("This invoice item is already on an invoice.", code="invoice_not_editable")
    return world.delete(item)
