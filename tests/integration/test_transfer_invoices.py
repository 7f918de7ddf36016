"""Invoices of customers who pay by transfer: numbers, money, letters, lists, and what is noted as paid."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from server import clock, mail
from server.billing.invoice.jobs import mail_invoice, mail_unmailed
from server.billing.plans import Interval
from server.billing.provider import PaymentServiceRefused, PaymentsNotSetUp
from server.billing.transfer import commands
from server.billing.transfer.gateway import TransferGateway
from server.billing.transfer.pdf import render_invoice
from server.billing.transfer.seller import Seller
from server.config import ConfigError
from server.db import TenantRef, connection, platform_transaction
from server.errors import Conflict, InvalidInput, NotFound
from tests.integration import transfer_world
from tests.integration.application import APP
from tests.integration.rest_world import make_world
from tests.integration.sign_up_world import letters
from tests.integration.transfer_world import SELLER, Customer

pytestmark = pytest.mark.usefixtures("no_ledger")
gateway = transfer_world.gateway
trial_customer = transfer_world.trial_customer
customer = transfer_world.customer


async def test_numbers_have_no_gaps_also_when_many_are_written_at_once_and_some_fail(
    gateway: TransferGateway, new_tenant: Callable[[], Awaitable[TenantRef]], monkeypatch: pytest.MonkeyPatch
):
    """A tax office asks for each number that is missing."""
    customers = [Customer(await new_tenant(), gateway) for _ in range(5)]
    year = datetime(2031, 6, 1, tzinfo=UTC)
    with clock.frozen(year):
        for each in customers:
            await each.enrol()
        real = commands.refresh_now

        async def fail(customer: Customer) -> None:
            with pytest.raises(InvalidInput):
                await commands.order(customer.tenant.slug, "team", Interval.MONTH, 99)

        await asyncio.gather(*(each.order() for each in customers[:4]), fail(customers[4]))
        monkeypatch.setattr(commands, "refresh_now", real)
        await customers[4].order()

    found = sorted([(await each.invoices())[0]["number"] for each in customers])
    assert found == [f"OR-2031-{n:05d}" for n in range(1, 6)]


async def test_the_year_of_a_number_is_the_sellers(customer: Customer):
    """In Dublin it is still the old year when it is the new one in Almaty."""
    with clock.frozen(datetime(2032, 12, 31, 23, 30, tzinfo=UTC)):
        number = await customer.order()

    assert number == "OR-2032-00001"


@pytest.mark.parametrize(
    ("currency", "subtotal", "tax", "words"),
    [("KZT", 2_970_000, 356_400, "33 264,00 ₸"), ("JPY", 8_700, 1_044, "9,744"), ("KWD", 18_000, 2_160, "20.160")],
)
async def test_currencies_have_the_minor_units_they_have(
    tenant: TenantRef, gateway: TransferGateway, currency: str, subtotal: int, tax: int, words: str, tmp_path: Path
):
    """Yen have none, dinars three."""
    customer = Customer(tenant, gateway)
    await customer.enrol(currency=currency, language="kk" if currency == "KZT" else "en")
    await customer.order(seats=3)

    [invoice] = await customer.invoices()
    await mail_invoice.fn.__wrapped__(invoice["id"])
    assert (invoice["subtotal_minor"], invoice["tax_minor"]) == (subtotal, tax)
    [letter] = letters(tmp_path / "mail")
    body = letter.get_body()
    assert body is not None
    assert words in body.get_content().replace("\xa0", " ")


async def test_an_invoice_is_mailed_once_with_its_pdf_to_who_pays_and_who_keeps_the_books(
    customer: Customer, tmp_path: Path
):
    """However often the job runs."""
    async with platform_transaction():
        await connection().execute(
            "UPDATE billing_account SET accountant_email = 'books@acme.example', language = 'ru' WHERE tenant_id = $1",
            customer.tenant.id,
        )
    number = await customer.order()
    [invoice] = await customer.invoices()

    for _ in range(3):
        await mail_invoice.fn.__wrapped__(invoice["id"])

    [letter] = letters(tmp_path / "mail")
    [attached] = letter.iter_attachments()
    assert (letter["To"], letter["Cc"]) == ("billing@acme.example", "books@acme.example")
    assert letter["Subject"] == f"Счёт {number}"
    assert attached.get_filename() == f"{number}.pdf"
    assert attached.get_content().startswith(b"%PDF-")
    assert (await customer.invoices())[0]["mailed_at"] is not None


async def test_with_mail_down_an_invoice_is_mailed_later(customer: Customer, monkeypatch: pytest.MonkeyPatch):
    """And one whose job was lost is found."""
    await customer.order()
    [invoice] = await customer.invoices()
    monkeypatch.setattr(mail, "send", _refuse)
    with pytest.raises(ConnectionRefusedError):
        await mail_invoice.fn.__wrapped__(invoice["id"])
    monkeypatch.undo()

    assert await mail_unmailed() >= 1
    assert await mail_unmailed() == 0  # a job is on its way
    await mail_invoice.fn.__wrapped__(invoice["id"])
    assert (await customer.invoices())[0]["mailed_at"] is not None


async def _refuse(*_: Any) -> None:
    raise ConnectionRefusedError


async def test_an_invoice_says_what_it_said_when_it_was_written(customer: Customer):
    """A new name stands on later ones; the paper that is in somebody's books does not change."""
    await customer.order()
    [before] = await customer.invoices()
    async with platform_transaction():
        await connection().execute("UPDATE billing_account SET legal_name = 'New Name'")

    document = json.loads((await customer.invoices())[0]["details"])
    assert document["buyer"]["name"] == "Test tenant"
    assert render_invoice(document) == render_invoice(json.loads(before["details"]))


