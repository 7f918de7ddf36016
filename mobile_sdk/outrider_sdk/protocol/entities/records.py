"""What stands beside a record of any entity: comments, attachments, custom fields, masters of fields, conflicts."""

from outrider_sdk.protocol.entities.definition import TEXT_LENGTH_MAX, Entity, Kind, id_, json_, of, text

SETTLEMENTS = ("keep", "take", "delete")
"""What a person can choose: leave what stands, put the other value in its place, delete the row."""

CUSTOM_TYPES = ("text", "integer", "decimal", "boolean", "date", "choice")

COMMENT = Entity(
    "comment",
    47,
    (
        text("entity", required=True, mode="c", max_length=40),
        id_("row_id", required=True, mode="c"),
        text("body", required=True, mode="c", max_length=TEXT_LENGTH_MAX),
        text("visibility", required=True, mode="c", values=("internal", "printed"), default="internal"),
    ),
    append_only=True,
)
ATTACHMENT = Entity(
    "attachment",
    48,
    (
        text("entity", required=True, mode="c", max_length=40),
        id_("row_id", required=True, mode="c"),
        text("name", required=True, mode="c"),
        text("media_type", required=True, mode="c", max_length=100),
        of(Kind.INTEGER, "size_bytes", required=True, mode="c"),
        text("sha256", required=True, mode="c", max_length=64),
    ),
    append_only=True,
)
CUSTOM_FIELD = Entity(
    "custom_field",
    49,
    (
        text("entity", required=True, max_length=40),
        text("key", required=True, max_length=40),
        text("label", required=True),
        json_("labels", required=True, default="{}"),
        text("field_type", required=True, values=CUSTOM_TYPES),
        json_("choices", required=True, default="[]"),
        of(Kind.BOOLEAN, "required", required=True, default=False),
        of(Kind.INTEGER, "position", required=True, default=0),
        of(Kind.INTEGER, "version", required=True, default=1),
        of(Kind.BOOLEAN, "active", required=True, default=True),
    ),
)
FIELD_MASTER = Entity(
    "field_master",
    81,
    (
        text("entity", required=True, max_length=40),
        text("field", required=True, max_length=60),
        text("system", required=True, max_length=60),
    ),
)
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
        json_("seen"),
        id_("kept_by"),
        id_("lost_by"),
        id_("device_id"),
        of(Kind.INTEGER, "mutation_number"),
        of(Kind.INSTANT, "captured_at"),
        text("status", required=True, values=("recorded", "open", "settled")),
        text("explanation", required=True, max_length=TEXT_LENGTH_MAX),
        text("settlement", max_length=20, values=SETTLEMENTS),
        id_("settled_by"),
        of(Kind.INSTANT, "settled_at"),
    ),
)
MERGED_ENTITIES = ("account", "contact")
"""Entities of which two rows can be merged into one."""

MERGE = Entity(
    "merge",
    80,
    (
        text("entity", required=True, max_length=40, values=MERGED_ENTITIES),
        id_("winner_id", required=True),
        id_("loser_id", required=True),
        of(Kind.INSTANT, "undone_at"),
    ),
)
