"""The life of an invoice: draft, open, paid, void or uncollectible; numbers, balance, attempts to collect."""

from collections.abc import Callable
from typing import Any

from tests.stripe.blanks import page, part
from tests.stripe.cards import Outcome, collect, usable
from tests.stripe.customers import book
from tests.stripe.errors import StripeProblem
from tests.stripe.lines import book_lines, held
from tests.stripe.money import LEAST_CHARGE
from tests.stripe.world import DAY, Object, World

# What a subscription does when its invoice is paid or fails: set by `lifecycle`.
on_paid: list[Callable[[World, Object], None]] = []
on_failed: list[Callable[[World, Object], None]] = []


def subscription_of(world: World, invoice: Object) -> Object | None:
    """The subscription that an invoice is for."""
    details = (invoice["parent"] or {}).get("subscription_details")
    return world.objects[details["subscription"]] if details else None


def outline(world: World, customer: Object, subscription: Object | None, lines: list[Object], **values: Any) -> Object:
    """The fields of an invoice with these lines, which is not kept yet."""
    total = sum(each["amount"] for each in lines)
    settings = customer.get("invoice_settings") or {}
    own = (subscription or {}).get("invoice_settings") or {}
    method = (subscription or {}).get("collection_method", "charge_automatically")
    tax_ids = [
        {"type": each["type"], "value": each["value"]} for each in world.select("tax_id", customer=customer["id"])
    ]
    currency = lines[0]["currency"] if lines else (subscription or {}).get("currency") or customer["currency"] or "usd"
    return {
        "currency": currency, "collection_method": method, "customer": customer["id"],
        "customer_address": customer["address"], "customer_email": customer["email"], "customer_name": customer["name"],
        "customer_phone": customer["phone"], "customer_tax_exempt": customer["tax_exempt"],
        "customer_tax_ids": tax_ids[::-1], "account_name": world.settings.account_name,
        "account_country": world.settings.account_country,
        "custom_fields": own.get("custom_fields") or settings.get("custom_fields"),
        "footer": own.get("footer") or settings.get("footer"),
        "description": own.get("description"),
        "default_payment_method": (subscription or {}).get("default_payment_method"),
        "issuer": part("invoice", "issuer", type="self"), "status": "draft", "auto_advance": True,
        "lines": page("", lines), "subtotal": total, "subtotal_excluding_tax": total, "total": total,
        "total_excluding_tax": total, "total_taxes": [], "total_discount_amounts": [], "total_pretax_credit_amounts": [],
        "amount_due": max(total, 0), "amount_remaining": max(total, 0), "starting_balance": customer["balance"],
        "metadata": {}, "parent": _parent(subscription),
    } | values  # fmt: skip


def _parent(subscription: Object | None) -> Object | None:
    if subscription is None:
        return None
    details = {"subscription": subscription["id"], "metadata": dict(subscription["metadata"]),
               "subscription_proration_date": None}  # fmt: skip
    return part("invoice", "parent", type="subscription_details", subscription_details=details)


def draft(world: World, customer: Object, subscription: Object | None, lines: list[Object], reason: str,
          **values: Any) -> Object:  # fmt: skip
    """A new draft; what waits for this subscription's next invoice is put onto it."""
    waiting = held(world, subscription) if subscription is not None else []
    book_lines(world, lines)
    lines = [*lines, *(world.held_lines[each["id"]] for each in waiting)]
    now = world.now(customer)
    period = {"period_start": now, "period_end": now}
    fields = outline(world, customer, subscription, lines, billing_reason=reason, **(period | values))
    invoice = world.add("invoice", of=customer, **fields)
    for item in waiting:
        item["invoice"] = invoice["id"]
    for line in lines:
        line["invoice"] = invoice["id"]
        world.line_invoices[line["id"]] = invoice["id"]
    world.invoice_lines[invoice["id"]] = lines
    url = f"/v1/invoices/{invoice['id']}/lines"
    invoice["lines"] = page(url, lines[:10], has_more=len(lines) > 10)
    if subscription is not None:
        subscription["latest_invoice"] = invoice["id"]
    customer["currency"] = customer["currency"] or invoice["currency"]
    world.emit("invoice.created", invoice)
    return invoice