async def test_a_payment_in_part_is_noted_and_the_rest_stays_open(customer: Customer):
    """Bank fees happen."""
    number = await customer.order(seats=2)  # 42.56

    part = await commands.mark_paid(number, amount=Decimal("42.00"))
    with pytest.raises(InvalidInput, match=r"0\.56"):
        await commands.mark_paid(number, amount=Decimal("1.00"))
    with pytest.raises(InvalidInput, match="amount"):
        await commands.mark_paid(number, amount=Decimal("0.001"))
    rest = await commands.mark_paid(number)

    assert (part.open_minor, rest.open_minor) == (56, 0)
    [invoice] = await customer.invoices()
    assert [each["amount_minor"] for each in json.loads(invoice["details"])["payments"]] == [4_200, 56]


async def test_what_cannot_be_paid_is_refused(customer: Customer):
    """Twice, in the future, or what is nobody's."""
    number = await customer.order()
    with pytest.raises(InvalidInput, match="to come"):
        await commands.mark_paid(number, on=clock.now() + timedelta(days=1))
    await commands.mark_paid(number)

    with pytest.raises(Conflict, match="paid"):
        await commands.mark_paid(number)
    with pytest.raises(NotFound, match="OR-1999"):
        await commands.mark_paid("OR-1999-00001")


async def test_what_cannot_be_ordered_is_refused_and_costs_no_number(customer: Customer):
    """Seats that the tier has not, a second subscription, a tenant that pays by card."""
    with pytest.raises(InvalidInput, match="seats"):
        await customer.order(seats=26)
    with pytest.raises(InvalidInput, match="price"):
        await customer.order("free")
    await customer.order()
    with pytest.raises(PaymentServiceRefused, match="already"):
        await customer.order()
    async with platform_transaction():
        await connection().execute(
            "UPDATE billing_account SET provider = 'stripe' WHERE tenant_id = $1", customer.tenant.id
        )
    with pytest.raises(Conflict, match="card"):
        await customer.order()
    assert len(await customer.invoices()) == 1


async def test_without_a_seller_nothing_is_ordered(tenant: TenantRef):
    """An invoice of nobody is none."""
    with pytest.raises(PaymentsNotSetUp):
        await commands.order(tenant.slug, "team", Interval.MONTH, 1)


