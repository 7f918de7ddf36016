"""What stands on invoices: seen and changed by those who do the billing, told to the payment provider once."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from server.billing import provider
from server.billing.account.commands import enrol_tenant
from server.billing.account.jobs import update_customer
from server.billing.provider import CustomerDetails, PaymentServiceDown, PaymentServiceRefused
from server.db import TenantRef, connection, platform_transaction
from server.errors import InvalidInput
from server.tenants.entitlements import current, load_entitlements
from server.tenants.service import TenantUnknown
from tests.integration.application import APP
from tests.integration.rest_world import World, make_world

PATH = "/billing/account"
DETAILS = {"email": "billing@acme.example", "language": "ru", "currency": "KZT", "timezone": "Asia/Almaty"}


class FakeProvider:
    """Remembers what it was told, and refuses where a test says so."""

    def __init__(self) -> None:
        self.told: list[tuple[str, CustomerDetails, str]] = []
        self.trouble: Exception | None = None

    async def update_customer(self, customer_id: str, details: CustomerDetails, key: str) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.told.append((customer_id, details, key))


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    told = FakeProvider()
    provider.use("stripe", told)  # type: ignore[arg-type]
    yield told
    provider.use("stripe", None)


@pytest.fixture
async def world(tenant: TenantRef) -> World:
    made = await make_world(APP, tenant)
    assert await enrol_tenant(tenant.slug, DETAILS)
    return made


async def buy(tenant: TenantRef) -> str:
    """As if something had been bought by card."""
    customer_id = f"cus_{uuid4().hex[:8]}"
    async with platform_transaction():
        await connection().execute(
            "UPDATE billing_account SET provider = 'stripe', customer_id = $2 WHERE tenant_id = $1",
            tenant.id,
            customer_id,
        )
    return customer_id


async def intents(tenant: TenantRef) -> list[Any]:
    async with platform_transaction():
        return list(
            await connection().fetch("SELECT id, state FROM billing_intent WHERE tenant_id = $1 ORDER BY id", tenant.id)
        )


async def run(intent_id: UUID) -> None:
    await update_customer.fn.__wrapped__(str(intent_id))


async def test_those_who_do_the_billing_see_and_change_what_stands_on_invoices(world: World):
    """The party, its tax ids, references and contacts; what is left out stays."""
    changes = {
        "legal_name": "ТОО Достық", "country": "KZ", "accountant_email": "Books@acme.example",
        "address": {"line1": "пр. Абая 10", "city": "Алматы", "postal_code": "050000"},
        "tax_ids": [{"type": "kz_bin", "value": "990240005557"}], "contract_number": "17/2026",
        "purchase_order": "PO-4",
    }  # fmt: skip

    changed = await world.billing.patch(PATH, **changes)
    again = await world.owner.patch(PATH, purchase_order=None)

    assert changed["legal_name"] == "ТОО Достық"
    assert changed["accountant_email"] == "books@acme.example"
    assert again == changed | {"purchase_order": None} == await world.admin.get(PATH)
    assert (again["email"], again["currency"], again["provider"]) == ("billing@acme.example", "KZT", None)


@pytest.mark.parametrize("role", ["manager", "rep"])
async def test_nobody_else_does(world: World, role: str):
    """What a company pays is not its reps' business."""
    person = world.people[role]

    assert (await person.refusal("GET", PATH))[:2] == (403, "forbidden")
    assert (await person.refusal("PATCH", PATH, {"legal_name": "Mine"}))[:2] == (403, "forbidden")


async def test_a_tenant_that_nobody_bills_has_no_account(tenant: TenantRef):
    """The operator's own matter."""
    world = await make_world(APP, tenant)

    assert (await world.owner.refusal("GET", PATH))[:2] == (404, "not_billed")
    assert (await world.owner.refusal("PATCH", PATH, {"legal_name": "x"}))[:2] == (404, "not_billed")


