"""What a tenant is told, when, how often, and in which language."""

from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest

from server import clock, mail
from server.billing import links
from server.billing.links import LinkSettings
from server.billing.notice.jobs import send_due_notices, send_notice
from server.billing.notice.rules import is_awake
from server.billing.plans import Interval, get_plan
from server.billing.provider import Target
from server.billing.transfer import commands
from server.billing.transfer.gateway import TransferGateway
from server.db import TenantRef, connection, platform_transaction
from tests.integration import transfer_world
from tests.integration.sign_up_world import letters
from tests.integration.transfer_world import START, Customer, days_later

pytestmark = pytest.mark.usefixtures("no_ledger")
gateway = transfer_world.gateway
customer = transfer_world.trial_customer


async def waiting_jobs(tenant_id: UUID) -> list[list[str]]:
    """Arguments of the notices' jobs of a tenant, taken out of the queue."""
    async with platform_transaction():
        rows = await connection().fetch(
            """DELETE FROM dramatiq.queue WHERE message->>'actor_name' = 'send_notice' AND message->'args'->>0 = $1
            RETURNING message->'args'->>0 AS tenant, message->'args'->>1 AS kind, message->'args'->>2 AS occasion""",
            str(tenant_id),
        )
    return [[row["tenant"], row["kind"], row["occasion"]] for row in rows]


async def tell(customer: Customer) -> list[str]:
    """A round of the day, and its jobs; kinds of what was told."""
    await send_due_notices()
    jobs = await waiting_jobs(customer.tenant.id)
    for job in jobs:
        await send_notice.fn.__wrapped__(*job)
    return [kind for _, kind, _ in jobs]


def notices(tmp_path: Path) -> list[EmailMessage]:
    """Letters but invoices."""
    found = letters(tmp_path / "mail") if (tmp_path / "mail").exists() else []
    return [letter for letter in found if not list(letter.iter_attachments())]


async def test_a_trial_is_told_three_days_before_its_end_and_at_its_end_once_each(customer: Customer, tmp_path: Path):
    """With what comes then, what it costs otherwise, and where."""
    told = []
    for day in (1, 10, 11.1, 11.2, 13.9, 14.1, 15, 20.9, 22):
        async with days_later(day):
            told.append(await tell(customer))

    assert told == [[], [], ["trial_ends_soon"], [], [], ["trial_ended"], [], [], []]
    soon = next(letter for letter in notices(tmp_path) if "ends on" in letter["Subject"])
    assert soon["To"] == "billing@acme.example"
    assert soon["Subject"] == "Your trial ends on March 15, 2026"
    text = soon.get_content()
    assert all(words in text for words in ("Test tenant", "€19.00", f"/t/{customer.tenant.slug}/billing"))


async def test_an_unpaid_invoice_is_told_at_each_step_once_with_amount_date_and_way_out(
    customer: Customer, tmp_path: Path
):
    """On the day it is due, when it hinders, and when it restricts."""
    await customer.after_trial()
    await customer.order(seats=2)
    told = []
    for day in (13.9, 14.2, 16, 21.2, 25, 28.2, 40):
        async with days_later(day):
            told.append(await tell(customer))

    assert told == [[], ["payment_failed"], [], ["grace"], [], ["restricted"], []]
    by_subject = {letter["Subject"]: letter.get_content() for letter in notices(tmp_path)}
    due = by_subject["An invoice of €42.56 is due"]
    assert "March 15, 2026" in due
    assert "March 22, 2026" in due
    assert "March 29, 2026" in by_subject["€42.56 are still open: no new seats for now"]
    assert "read-only" in by_subject["“Test tenant” is read-only now"]


async def test_who_pays_before_the_letter_leaves_gets_none(customer: Customer, tmp_path: Path):
    """The job looks again."""
    await customer.after_trial()
    number = await customer.order()
    async with days_later(15):
        await send_due_notices()
        [job] = await waiting_jobs(customer.tenant.id)
        await commands.mark_paid(number)
        await send_notice.fn.__wrapped__(*job)

    assert notices(tmp_path) == []


async def test_a_yearly_renewal_is_told_a_month_and_a_week_before(customer: Customer, tmp_path: Path):
    """With what it will cost: also after a change that waits for it."""
    await customer.after_trial()
    await commands.mark_paid(await customer.order(interval=Interval.YEAR, seats=3))
    target = Target(get_plan("team"), Interval.YEAR, "EUR", 2)
    await customer.gateway.schedule_change(await customer.subscription(), target, f"{customer.tenant.slug} fewer")
    await customer.tick()
    told = []
    for day in (330, 336, 340, 358.1, 360):
        async with days_later(day):
            told.append(await tell(customer))

    assert told == [[], ["renewal"], [], ["renewal"], []]
    for letter in notices(tmp_path):
        assert letter["Subject"] == "Your subscription renews on March 1, 2027 for €380.00"
        assert "2 seats" in letter.get_content()


