"""Scopes of the catalogue: who sees which products, price lists and stock. In SQL; part of `server.sync.scopes`.

A product is in `CATALOGUE_SCOPE` and in each assortment that allows it today; a member holds the whole catalogue, or
the assortments that all of their assignments name. A *place* is a price list or a van, with a scope of its own. What is
both of a place and of a product (a price, the stock in a van) is in the *pair* of the two, so that whoever holds both
sees it, and nobody else. Grants of places follow from those of outlets and members (`catalogue.sql`).

In all SQL of this module `{{schema}}` is the tenant's, and `:catalogue` the scope.
"""

from pathlib import Path
from typing import Final

from outrider_sdk.protocol.entities import AGREEMENT

CATALOGUE_SCOPE: Final = "00000000-0000-8000-8000-000000000000"
"""All products, with their units, and what is in stock in warehouses that nobody keeps for themself."""
_PARTS: Final = "(SELECT :catalogue AS scope UNION ALL SELECT s.id FROM {{schema}}.assortment s)"


def _sql(text: str) -> str:
    return text.replace(":catalogue", f"'{CATALOGUE_SCOPE}'::uuid")


def _holds(alias: str) -> str:
    return (
        f"({alias}.starts_on IS NULL OR {alias}.starts_on <= current_date)"
        f" AND ({alias}.ends_on IS NULL OR {alias}.ends_on >= current_date)"
    )


CATEGORY_BELOW_VIEW = """
    WITH RECURSIVE below AS (
        SELECT c.id AS category_id, c.id AS above_id FROM {{schema}}.category c
        UNION
        SELECT c.id, b.above_id FROM {{schema}}.category c JOIN below b ON c.parent_id = b.category_id
    ) SELECT category_id, above_id FROM below"""
"""Each category with itself and all that it stands below, deleted or not."""

# What is banned at one outlet or in one channel may be sold at another, and is in the assortment all the same.
ASSORTED_PRODUCT_VIEW = """
    SELECT s.product_id, s.assortment_id FROM (
        SELECT i.product_id, i.assortment_id, i.effect, i.outlet_id, i.channel, i.starts_on, i.ends_on
        FROM {{schema}}.assortment_item i WHERE i.product_id IS NOT NULL AND i.deleted_at IS NULL
        UNION ALL
        SELECT x.id, i.assortment_id, i.effect, i.outlet_id, i.channel, i.starts_on, i.ends_on
        FROM {{schema}}.product x JOIN {{schema}}.category_below b ON b.category_id = x.category_id
        JOIN {{schema}}.assortment_item i ON i.category_id = b.above_id AND i.deleted_at IS NULL
    ) s JOIN {{schema}}.assortment a ON a.id = s.assortment_id AND a.deleted_at IS NULL AND (a_holds)
    WHERE (s_holds) GROUP BY s.product_id, s.assortment_id
    HAVING bool_or(s.effect = 'allow')
    AND NOT bool_or(s.effect = 'ban' AND s.outlet_id IS NULL AND s.channel IS NULL)"""
ASSORTED_PRODUCT_VIEW = ASSORTED_PRODUCT_VIEW.replace("(a_holds)", _holds("a")).replace("(s_holds)", _holds("s"))
"""Which assortment holds which products today: what its items allow, less what they ban everywhere."""

OWN_CATALOGUE_VIEW = _sql("""
    SELECT m.id AS member_id, :catalogue AS scope FROM {{schema}}.member m
    WHERE EXISTS (SELECT FROM {{schema}}.worked_outlet w WHERE w.member_id = m.id AND w.assortment_id IS NULL)
    OR NOT EXISTS (SELECT FROM {{schema}}.worked_outlet w WHERE w.member_id = m.id)
    UNION ALL
    SELECT DISTINCT w.member_id, w.assortment_id FROM {{schema}}.worked_outlet w WHERE w.assortment_id IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM {{schema}}.worked_outlet o WHERE o.member_id = w.member_id AND o.assortment_id IS NULL)""")
