"""Money that goes back: refunds, credit notes, and disputes, which a test opens and closes as a bank would."""

from tests.stripe.blanks import page, part
from tests.stripe.customers import book
from tests.stripe.errors import StripeProblem
from tests.stripe.invoicing import mark_paid
from tests.stripe.routes import readable, route
from tests.stripe.world import DAY, Object, World, merge_metadata

DISPUTE_SECONDS = 7 * DAY

readable("refund", "/v1/refunds", "charge payment_intent", dated=True)
readable("credit_note", "/v1/credit_notes", "customer invoice", dated=True)
readable("dispute", "/v1/disputes", "charge payment_intent", dated=True)


@route("post /v1/refunds", "charge payment_intent amount reason metadata")
def create_refund(world: World, params: Object) -> Object:
    charge_id = params.get("charge")
    if charge_id is None:
        intent = world.get("payment_intent", params.get("payment_intent", ""), "payment_intent", status=400)
        charge_id = intent["latest_charge"]
    charge = world.get("charge", charge_id or "", "charge", status=400)
    left = charge["amount_captured"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if left == 0:
        raise StripeProblem(f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded")
    if charge["disputed"]:
        raise StripeProblem(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    if not 0 < amount <= left:
        raise StripeProblem(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left}).", param="amount"
        )
    customer = world.objects[charge["customer"]]
    refund = world.add(
        "refund", of=customer, amount=amount, charge=charge["id"], currency=charge["currency"], status="succeeded",
        payment_intent=charge["payment_intent"], reason=params.get("reason"), metadata=params.get("metadata", {}),
        customer=charge["customer"], payment_method=charge["payment_method"],
    )  # fmt: skip
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount_captured"]
    world.emit("refund.created", refund)
    world.emit("charge.refunded", charge)
    return refund


@route("post /v1/refunds/{}", "metadata")
def update_refund(world: World, params: Object, refund_id: str) -> Object:
    with world.changing(world.get("refund", refund_id)) as refund:
        refund["metadata"] = merge_metadata(refund["metadata"], params.get("metadata", {}))
    return refund


@route(
    "post /v1/credit_notes",
    "invoice amount reason memo metadata credit_amount refund_amount out_of_band_amount effective_at email_type",
)
def create_credit_note(world: World, params: Object) -> Object:
    """Lessen an open invoice, or give back from a paid one: to the balance, the card, or outside of Stripe."""
    invoice = world.live("invoice", params["invoice"], "invoice", status=400)
    if invoice["status"] not in ("open", "paid"):
        raise StripeProblem(
            f"You can only create credit notes for open or paid invoices; this one is {invoice['status']}."
        )
    paid = invoice["status"] == "paid"
    amount = params.get("amount") or sum(
        params.get(name, 0) for name in ("credit_amount", "refund_amount", "out_of_band_amount")
    )
    left = invoice["total"] - invoice["pre_payment_credit_notes_amount"] - invoice["post_payment_credit_notes_amount"]
    if not 0 < amount <= (left if paid else invoice["amount_remaining"]):
        raise StripeProblem("The sum of credit notes exceeds what the invoice is about.", param="amount")
    note = _credit_note(world, invoice, amount, params, paid=paid)
    if paid:
        _give_back(world, invoice, note, params)
    else:
        with world.changing(invoice):
            invoice["pre_payment_credit_notes_amount"] += amount
            invoice["amount_due"] -= amount
            invoice["amount_remaining"] -= amount
        if invoice["amount_remaining"] == 0:
            mark_paid(world, invoice)
    world.emit("credit_note.created", note)
    return note


def _credit_note(world: World, invoice: Object, amount: int, params: Object, *, paid: bool) -> Object:
    number = 1 + sum(each["invoice"] == invoice["id"] for each in world.kinds["credit_note"])
    note = world.add(
        "credit_note", of=invoice, invoice=invoice["id"], customer=invoice["customer"], currency=invoice["currency"],
        amount=amount, total=amount, subtotal=amount, total_excluding_tax=amount, subtotal_excluding_tax=amount,
        number=f"{invoice['number']}-CN-{number:02d}", reason=params.get("reason"), memo=params.get("memo"),
        metadata=params.get("metadata", {}), status="issued", type="post_payment" if paid else "pre_payment", pdf="",
        out_of_band_amount=params.get("out_of_band_amount"), effective_at=params.get("effective_at", world.now(invoice)),
        post_payment_amount=amount if paid else 0, pre_payment_amount=0 if paid else amount, lines=page("", []),
    )  # fmt: skip
    note["pdf"] = f"{world.base_url}/credit_notes/{note['id']}/pdf"
    note["lines"]["url"] = f"/v1/credit_notes/{note['id']}/lines"
    line = world.add(
        "credit_note_line_item", of=invoice, amount=amount, description=params.get("memo") or "Credit", quantity=1,
        type="custom_line_item", unit_amount=amount, unit_amount_decimal=str(amount), taxes=[],
    )  # fmt: skip
    note["lines"]["data"] = [line]
    return note


def _give_back(world: World, invoice: Object, note: Object, params: Object) -> None:
    with world.changing(invoice):
        invoice["post_payment_credit_notes_amount"] += note["amount"]
    if params.get("refund_amount"):
        payment = next(world.select("invoice_payment", invoice=invoice["id"], status="paid"), None)
        if payment is None:
            raise StripeProblem("There is no payment that could be refunded.", param="refund_amount")
        refund = create_refund(
            world, {"payment_intent": payment["payment"]["payment_intent"], "amount": params["refund_amount"]}
        )
        shown = {
            "amount_refunded": refund["amount"],
            "refund": refund["id"],
            "type": "refund",
            "payment_record_refund": None,
        }
        note["refunds"] = [shown]
    credit = params.get("credit_amount", 0)
    if credit:
        book(
            world,
            world.objects[invoice["customer"]],
            -credit,
            "credit_note",
            invoice["currency"],
            invoice=invoice["id"],
        )
        note["customer_balance_transaction"] = world.kinds["customer_balance_transaction"][-1]["id"]


def open_dispute(world: World, charge: Object, reason: str = "fraudulent") -> Object:
    """A bank takes a payment back until it is decided whose it is."""
    method = world.objects[charge["payment_method"]]
    dispute = world.add(
        "dispute", of=world.objects[charge["customer"]], amount=charge["amount"], charge=charge["id"], reason=reason,
        currency=charge["currency"], payment_intent=charge["payment_intent"], status="needs_response",
        metadata={}, is_charge_refundable=False, network_reason_code="10.4",
        payment_method_details=part("dispute", "payment_method_details", type="card", card=part(
            "dispute", "payment_method_details", "card", brand=method["card"]["brand"], network=method["card"]["brand"],
            case_type="chargeback", network_reason_code="10.4")),
    )  # fmt: skip
    dispute["evidence_details"] |= {"due_by": world.now(charge) + DISPUTE_SECONDS, "submission_method": "not_submitted"}
    charge["disputed"] = True
    world.emit("charge.dispute.created", dispute)
    world.emit("charge.dispute.funds_withdrawn", dispute)
    return dispute


def close_dispute(world: World, dispute: Object, *, won: bool) -> None:
    """The bank has decided."""
    dispute["status"] = "won" if won else "lost"
    world.emit("charge.dispute.closed", dispute)
    if won:
        world.emit("charge.dispute.funds_reinstated", dispute)


@route("post /v1/disputes/{}", "evidence metadata submit")
def update_dispute(world: World, params: Object, dispute_id: str) -> Object:
    with world.changing(world.get("dispute", dispute_id)) as dispute:
        dispute["evidence"] = dispute["evidence"] | params.get("evidence", {})
        dispute["metadata"] = merge_metadata(dispute["metadata"], params.get("metadata", {}))
        if params.get("submit", "evidence" in params):
            dispute["status"] = "under_review"
            dispute["evidence_details"] = dispute["evidence_details"] | {"has_evidence": True, "submission_count": 1}
    return dispute


@route("post /v1/disputes/{}/close")
def concede_dispute(world: World, params: Object, dispute_id: str) -> Object:
    dispute = world.get("dispute", dispute_id)
    close_dispute(world, dispute, won=False)
    return dispute
