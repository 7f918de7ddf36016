"""Who works for the tenant, where, and for which outlets."""

from outrider_sdk.protocol.entities.definition import Entity, Kind, id_, of, ref, text

ROLES = ("rep", "manager", "admin", "owner", "billing")

TERRITORY = Entity(
    "territory",
    1,
    (text("name", required=True), ref("parent_id", "territory"), ref("manager_id", "member")),
)
MEMBER = Entity(
    "member",
    2,
    (
        text("name", required=True),
        text("role", required=True, values=ROLES),
        of(Kind.BOOLEAN, "active", required=True, default=True),
    ),
)
ASSIGNMENT = Entity(
    "assignment",
    15,
    (
        ref("member_id", "member", required=True),
        ref("outlet_id", "outlet", required=True),
        id_("assortment_id"),
        of(Kind.DATE, "starts_on"),
        of(Kind.DATE, "ends_on"),
        ref("delegated_by", "member"),
    ),
)
