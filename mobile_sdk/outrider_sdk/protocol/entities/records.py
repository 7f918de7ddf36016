"""What the server keeps on record for people to read."""

from outrider_sdk.protocol.entities.definition import TEXT_LENGTH_MAX, Entity, Kind, id_, json_, of, text

SETTLEMENTS = ("keep", "take", "delete")
"""What a person can choose: leave what stands, put the other value in its place, delete the row."""

CONFLICT = Entity(
    "conflict",
    18,
    (
        text("entity", required=True, max_length=40),
        id_("row_id", required=True),
        text("field", required=True, max_length=60),
        text("rule", required=True, max_length=20),
        json_("kept"),
        json_("lost"),
        id_("kept_by"),
        id_("lost_by"),
        id_("device_id"),
        of(Kind.INTEGER, "mutation_number"),
        of(Kind.INSTANT, "captured_at"),
        text("status", required=True, values=("recorded", "open", "settled"), default="draft"),
        text("explanation", required=True, max_length=TEXT_LENGTH_MAX),
        text("settlement", max_length=20, values=SETTLEMENTS),
        id_("settled_by"),
        of(Kind.INSTANT, "settled_at"),
    ),
)