def finalize(world: World, invoice: Object) -> Object:
    """Give a draft its number and due date, and settle it with the customer's balance."""
    if invoice["status"] != "draft":
        raise StripeProblem("This invoice is already finalized, you can't re-finalize a non-draft invoice.",
                            code="invoice_not_editable")  # fmt: skip
    customer = world.objects[invoice["customer"]]
    now = world.now(invoice)
    invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    customer["next_invoice_sequence"] += 1
    _settle_balance(world, invoice, customer)
    invoice |= {
        "status": "open", "effective_at": now, "webhooks_delivered_at": now, "automatically_finalizes_at": None,
        "hosted_invoice_url": f"{world.base_url}/invoice/{invoice['id']}",
        "invoice_pdf": f"{world.base_url}/invoice/{invoice['id']}/pdf",
    }  # fmt: skip
    invoice["status_transitions"]["finalized_at"] = now
    if invoice["collection_method"] == "send_invoice":
        days = world.days_until_due.get(invoice["id"], 30)
        invoice["due_date"] = invoice["due_date"] or now + days * DAY
        world.due(invoice["due_date"], "overdue", invoice)
    _payment(world, invoice)
    world.emit("invoice.finalized", invoice)
    if invoice["amount_due"] == 0:
        mark_paid(world, invoice)
    elif invoice["collection_method"] == "send_invoice" and invoice["auto_advance"]:
        world.emit("invoice.sent", invoice)
    return invoice


def _settle_balance(world: World, invoice: Object, customer: Object) -> None:
    """Credit pays; debt is asked for; what is too small to charge is carried over."""
    balance, total, currency = customer["balance"], invoice["total"], invoice["currency"]
    invoice["starting_balance"] = balance
    due = total + balance
    if due < 0:  # the customer has more credit than the invoice asks
        book(world, customer, due - balance, "applied_to_invoice", currency, invoice=invoice["id"])
        due = 0
    elif balance != 0:
        book(world, customer, -balance, "applied_to_invoice", currency, invoice=invoice["id"])
    automatic = invoice["collection_method"] == "charge_automatically"
    if automatic and 0 < due < LEAST_CHARGE.get(currency, 0):
        book(world, customer, due, "invoice_too_small", currency, invoice=invoice["id"])
        due = 0
    invoice |= {"amount_due": due, "amount_remaining": due, "ending_balance": customer["balance"]}


def _payment(world: World, invoice: Object) -> Object:
    """The invoice's own payment, which attempts to collect fill."""
    if invoice["amount_due"] == 0:
        return {}
    customer = world.objects[invoice["customer"]]
    intent = world.add(
        "payment_intent", of=customer, amount=invoice["amount_due"], currency=invoice["currency"],
        customer=customer["id"], capture_method="automatic", confirmation_method="automatic", metadata={},
        payment_method_types=["card"], status="requires_payment_method",
    )  # fmt: skip
    intent["client_secret"] = f"{intent['id']}_secret_{world.token}"
    invoice["confirmation_secret"] = {"client_secret": intent["client_secret"], "type": "payment_intent"}
    payment = part("invoice_payment", "payment", type="payment_intent", payment_intent=intent["id"])
    return world.add(
        "invoice_payment", of=customer, invoice=invoice["id"], amount_requested=invoice["amount_due"],
        currency=invoice["currency"], is_default=True, status="open", payment=payment,
    )  # fmt: skip