"""What each member works with: the whole catalogue, or the assortments that every assignment of theirs names."""

GRANTED_PARTS = _sql("""
    UNION ALL
    -- Of the catalogue: what is the member's own, and of those for whom they stand in; their team-mates'; all of it, to
    -- whoever manages a branch, or reads everything.
    SELECT c.member_id, c.scope, 1 FROM {{schema}}.own_catalogue c
    JOIN {{schema}}.active_member a ON a.id = c.member_id AND a.reach > 0
    UNION ALL
    SELECT d.substitute_id, c.scope, 1 FROM {{schema}}.delegation d
    JOIN {{schema}}.active_member a ON a.id = d.substitute_id AND a.reach > 0
    JOIN {{schema}}.own_catalogue c ON c.member_id = d.member_id
    WHERE d.deleted_at IS NULL AND (d_holds)
    UNION ALL
    SELECT a.id, c.scope, 2 FROM {{schema}}.active_member a
    JOIN {{schema}}.member m ON m.team_id = a.team_id AND m.id <> a.id
    JOIN {{schema}}.own_catalogue c ON c.member_id = m.id
    WHERE a.reach >= 2
    UNION ALL
    SELECT a.id, :catalogue, 3 FROM {{schema}}.active_member a WHERE a.reach >= 3
    AND EXISTS (SELECT FROM {{schema}}.territory t WHERE t.manager_id = a.id AND t.deleted_at IS NULL)
    UNION ALL
    SELECT a.id, :catalogue, 4 FROM {{schema}}.active_member a WHERE a.reach >= 4""").replace("(d_holds)", _holds("d"))

_PARTS_OF_PRODUCT: Final = """CROSS JOIN LATERAL (
            SELECT :catalogue AS scope
            UNION ALL
            SELECT e.scope FROM {{schema}}.scope_entry e
            WHERE e."row" = x.product_id AND NOT e.gone AND e.scope <> :catalogue
        ) p"""
"""What belongs to a product (x), deleted or not, is in the catalogue, and in the product's assortments."""


def _of_product(scope: str, table: str, join: str = "") -> str:
    return _sql(f"""
        SELECT x.id AS "row", {scope} AS scope FROM {{{{schema}}}}.{table} x {join}{_PARTS_OF_PRODUCT}
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL""")


SCOPE_QUERIES_OF_CATALOGUE: Final = {
    "product": _sql("""
        SELECT x.id AS "row", :catalogue AS scope FROM {{schema}}.product x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
        UNION ALL
        SELECT x.id, p.assortment_id FROM {{schema}}.assorted_product p JOIN {{schema}}.product x ON x.id = p.product_id
        WHERE p.product_id = ANY (ids) AND x.deleted_at IS NULL"""),
    "product_unit": _of_product("p.scope", "product_unit"),
    "assortment": _sql("""
        SELECT x.id AS "row", v.scope FROM {{schema}}.assortment x
        CROSS JOIN LATERAL (VALUES (x.id), (:catalogue)) AS v (scope)
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL"""),
    # A list for one outlet would tell of that outlet.
    "assortment_item": _sql("""
        SELECT x.id AS "row", v.scope FROM {{schema}}.assortment_item x
        CROSS JOIN LATERAL (
            VALUES (coalesce(x.outlet_id, x.assortment_id)), (coalesce(x.outlet_id, :catalogue))
        ) AS v (scope)
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL"""),
    "price_list": """
        SELECT x.id AS "row", x.id AS scope FROM {{schema}}.price_list x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL""",
    "price_item": _of_product("{{schema}}.pair_scope(x.price_list_id, p.scope)", "price_item"),
    "stock": _of_product(
        "CASE WHEN w.member_id IS NULL THEN p.scope ELSE {{schema}}.pair_scope(w.id, p.scope) END",
        "stock",
        "JOIN {{schema}}.warehouse w ON w.id = x.warehouse_id ",
    ),
}

