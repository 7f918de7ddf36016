"""Who works for the tenant, where, and for which outlets."""

from outrider_sdk.protocol.entities.definition import Entity, Kind, json_, of, ref, text

ROLES = ("rep", "manager", "admin", "owner", "billing")
"""The roles that every tenant has; others depart from one of them."""

ROLE = Entity(
    "role",
    60,
    (
        text("key", required=True, max_length=60),
        text("name", required=True),
        text("base", required=True, values=ROLES),
        json_("permissions", required=True, default="{}"),
        json_("fields", required=True, default="{}"),
    ),
)
OFFICE = Entity("office", 61, (text("name", required=True), json_("address")))
TEAM = Entity("team", 62, (text("name", required=True), ref("office_id", "office")))

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
        text("role", required=True, max_length=60),
        of(Kind.BOOLEAN, "active", required=True, default=True),
        ref("team_id", "team"),
    ),
)
DELEGATION = Entity(
    "delegation",
    63,
    (
        ref("member_id", "member", required=True),
        ref("substitute_id", "member", required=True),
        of(Kind.DATE, "starts_on"),
        of(Kind.DATE, "ends_on"),
    ),
)
ASSIGNMENT = Entity(
    "assignment",
    15,
    (
        ref("member_id", "member"),
        ref("team_id", "team"),
        ref("outlet_id", "outlet", required=True),
        ref("assortment_id", "assortment"),
        of(Kind.DATE, "starts_on"),
        of(Kind.DATE, "ends_on"),
        ref("delegated_by", "member"),
    ),
)
