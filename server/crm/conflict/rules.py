"""How a person settles a conflict. Pure; push and REST decide by the same rule.

Values are JSON as Python has it, as far as the wire's scalars go: decimals and ids are text, documents are parsed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from outrider_sdk.protocol import canonical_json
from outrider_sdk.protocol.entities import ENTITIES, Kind
from outrider_sdk.rules import together

WHOLE_ROW: Final = "*"
"""The field of a conflict between deleting a row and changing it."""
DUPLICATE: Final = "duplicate"
"""The rule of a conflict between two rows that look the same."""
REQUEST: Final = "request"
"""The rule of a conflict that is a request: its field has a master elsewhere, and `lost` is what somebody wants."""
CUSTOM: Final = "custom."
"""Before the key of a custom field, in a conflict's field."""
SHOWN_LENGTH_MAX: Final = 200
"""Characters of a value in an explanation."""
_DONE_OF_REQUEST: Final = {"keep": "it was declined", "take": "it was accepted"}
_DONE: Final = {"keep": "what stood was kept", "take": "the other value was taken", "delete": "it was deleted"}


@dataclass(frozen=True, slots=True)
class ConflictRecord:
    """What a settlement needs to know of a conflict."""

    id: str
    entity: str
    row_id: str
    field: str
    kept: Any
    lost: Any
    device_id: str | None
    mutation_number: int | None
    status: str
    settlement: str | None
    rule: str = "latest"


@dataclass(frozen=True, slots=True)
class Settlement:
    """What settling does to the row, and which conflicts it settles; none where it was settled so already."""

    conflict_ids: tuple[str, ...] = ()
    writes: Mapping[str, Any] | None = None
    """Values to put in the place of those that stand."""
    deletes: bool = False


class SettlementRefused(Exception):
    """The conflict cannot be settled so. `code` is for programs, the message for the person."""

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.field = field


def choices_of(record: ConflictRecord) -> tuple[str, ...]:
    """The choices that a person has: of what looks the same as something else, both stay until they are merged."""
    if record.rule == DUPLICATE:
        return ("keep",)
    return ("keep", "delete") if record.field == WHOLE_ROW else ("keep", "take")


def may_settle_request(choice: str, *, decides: bool, asked: bool) -> bool:
    """Whether somebody may settle a request so.

    Args:
        decides: they are an admin or owner, or the system that masters the field.
        asked: the request is theirs; they may take it back.
    """
    return decides or (asked and choice == "keep")


def siblings_of(record: ConflictRecord, others: Iterable[ConflictRecord]) -> list[ConflictRecord]:
    """Unsettled conflicts that arose from the same mutation, on fields that mean something only with this one's."""
    fields = together(record.entity, record.field)

    def origin(of: ConflictRecord) -> tuple[Any, ...]:
        return of.entity, of.row_id, of.device_id, of.mutation_number

    return [
        other
        for other in others
        if other.id != record.id
        and other.status != "settled"
        and origin(other) == origin(record)
        and other.field in fields
        and record.device_id is not None
    ]


def decide_settlement(
    record: ConflictRecord,
    others: Iterable[ConflictRecord],
    present: Mapping[str, Any] | None,
    *,
    choice: str,
    seen: Mapping[str, Any],
    may_see: bool = True,
) -> Settlement:
    """What becomes of a conflict that a person settles.

    Args:
        others: conflicts of the same row.
        present: the row as it stands; None where it is deleted.
        seen: the values that the person saw standing, by field; where one is missing, that of the record counts.
        may_see: whether the person may be told what stands now.

    Raises:
        SettlementRefused: there is no such choice, it was settled otherwise, or the row has moved on.
    """
    if choice not in choices_of(record):
        offered = " or ".join(f"“{name}”" for name in choices_of(record))
        raise SettlementRefused("value_invalid", f"This conflict is settled by {offered}.", "choice")
    if record.status == "settled":
        if record.settlement == choice:
            return Settlement()
        how = (_DONE_OF_REQUEST if record.rule == REQUEST else _DONE).get(record.settlement or "", "it is settled")
        raise SettlementRefused("conflict_settled", f"This was decided before: {how}. Edit it, if that is wrong.")
    settled = [record, *siblings_of(record, others)]
    if present is None:
        if (record.field == WHOLE_ROW) is (choice == "keep"):  # a value, or the row itself, is wanted where none is
            raise SettlementRefused("conflict_stale", f"This {_noun(record)} was deleted meanwhile.", record.field)
        return Settlement(_ids(settled))
    if record.field == WHOLE_ROW:
        return Settlement((record.id,), deletes=choice == "delete")
    declines = record.rule == REQUEST and choice == "keep"  # whatever its master has made of the field since
    for each in settled if record.rule != DUPLICATE and not declines else ():
        _require_unmoved(each, present, seen.get(each.field, each.kept), may_see=may_see)
    writes = {each.field: each.lost for each in settled} if choice == "take" else None
    return Settlement(_ids(settled), writes)


def value_in(values: Mapping[str, Any], field: str) -> Any:
    """The value of a conflict's field in a row; of a custom field, that of its key."""
    if field.startswith(CUSTOM):
        return (values["custom"] or {}).get(field.removeprefix(CUSTOM))
    return values[field]


def _ids(records: Iterable[ConflictRecord]) -> tuple[str, ...]:
    return tuple(record.id for record in records)


def _noun(record: ConflictRecord) -> str:
    return record.entity.replace("_", " ")


def _require_unmoved(record: ConflictRecord, present: Mapping[str, Any], seen: Any, *, may_see: bool) -> None:
    stands = value_in(present, record.field)
    field = ENTITIES[record.entity].by_name.get(record.field)
    if _same(field.kind if field else Kind.JSON, stands, seen):
        return
    what = f"“{record.field.replace('_', ' ')}” of this {_noun(record)}"
    if not may_see:
        raise SettlementRefused("conflict_stale", f"{what} was changed since you looked.", record.field)
    now = "empty" if stands is None else f"“{_shown(stands)}”"
    raise SettlementRefused("conflict_stale", f"{what} is {now} by now. Look at it again, then decide.", record.field)


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else canonical_json(value)
    return text if len(text) <= SHOWN_LENGTH_MAX else f"{text[: SHOWN_LENGTH_MAX - 1]}…"


def _same(kind: Kind, a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    if kind is Kind.DECIMAL:
        return Decimal(str(a)) == Decimal(str(b))
    return canonical_json(a) == canonical_json(b)
