"""The route of usage, for owners, admins and the billing role."""

from datetime import datetime

import msgspec
from litestar import Router, get
from litestar.di import NamedDependency

from server.auth.guards import require_role
from server.auth.session import Session
from server.billing.account.service import BILLERS
from server.billing.metering import Metric, UsageReport, report_usage


class UsagePeriod(msgspec.Struct, frozen=True):
    """What was used in a month (`2026-11`) or a year (`2026`)."""

    period: str
    used: int


class MetricView(msgspec.Struct, frozen=True):
    """What is used of one thing, beside its limit (null: none). Orders add up; else the highest of a day counts."""

    metric: str
    maximum: int | None
    today: int
    since_payment: int
    months: list[UsagePeriod]
    years: list[UsagePeriod]

    @classmethod
    def of(cls, metric: Metric) -> "MetricView":
        """The view of one."""
        months, years = ([UsagePeriod(*each) for each in part.items()] for part in (metric.months, metric.years))
        return cls(metric.name, metric.maximum, metric.today, metric.since_payment, months, years)


class UsageView(msgspec.Struct, frozen=True):
    """What the workspace uses and used, by days of UTC. `paid_at`: the last payment, or the beginning."""

    paid_at: datetime
    metrics: list[MetricView]

    @classmethod
    def of(cls, report: UsageReport) -> "UsageView":
        """The view of a report."""
        return cls(report.paid_at, [MetricView.of(metric) for metric in report.metrics])


@get("/", operation_id="getUsage")
async def get_usage(session: NamedDependency[Session]) -> UsageView:
    """Get what the workspace uses now, by month, by year and since the last payment. 404 `not_billed`."""
    require_role(session, *BILLERS)
    return UsageView.of(await report_usage(session.entitled))


usage_router = Router("/billing/usage", route_handlers=[get_usage], tags=["billing"])
"""The app injects `session`."""