def attempt(world: World, invoice: Object, method: Object | None = None) -> Outcome | None:
    """Try to collect an open invoice from a payment method, once. None: there is no method to try."""
    customer = world.objects[invoice["customer"]]
    method = method or usable(world, subscription_of(world, invoice), customer)
    payment = next(world.select("invoice_payment", invoice=invoice["id"]), None)
    outcome = None
    if method is not None and payment is not None:
        intent = world.objects[payment["payment"]["payment_intent"]]
        outcome = collect(world, customer, method, invoice["amount_remaining"], invoice["currency"], intent=intent)
    invoice["attempted"] = True
    invoice["attempt_count"] += 1
    if outcome is not None and outcome.problem is None:
        mark_paid(world, invoice)
        if outcome.charge is not None and method is not None and method["id"] in world.disputed_cards:
            world.disputes_due.append(outcome.charge["id"])
        return outcome
    _plan_retry(world, invoice)
    world.emit("invoice.payment_failed", invoice)
    if outcome is not None and outcome.needs_action:
        world.emit("invoice.payment_action_required", invoice)
    for hook in on_failed:
        hook(world, invoice)
    return outcome


def _plan_retry(world: World, invoice: Object) -> None:
    """When a renewal that failed is tried again: `retry_days` after the first attempt."""
    invoice["next_payment_attempt"] = None
    if invoice["billing_reason"] == "subscription_create" or not invoice["auto_advance"]:
        return
    first = world.first_attempts.setdefault(invoice["id"], world.now(invoice))
    left = [first + days * DAY for days in world.settings.retry_days if first + days * DAY > world.now(invoice)]
    if left:
        invoice["next_payment_attempt"] = left[0]
        world.due(left[0], "retry", invoice)


def mark_paid(world: World, invoice: Object, *, out_of_band: bool = False) -> None:
    """Nothing is owed any more."""
    now = world.now(invoice)
    with world.changing(invoice):
        invoice |= {"status": "paid", "amount_paid": invoice["amount_due"], "amount_remaining": 0, "attempted": True,
                    "next_payment_attempt": None, "auto_advance": False}  # fmt: skip
        invoice["status_transitions"]["paid_at"] = now
        if out_of_band:
            invoice["amount_paid_off_stripe"] = invoice["amount_due"]
    payment = next(world.select("invoice_payment", invoice=invoice["id"]), None)
    if payment is not None and not out_of_band:
        payment |= {"status": "paid", "amount_paid": invoice["amount_due"]}
        payment["status_transitions"]["paid_at"] = now
        world.emit("invoice_payment.paid", payment)
    elif payment is not None:
        payment["status"] = "canceled"
        payment["status_transitions"]["canceled_at"] = now
    world.emit("invoice.paid", invoice)
    world.emit("invoice.payment_succeeded", invoice)
    for hook in on_paid:
        hook(world, invoice)


def void(world: World, invoice: Object) -> None:
    """Take an open invoice back, as if it had never been."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise StripeProblem(f"You can only void open or uncollectible invoices; this one is {invoice['status']}.")
    invoice |= {"status": "void", "amount_remaining": 0, "next_payment_attempt": None, "auto_advance": False}
    invoice["status_transitions"]["voided_at"] = world.now(invoice)
    _close_payment(world, invoice)
    world.emit("invoice.voided", invoice)


def mark_uncollectible(world: World, invoice: Object, reason: str | None = None) -> None:
    """Give up collecting."""
    if invoice["status"] != "open":
        raise StripeProblem(f"You can only mark open invoices uncollectible; this one is {invoice['status']}.")
    invoice |= {"status": "uncollectible", "next_payment_attempt": None, "auto_advance": False}
    invoice["status_transitions"]["marked_uncollectible_at"] = world.now(invoice)
    invoice["status_details"] = {"uncollectible": {"reason": reason}}
    world.emit("invoice.marked_uncollectible", invoice)


def _close_payment(world: World, invoice: Object) -> None:
    for payment in world.select("invoice_payment", invoice=invoice["id"], status="open"):
        payment["status"] = "canceled"
        payment["status_transitions"]["canceled_at"] = world.now(invoice)
        world.objects[payment["payment"]["payment_intent"]] |= {
            "status": "canceled",
            "cancellation_reason": "void_invoice",
        }