_PRODUCTS: Final = """
    PERFORM {{schema}}.refresh_products(ARRAY(
        SELECT i.product_id FROM (items) i WHERE i.product_id IS NOT NULL
        UNION
        SELECT x.id FROM {{schema}}.product x JOIN {{schema}}.category_below b ON b.category_id = x.category_id
        JOIN (items) i ON i.category_id = b.above_id));
"""

# A member's part of the catalogue is their team-mates' too, and their substitutes'.
_PARTS_OF_ASSIGNED: Final = _sql("""
    IF EXISTS (SELECT FROM {rows} r WHERE r.assortment_id IS NOT NULL)
        OR EXISTS (SELECT FROM {{schema}}.assignment s WHERE s.assortment_id IS NOT NULL AND s.deleted_at IS NULL)
    THEN
        PERFORM {{schema}}.refresh_grants(ARRAY(
            WITH assigned AS (
                SELECT m.id, m.team_id FROM {{schema}}.member m
                WHERE m.id IN (SELECT r.member_id FROM {rows} r) OR m.team_id IN (SELECT r.team_id FROM {rows} r)
            )
            SELECT s.id FROM assigned s
            UNION SELECT m.id FROM {{schema}}.member m JOIN assigned s ON s.team_id = m.team_id
            UNION SELECT d.substitute_id FROM {{schema}}.delegation d JOIN assigned s ON s.id = d.member_id
        ), ARRAY(SELECT p.scope FROM (parts) p));
    END IF;
""").replace("(parts)", _sql(_PARTS))

EFFECTS: Final[dict[str, tuple[str, bool]]] = {
    "product": ("    PERFORM {{schema}}.refresh_products(moved);\n", False),
    "category": (
        """
    PERFORM {{schema}}.refresh_products(ARRAY(
        SELECT x.id FROM {{schema}}.product x JOIN {{schema}}.category_below b ON b.category_id = x.category_id
        WHERE b.above_id = ANY (moved)));
""",
        False,
    ),
    "assortment": (
        _PRODUCTS.replace(
            "(items)", "(SELECT * FROM {{schema}}.assortment_item n WHERE n.assortment_id = ANY (moved))"
        ),
        False,
    ),
    "assortment_item": (_PRODUCTS.replace("(items)", "{rows}"), True),
    "assignment": (_PARTS_OF_ASSIGNED, True),
    "agreement": (
        """
    PERFORM {{schema}}.refresh_lists(moved, ARRAY(SELECT DISTINCT r.price_list_id FROM {rows} r));
""",
        False,
    ),
    "price_list": ("    PERFORM {{schema}}.refresh_places(NULL, ARRAY(SELECT r.id FROM {rows} r));\n", True),
    "warehouse": ("    PERFORM {{schema}}.refresh_places(NULL, ARRAY(SELECT r.id FROM {rows} r));\n", True),
}
"""What else a change of an entity's rows leads to: statements over `{rows}`, old and new, whose ids are `moved`; and
whether an INSERT leads to it too."""

_HEAD: Final = "LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$"

PAIR_SCOPE_FUNCTION = """
-- The scope of what is both of a place and of a part of the catalogue. Of version 8, which no id of a row is.
CREATE FUNCTION {{schema}}.pair_scope(place uuid, part uuid) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT overlay(md5(place::text || part::text) PLACING '8' FROM 13 FOR 1)::uuid
$$;
"""

_DATED: Final = """(
            SELECT n.* FROM {{schema}}.assortment_item n JOIN {{schema}}.assortment s ON s.id = n.assortment_id
            WHERE num_nonnulls(n.starts_on, n.ends_on, s.starts_on, s.ends_on) > 0)"""
PARTS: Final = _sql(_PARTS)
REFRESH_FUNCTIONS: Final = (
    Path(__file__)
    .with_suffix(".sql")
    .read_text(encoding="utf-8")
    .replace(":head", _HEAD)
    .replace(":dated_products", _PRODUCTS.replace("(items)", _DATED))
    .replace(":parts", PARTS)
    .replace(":agreement", str(AGREEMENT.code))
)
