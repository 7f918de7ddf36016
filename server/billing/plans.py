"""The tiers that a tenant may be on: versioned code, published to the payment provider by lookup key. Pure.

Prices never change: another price, or another limit, is another version, and who has bought the older one stays on it.
Limits live here alone; no provider knows them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from server.errors import NotFound

MB: Final = 1_000_000


class Feature(StrEnum):
    """What a tier opens beside its limits."""

    CUSTOM_FIELDS = "custom_fields"
    API_ACCESS = "api_access"
    AUTOMATION = "automation"


class Interval(StrEnum):
    """How often a seat is paid for."""

    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of each a tenant may have. None: as much as it likes."""

    seats_max: int | None
    devices_per_seat_max: int
    records_max: int | None
    storage_max_bytes: int | None
    sync_interval_s: int
    """A device that asks more often is answered all the same; its SDK waits this long between syncs by itself."""
    features: frozenset[Feature] = frozenset()


@dataclass(frozen=True, slots=True)
class Plan:
    """One version of one tier."""

    key: str
    version: int
    name: str
    limits: Limits
    seat_prices_minor: Mapping[tuple[Interval, str], int] = field(default_factory=dict)
    """By interval and currency, in the currency's minor units, for each seat."""

    def lookup_key(self, interval: Interval, currency: str) -> str:
        """The name under which the provider has the price, such as `outrider_team_v1_month_eur`."""
        return f"outrider_{self.key}_v{self.version}_{interval}_{currency.lower()}"


def _prices(month: Mapping[str, int]) -> dict[tuple[Interval, str], int]:
    """A year costs ten months."""
    monthly = {(Interval.MONTH, currency): minor for currency, minor in month.items()}
    return monthly | {(Interval.YEAR, currency): 10 * minor for currency, minor in month.items()}


# Amounts of three-decimal currencies end in 0: providers charge no tenth of a fils.
PLANS: Final[tuple[Plan, ...]] = (
    Plan("free", 1, "Free", Limits(2, 1, 1_000, 100 * MB, 900)),
    Plan(
        "team",
        1,
        "Team",
        Limits(25, 2, 100_000, 20_000 * MB, 60, frozenset({Feature.CUSTOM_FIELDS})),
        _prices({"EUR": 1_900, "USD": 1_900, "KZT": 990_000, "JPY": 2_900, "KWD": 6_000}),
    ),
    Plan(
        "business",
        1,
        "Business",
        Limits(250, 3, 1_000_000, 200_000 * MB, 15, frozenset(Feature)),
        _prices({"EUR": 3_900, "USD": 3_900, "KZT": 1_990_000, "JPY": 5_900, "KWD": 12_000}),
    ),
    Plan(
        "enterprise",
        1,
        "Enterprise",
        Limits(None, 5, None, None, 5, frozenset(Feature)),
        _prices({"EUR": 6_900, "USD": 6_900, "KZT": 3_490_000, "JPY": 9_900, "KWD": 21_000}),
    ),
)
"""Every version that anybody may still be on, smallest tier first."""

TRIAL_PLAN: Final = "business"
FREE_PLAN: Final = "free"

_BY_LOOKUP_KEY: Final = {
    plan.lookup_key(interval, currency): (plan, interval, currency)
    for plan in PLANS
    for interval, currency in plan.seat_prices_minor
}


class PlanUnknown(NotFound):
    """No tier has that name, or that version."""

    code = "plan_unknown"

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no plan {key!r}. Choose one of: {', '.join(sorted({p.key for p in PLANS}))}.")


def get_plan(key: str, version: int | None = None) -> Plan:
    """A tier in one version; the newest, if none is named.

    Raises:
        PlanUnknown: there is none.
    """
    found = [plan for plan in PLANS if plan.key == key and version in (None, plan.version)]
    if not found:
        raise PlanUnknown(key)
    return max(found, key=lambda plan: plan.version)


def find_price(lookup_key: str) -> tuple[Plan, Interval, str] | None:
    """The tier, interval and currency of a price that the provider named; None where it is not one of ours."""
    return _BY_LOOKUP_KEY.get(lookup_key)