async def test_another_tenants_account_is_neither_seen_nor_changed(
    world: World, new_tenant: Callable[[], Awaitable[TenantRef]]
):
    """The tenant is the token's; there is no other way to name one."""
    other = await make_world(APP, await new_tenant())
    await enrol_tenant(other.tenant.slug, DETAILS | {"email": "other@example.com"})

    await other.owner.patch(PATH, legal_name="Other")

    assert (await world.owner.get(PATH))["email"] == "billing@acme.example"
    assert (await world.owner.get(PATH))["legal_name"] == "Test tenant"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": ""}, "email"),
        ({"accountant_email": "a b"}, "accountant_email"),
        ({"legal_name": " "}, "legal_name"),
        ({"legal_name": "a\nb"}, "legal_name"),
        ({"address": {"line1": "x" * 201}}, "address.line1"),
        ({"tax_ids": [{"type": "kz_bin", "value": "990240005558"}]}, "tax_ids.0"),
        ({"tax_ids": [{"type": "xx", "value": "1"}]}, "tax_ids.0"),
        ({"purchase_order": "x" * 81}, "purchase_order"),
        ({"contract_number": "a\tb"}, "contract_number"),
        ({"language": "xx"}, "language"),
        ({"timezone": "Mars"}, "timezone"),
        ({"country": "kz"}, "country"),
        ({"currency": "XXX"}, "currency"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_changes(world: World, changes: dict[str, Any], field: str):
    """Of all that was sent."""
    status, code, fields = await world.owner.refusal("PATCH", PATH, {"purchase_order": "PO-1"} | changes)

    assert (status, code, fields) == (400, "invalid_input", [field])
    assert (await world.owner.get(PATH))["purchase_order"] is None


async def test_the_first_purchase_fixes_the_currency(world: World):
    """Invoices of one account are in one currency."""
    assert (await world.owner.patch(PATH, currency="EUR"))["currency"] == "EUR"
    await buy(world.tenant)

    assert (await world.owner.refusal("PATCH", PATH, {"currency": "USD"}))[2] == ["currency"]
    assert (await world.owner.patch(PATH, currency="EUR", legal_name="Acme"))["legal_name"] == "Acme"


async def test_before_anything_is_bought_nobody_is_told(world: World, fake: FakeProvider):
    """There is no customer yet."""
    await world.owner.patch(PATH, legal_name="Acme")

    assert await intents(world.tenant) == []


async def test_the_provider_hears_of_a_change_under_one_key_however_often_it_is_told(world: World, fake: FakeProvider):
    """The job runs at least once."""
    customer_id = await buy(world.tenant)
    await world.owner.patch(PATH, legal_name="Acme", tax_ids=[{"type": "eu_vat", "value": "DE136695976"}])
    await world.owner.patch(PATH, legal_name="Acme")  # nothing new
    [intent] = await intents(world.tenant)

    fake.trouble = PaymentServiceDown()
    with pytest.raises(PaymentServiceDown):  # the broker tries it again
        await run(intent["id"])
    fake.trouble = None
    for _ in range(2):
        await run(intent["id"])

    [(told_id, details, key)] = fake.told
    assert (told_id, key) == (customer_id, str(intent["id"]))
    assert (details.name, details.tax_ids) == ("Acme", (("eu_vat", "DE136695976"),))
    assert [each["state"] for each in await intents(world.tenant)] == ["done"]


async def test_an_older_change_does_not_come_after_a_newer_one(world: World, fake: FakeProvider):
    """Jobs come in any order."""
    await buy(world.tenant)
    for name in ("Old", "New"):
        await world.owner.patch(PATH, legal_name=name)
    older, newer = await intents(world.tenant)

    await run(newer["id"])
    await run(older["id"])

    assert [details.name for _, details, _ in fake.told] == ["New"]


async def test_what_the_provider_refuses_is_shown_to_who_changed_it(world: World, fake: FakeProvider):
    """Until the next change."""
    await buy(world.tenant)
    await world.owner.patch(PATH, tax_ids=[{"type": "eu_vat", "value": "DE136695976"}])
    [intent] = await intents(world.tenant)
    fake.trouble = PaymentServiceRefused("Invalid value for eu_vat.")

    await run(intent["id"])
    shown = (await world.owner.get(PATH))["problem"]
    repaired = await world.owner.patch(PATH, tax_ids=[])

    assert "Invalid value for eu_vat." in shown
    assert repaired["problem"] is None


async def test_a_tenant_that_was_there_before_is_enrolled_once(tenant: TenantRef):
    """Its trial begins now; twice is as good as once."""
    first, second = [await enrol_tenant(tenant.slug, DETAILS) for _ in range(2)]

    async with platform_transaction():
        steps = await load_entitlements(tenant.id)
    assert (first, second) == (True, False)
    assert [step.state for step in steps] == ["trialing", "active"]
    assert current(steps, steps[1].starts_at).plan == "free"  # type: ignore[arg-type]


async def test_enrolling_says_what_is_wrong(tenant: TenantRef):
    """An operator types too."""
    with pytest.raises(TenantUnknown):
        await enrol_tenant("nobody-there", DETAILS)
    with pytest.raises(InvalidInput, match="email"):
        await enrol_tenant(tenant.slug, DETAILS | {"email": "x"})