@pytest.mark.parametrize("interval", list(Interval))
async def test_no_renewal_is_told_by_the_month_nor_of_what_ends(customer: Customer, interval: Interval):
    """The first would be a letter each month, the second untrue."""
    await customer.after_trial()
    await commands.mark_paid(await customer.order(interval=interval))
    if interval is Interval.YEAR:
        await customer.gateway.cancel(await customer.subscription(), f"{customer.tenant.slug} end")
    await customer.tick()

    async with days_later(25 if interval is Interval.MONTH else 340):
        assert await tell(customer) == []


async def test_the_end_is_told_with_the_day_of_deletion_and_told_again_before_it(customer: Customer, tmp_path: Path):
    """Ninety days to think again, or to take the data along."""
    await customer.after_trial()
    await commands.mark_paid(await customer.order())
    await customer.gateway.cancel(await customer.subscription(), f"{customer.tenant.slug} cancel")
    told = []
    for day in (31.1, 60, 107.1, 110):
        async with days_later(day):
            await customer.tick()
            told.append(await tell(customer))

    assert told == [["cancelled"], [], ["deletion_soon"], []]
    subjects = [letter["Subject"] for letter in notices(tmp_path)]
    assert sorted(subjects) == [
        "Last call: “Test tenant” is deleted on June 30, 2026",
        "“Test tenant” has ended; data are deleted on June 30, 2026",
    ]


async def test_nobody_is_written_to_at_night(tenant: TenantRef, gateway: TransferGateway, tmp_path: Path):
    """By the tenant's clock: at nine in the evening of Almaty, tomorrow will do."""
    customer = Customer(tenant, gateway)
    with clock.frozen(START):
        await customer.enrol(timezone="Asia/Almaty", language="kk")
    evening, morning = datetime(2026, 3, 12, 16, tzinfo=UTC), datetime(2026, 3, 13, 4, tzinfo=UTC)

    told = []
    for moment in (evening, morning):
        with clock.frozen(moment):
            told.append(await tell(customer))

    assert told == [[], ["trial_ends_soon"]]
    [letter] = notices(tmp_path)
    assert letter["Subject"] == "Сынақ мерзімі 2026 ж. 15 наурыз аяқталады"


@pytest.mark.parametrize(("hour", "awake"), [(2, False), (3, True), (13, True), (14, False)])
def test_hours_are_those_of_the_place(hour: int, awake: bool):
    """Eight to seven in Almaty is three to two in the afternoon of UTC."""
    assert is_awake(datetime(2026, 3, 12, hour, tzinfo=UTC), "Asia/Almaty") is awake


async def test_with_mail_down_a_notice_is_sent_later_and_once(
    customer: Customer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Also when the job was lost: the round finds it after some hours."""
    async with days_later(12):
        await send_due_notices()
        [job] = await waiting_jobs(customer.tenant.id)
        monkeypatch.setattr(mail, "send", _refuse)
        with pytest.raises(ConnectionRefusedError):
            await send_notice.fn.__wrapped__(*job)
        monkeypatch.undo()
    async with days_later(12.1):
        assert await tell(customer) == []
    async with days_later(12.3):
        assert await tell(customer) == ["trial_ends_soon"]
        await send_notice.fn.__wrapped__(*job)

    assert len(notices(tmp_path)) == 1


async def _refuse(*_: object) -> None:
    raise ConnectionRefusedError


async def test_an_alert_is_mailed_to_the_operator_once(customer: Customer, tmp_path: Path):
    """A price that is not ours, a customer deleted by hand: at any hour, and not to the customer."""
    async with platform_transaction():
        await connection().execute(
            "UPDATE billing_account SET alert = 'sub_1 has prices that are not ours: price_x' WHERE tenant_id = $1",
            customer.tenant.id,
        )
    nobody = await tell(customer)
    links.use(LinkSettings("https://crm.example", b"k" * 32, "ops@outrider.example"))
    with clock.frozen(START + timedelta(hours=15)):
        told = [await tell(customer) for _ in range(2)]

    [letter] = notices(tmp_path)
    assert (nobody, told) == ([], [["alert"], []])
    assert letter["To"] == "ops@outrider.example"
    assert "price_x" in letter.get_content()


async def test_a_tenant_that_nobody_bills_hears_nothing(tenant: TenantRef, gateway: TransferGateway, tmp_path: Path):
    """There is nothing to tell."""
    assert await tell(Customer(tenant, gateway)) == []
    assert notices(tmp_path) == []
