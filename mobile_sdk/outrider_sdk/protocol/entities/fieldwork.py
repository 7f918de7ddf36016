"""The day of a rep: the plan, and what was done."""

from outrider_sdk.protocol.entities.definition import TEXT_LENGTH_MAX, Entity, Kind, json_, of, ref, text

POSITION_ABSENCES = ("refused", "unavailable", "inaccurate")

ROUTE = Entity(
    "route",
    44,
    (
        ref("member_id", "member", required=True),
        of(Kind.DATE, "day", required=True),
        text("name"),
        text("note", max_length=TEXT_LENGTH_MAX),
    ),
)
ROUTE_STOP = Entity(
    "route_stop",
    45,
    (
        ref("route_id", "route", required=True),
        ref("outlet_id", "outlet", required=True),
        of(Kind.INTEGER, "position", required=True, mode="w", default=0),
        of(Kind.INSTANT, "planned_at"),
        text("note", max_length=TEXT_LENGTH_MAX),
    ),
    planned=True,
)
# Recorded at check-in, and completed once at check-out: a second row for the end would need the first to be seen, and a
# field that anybody may change would be no record.
VISIT = Entity(
    "visit",
    46,
    (
        ref("outlet_id", "outlet", required=True, mode="c"),
        ref("member_id", "member", required=True),
        ref("route_stop_id", "route_stop", mode="c"),
        of(Kind.INSTANT, "checked_in_at", required=True, mode="c"),
        json_("position", mode="c"),
        text("position_absence", mode="c", values=POSITION_ABSENCES),
        of(Kind.INSTANT, "checked_out_at", mode="o"),
        json_("position_out", mode="o"),
        text("outcome", mode="o", max_length=60),
        text("note", mode="o", max_length=TEXT_LENGTH_MAX),
        ref("signature_id", "attachment", mode="o"),
    ),
    append_only=True,
)
