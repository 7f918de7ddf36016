"""Jobs of notices: found by the round of the day, sent once each, if still due when their turn comes."""

from email.headerregistry import Address
from email.message import EmailMessage
from uuid import UUID

import dramatiq

from server import clock, mail
from server.billing.letters import SENDER_NAME, say_amount, say_date, write_letter
from server.billing.links import billing_link, given
from server.billing.notice import service
from server.billing.notice.rules import Notice, due_notices, is_awake
from server.billing.notice.service import Addressed, alert_occasion
from server.billing.plans import FREE_PLAN, Interval, get_plan
from server.broker import enqueue
from server.db import platform_transaction
from server.storage import ledger

ALERT = "alert"
ENTRY_PLAN = "team"


async def send_due_notices() -> int:
    """Send a job for each notice that is due and was not sent; how many."""
    async with platform_transaction():
        candidates = await service.list_candidates()
    sent = 0
    for tenant_id in candidates:
        async with platform_transaction():
            addressed = await service.find_addressed(tenant_id)
            for kind, occasion in _wanted(addressed) if addressed else ():
                if await service.want(tenant_id, kind, occasion):
                    await enqueue(send_notice.message(str(tenant_id), kind, occasion))
                    sent += 1
    return sent


def _wanted(addressed: Addressed) -> list[tuple[str, str]]:
    now, found = clock.now(), []
    if addressed.alert is not None and given().operator_email is not None:
        found.append((ALERT, alert_occasion(addressed.alert)))
    if is_awake(now, addressed.timezone):
        found += [(each.kind, each.occasion) for each in due_notices(addressed.facts, now)]
    return found


@dramatiq.actor(queue_name="mail")
async def send_notice(tenant_id: str, kind: str, occasion: str) -> None:
    """Send one notice, unless it was, or is not due any more: who paid meanwhile gets no reminder."""
    tenant, key = UUID(tenant_id), f"notice:{kind}:{occasion}"
    async with platform_transaction():
        wanted = await service.is_wanted(tenant, kind, occasion)
        addressed = await service.find_addressed(tenant)
    if not wanted or addressed is None:
        return
    message = _write(addressed, kind, occasion)
    if message is None:
        async with platform_transaction():
            await service.drop(tenant, kind, occasion)
        return
    if not ledger.has("sent", tenant, key):  # else the database was restored since
        await mail.send(message, f"{tenant}:{key}")
        ledger.note("sent", tenant, key)
    async with platform_transaction():
        await service.mark_sent(tenant, kind, occasion, clock.now())


def _write(addressed: Addressed, kind: str, occasion: str) -> EmailMessage | None:
    if kind == ALERT:
        return _write_alert(addressed, occasion)
    for notice in due_notices(addressed.facts, clock.now()):
        if (notice.kind, notice.occasion) == (kind, occasion):
            return _write_notice(addressed, notice)
    return None


def _write_notice(addressed: Addressed, notice: Notice) -> EmailMessage:
    language, free, present = addressed.language, get_plan(FREE_PLAN).limits, addressed.present
    entry = get_plan(ENTRY_PLAN).seat_prices_minor[Interval.MONTH, addressed.currency]
    next_date = say_date(notice.next_date or notice.date, addressed.timezone, language)
    return write_letter(
        notice.letter, language, sender=mail.sender(), to=addressed.email, company=addressed.company,
        date=say_date(notice.date, addressed.timezone, language), next_date=next_date, delete_date=next_date,
        amount=say_amount(_amount_minor(addressed, notice), addressed.currency, language),
        price=say_amount(entry, addressed.currency, language), free_seats=str(free.seats_max),
        free_records=str(free.records_max), plan=present.plan.name if present else "",
        seats=str(_renewed_seats(addressed)), link=billing_link(addressed.slug, given()),
    )  # fmt: skip


def _amount_minor(addressed: Addressed, notice: Notice) -> int:
    """What is open; of a renewal, what the next period will cost."""
    present = addressed.present
    if notice.letter == "renewal" or (addressed.facts.open_minor == 0 and present is not None):
        return _period_minor(addressed)
    return addressed.facts.open_minor


def _period_minor(addressed: Addressed) -> int:
    present = addressed.present
    assert present is not None
    plan, interval = present.plan, present.interval
    if present.scheduled is not None:
        plan = get_plan(present.scheduled.plan, present.scheduled.version)
        interval = Interval(present.scheduled.interval)
    return plan.seat_prices_minor[interval, present.currency] * _renewed_seats(addressed)


def _renewed_seats(addressed: Addressed) -> int:
    present = addressed.present
    if present is None:
        return 0
    return present.scheduled.seats if present.scheduled else present.seats


def _write_alert(addressed: Addressed, occasion: str) -> EmailMessage | None:
    """To the operator, in English."""
    operator = given().operator_email
    if operator is None or addressed.alert is None or alert_occasion(addressed.alert) != occasion:
        return None
    message = EmailMessage()
    message["From"] = Address(SENDER_NAME, addr_spec=mail.sender())
    message["To"] = operator
    message["Subject"] = f"Billing of {addressed.slug} needs a look"
    message.set_content(
        f"{addressed.slug} ({addressed.tenant_id}): {addressed.alert}.\n\nIts last entitlements stand until this is "
        f"settled. `outrider billing refresh {addressed.slug}` asks the payment provider again.\n"
    )
    return message
