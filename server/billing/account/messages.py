"""What the routes of the billing account take and answer."""

from datetime import datetime
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from server.billing.account.service import BilledParty
from server.billing.account.tax_ids import TAX_IDS_MAX

_Text = Annotated[str, Meta(max_length=254)]


class TaxId(Struct, forbid_unknown_fields=True, frozen=True):
    """One tax id; its type is a word such as `eu_vat`, `kz_bin`, `ru_inn`, `by_tin`."""

    type: Annotated[str, Meta(max_length=20)]
    value: Annotated[str, Meta(max_length=60)]


class Address(Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """A postal address; its country stands beside it."""

    line1: _Text | None = None
    line2: _Text | None = None
    city: _Text | None = None
    state: _Text | None = None
    postal_code: _Text | None = None


class BillingAccountView(Struct, frozen=True):
    """Who is billed, as invoices say it from the next one on."""

    provider: str | None
    """`stripe` or `transfer`; null: nothing was bought yet."""
    trial_ends_at: datetime
    email: str
    accountant_email: str | None
    language: str
    timezone: str
    country: str | None
    currency: str
    legal_name: str | None
    address: Address
    tax_ids: list[TaxId]
    contract_number: str | None
    purchase_order: str | None
    problem: str | None
    """Why the payment service did not take the last change."""

    @classmethod
    def of(cls, party: BilledParty) -> "BillingAccountView":
        """The account, for its people."""
        details = party.details
        return cls(
            party.provider, party.trial_ends_at, details.email, details.accountant_email, details.language,
            details.timezone, details.country, details.currency, details.legal_name,
            Address(**{name: text for name, text in details.address.items() if name in Address.__struct_fields__}),
            [TaxId(kind, value) for kind, value in details.tax_ids], details.contract_number, details.purchase_order,
            party.problem,
        )  # fmt: skip


class BillingAccountPatch(Struct, forbid_unknown_fields=True, frozen=True, omit_defaults=True):
    """What to change; what is left out stays, and null empties. The currency is fixed by the first purchase."""

    email: _Text | UnsetType = UNSET
    accountant_email: _Text | UnsetType | None = UNSET
    language: Annotated[str, Meta(max_length=35)] | UnsetType = UNSET
    timezone: Annotated[str, Meta(max_length=64)] | UnsetType = UNSET
    country: Annotated[str, Meta(max_length=2)] | UnsetType | None = UNSET
    currency: Annotated[str, Meta(max_length=3)] | UnsetType = UNSET
    legal_name: _Text | UnsetType | None = UNSET
    address: Address | UnsetType | None = UNSET
    tax_ids: Annotated[list[TaxId], Meta(max_length=TAX_IDS_MAX)] | UnsetType = UNSET
    contract_number: _Text | UnsetType | None = UNSET
    purchase_order: _Text | UnsetType | None = UNSET

    def changes(self) -> dict[str, object]:
        """The fields that were sent, as the account has them."""
        sent = {name: getattr(self, name) for name in self.__struct_fields__}
        found: dict[str, object] = {name: value for name, value in sent.items() if value is not UNSET}
        if isinstance(self.address, Address):
            found["address"] = {name: getattr(self.address, name) for name in Address.__struct_fields__}
        if not isinstance(self.tax_ids, UnsetType):
            found["tax_ids"] = tuple((each.type, each.value) for each in self.tax_ids)
        return found
