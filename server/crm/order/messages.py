"""What the acts on orders take and answer."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from outrider_sdk.protocol.entities import INTEGER_MAX

from server.crm.order.submission import Submitted
from server.crm.resources import ORDERS


class SubmissionRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What the person saw; without it, the stored total counts as seen."""

    seen_total_minor: Annotated[int, msgspec.Meta(ge=0, le=INTEGER_MAX)] | None = None


class CancellationRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing to say."""


class LineVerdictView(msgspec.Struct):
    """What became of one line. `explanation` is for people, `verdict` for programs."""

    line_id: UUID
    verdict: str
    quantity_accepted: str
    list_price: str
    amount_minor: int
    explanation: str


class SubmissionReply(msgspec.Struct):
    """The order as it is now, and a verdict for each line."""

    order: ORDERS.models.view  # type: ignore[name-defined]
    lines: list[LineVerdictView]

    @classmethod
    def of(cls, submitted: Submitted, *, order: Any) -> Any:
        """The reply to a submission, with the order as whoever submits sees it."""
        lines = [
            LineVerdictView(
                line_id=UUID(v.line_id),
                verdict=v.verdict,
                quantity_accepted=f"{v.quantity_accepted:f}",
                list_price=f"{v.list_price:f}",
                amount_minor=v.amount_minor,
                explanation=v.explanation,
            )
            for v in submitted.lines
        ]
        return cls(order, lines)