@pytest.mark.parametrize(
    "given",
    [
        {}, SELLER | {"name": ""}, SELLER | {"bank": "IBAN"}, SELLER | {"vat_percent": "x"},
        SELLER | {"vat_percent": "120"}, SELLER | {"timezone": "Mars"}, SELLER | {"due_days": 400},
    ],
)  # fmt: skip
def test_a_seller_that_is_none_is_told_to_the_operator(given: dict[str, Any]):
    """Before the first invoice, not on it."""
    with pytest.raises(ConfigError, match="OUTRIDER_INVOICE_SELLER"):
        Seller.of(given)


async def test_invoices_are_listed_and_fetched_by_who_does_the_billing(
    customer: Customer, new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """With their PDF; nobody else's are there."""
    world = await make_world(APP, customer.tenant)
    other = await make_world(APP, await new_tenant())
    number = await customer.order()

    [listed] = (await world.billing.get("/billing/invoices"))["items"]
    one = await world.admin.get(f"/billing/invoices/{listed['id']}")
    pdf = await world.billing.send("GET", listed["pdf_url"])

    assert one == listed
    assert (one["number"], one["status"], one["provider"]) == (number, "open", "transfer")
    assert (pdf.status_code, pdf.headers["content-type"]) == (200, "application/pdf")
    assert pdf.content.startswith(b"%PDF-")
    assert (await other.owner.get("/billing/invoices"))["items"] == []
    for path in (f"/billing/invoices/{listed['id']}", listed["pdf_url"]):
        assert (await other.owner.refusal("GET", path))[:2] == (404, "not_found")
        assert (await world.rep.refusal("GET", path))[:2] == (403, "forbidden")


async def test_an_invoice_of_the_payment_provider_is_fetched_from_there(customer: Customer):
    """We link to it, and keep no copy."""
    world = await make_world(APP, customer.tenant)
    await insert_stripe_invoices(customer.tenant, 1)

    [listed] = (await world.owner.get("/billing/invoices"))["items"]
    reply = await world.owner.send("GET", f"/billing/invoices/{listed['id']}/pdf")

    assert listed["pdf_url"] == "https://stripe.example/0.pdf"
    assert (reply.status_code, reply.headers["location"]) == (302, "https://stripe.example/0.pdf")


async def insert_stripe_invoices(tenant: TenantRef, count: int) -> None:
    async with platform_transaction():
        for n in range(count):
            await connection().execute(
                """INSERT INTO billing_invoice (id, tenant_id, provider, number, status, currency, subtotal_minor,
                    total_minor, issued_at, pdf_url, created_at)
                VALUES ($1, $2, 'stripe', $3, 'paid', 'EUR', 1900, 1900, $4, $5, $4)""",
                f"in_{tenant.id.hex[:8]}{n}", tenant.id, f"S-{n}", clock.now() + timedelta(seconds=n),
                f"https://stripe.example/{n}.pdf",
            )  # fmt: skip


async def test_many_invoices_come_page_by_page(customer: Customer):
    """Newest first, each once."""
    world = await make_world(APP, customer.tenant)
    await insert_stripe_invoices(customer.tenant, 53)

    first = await world.owner.get("/billing/invoices")
    second = await world.owner.get("/billing/invoices", after=first["next"])

    numbers = [each["number"] for each in (*first["items"], *second["items"])]
    assert numbers == [f"S-{n}" for n in reversed(range(53))]
    assert second["next"] is None


async def test_an_invoice_of_the_payment_provider_is_mailed_to_the_accountant_once(customer: Customer, tmp_path: Path):
    """Only where there is one; who pays has it from the provider."""
    await insert_stripe_invoices(customer.tenant, 1)
    [invoice] = await customer.invoices()
    await mail_invoice.fn.__wrapped__(invoice["id"])
    nobody = letters(tmp_path / "mail") if (tmp_path / "mail").exists() else []
    async with platform_transaction():
        await connection().execute(
            "UPDATE billing_account SET accountant_email = 'books@acme.example' WHERE tenant_id = $1",
            customer.tenant.id,
        )

    for _ in range(2):
        await mail_invoice.fn.__wrapped__(invoice["id"])

    [letter] = letters(tmp_path / "mail")
    assert nobody == []
    assert letter["To"] == "books@acme.example"
    assert "https://stripe.example/0.pdf" in letter.get_content()
