"""Scopes: which rows are visible together, and which member is granted what. One rule, in SQL.

A *scope* is named by a UUID: an outlet's id, a member's id, or `TENANT_SCOPE`. `SCOPE_QUERIES` derive the scopes of
rows from the rows, `GRANTED_VIEW` the grants of members from roles, assignments and the territory tree. The triggers keep
`scope_entry` and `scope_grant` equal to them, for whoever wrote; nothing else writes those tables.
"""

TENANT_SCOPE = "00000000-0000-0000-0000-000000000000"


def _of_tenant(table: str) -> str:
    return f"""
        SELECT x.id AS "row", '{TENANT_SCOPE}'::uuid AS scope FROM {{{{schema}}}}."{table}" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL"""


# An account, and what hangs on it, is visible where one of its outlets is; without an outlet, to its maker alone.
_SCOPES_OF_ACCOUNT = """
            SELECT o.id AS scope FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT a.created_by WHERE a.created_by IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)"""

_SCOPES_OF_CONTACT = f"""
            SELECT c.outlet_id AS scope WHERE c.outlet_id IS NOT NULL
            UNION ALL
            SELECT v.scope FROM {{{{schema}}}}.account a CROSS JOIN LATERAL ({_SCOPES_OF_ACCOUNT}) v
            WHERE a.id = c.account_id AND c.outlet_id IS NULL"""

SCOPE_QUERIES: dict[str, str] = {
    **{
        table: _of_tenant(table)
        for table in (
            "territory",
            "member",
            "legal_entity",
            "price_list",
            "product",
            "product_unit",
            "price_item",
            "warehouse",
            "stock",
        )
    },
    "account": f"""
        SELECT a.id AS "row", v.scope FROM {{{{schema}}}}.account a CROSS JOIN LATERAL ({_SCOPES_OF_ACCOUNT}) v
        WHERE a.id = ANY (ids) AND a.deleted_at IS NULL""",
    "agreement": f"""
        SELECT g.id AS "row", v.scope FROM {{{{schema}}}}.agreement g
        JOIN {{{{schema}}}}.account a ON a.id = g.account_id CROSS JOIN LATERAL ({_SCOPES_OF_ACCOUNT}) v
        WHERE g.id = ANY (ids) AND g.deleted_at IS NULL""",
    "outlet": """
        SELECT o.id AS "row", o.id AS scope FROM {{schema}}.outlet o WHERE o.id = ANY (ids) AND o.deleted_at IS NULL""",
    "contact": f"""
        SELECT c.id AS "row", v.scope FROM {{{{schema}}}}.contact c CROSS JOIN LATERAL ({_SCOPES_OF_CONTACT}) v
        WHERE c.id = ANY (ids) AND c.deleted_at IS NULL""",
    "contact_channel": f"""
        SELECT h.id AS "row", v.scope FROM {{{{schema}}}}.contact_channel h
        JOIN {{{{schema}}}}.contact c ON c.id = h.contact_id AND c.deleted_at IS NULL
        CROSS JOIN LATERAL ({_SCOPES_OF_CONTACT}) v
        WHERE h.id = ANY (ids) AND h.deleted_at IS NULL""",
    "assignment": """
        SELECT s.id AS "row", s.member_id AS scope FROM {{schema}}.assignment s
        WHERE s.id = ANY (ids) AND s.deleted_at IS NULL""",
    "order": """
        SELECT o.id AS "row", o.outlet_id AS scope FROM {{schema}}."order" o
        WHERE o.id = ANY (ids) AND o.deleted_at IS NULL""",
    "order_line": """
        SELECT l.id AS "row", o.outlet_id AS scope FROM {{schema}}.order_line l
        JOIN {{schema}}."order" o ON o.id = l.order_id AND o.deleted_at IS NULL
        WHERE l.id = ANY (ids) AND l.deleted_at IS NULL""",
    "conflict": """
        SELECT c.id AS "row", c.lost_by AS scope FROM {{schema}}.conflict c
        WHERE c.id = ANY (ids) AND c.deleted_at IS NULL AND c.lost_by IS NOT NULL""",
}

# Columns whose change moves a row to other scopes, or changes who is granted what (deleted_at always does).
MOVED_BY: dict[str, tuple[str, ...]] = {
    "territory": ("parent_id", "manager_id"),
    "member": ("role", "active"),
    "account": ("created_by",),
    "agreement": ("account_id",),
    "outlet": ("account_id", "territory_id"),
    "contact": ("account_id", "outlet_id"),
    "contact_channel": ("contact_id",),
    "assignment": ("member_id", "outlet_id", "starts_on", "ends_on"),
    "order": ("outlet_id",),
    "order_line": ("order_id",),
    "conflict": ("lost_by",),
}

# Entities whose rows take their scopes from the moved rows: (target, ids of target rows; {rows} holds old and new rows).
CASCADES: dict[str, tuple[tuple[str, str], ...]] = {
    # An account without an outlet lends its maker's scope to what hangs on it.
    "account": (
        (
            "agreement",
            "SELECT g.id FROM {{{{schema}}}}.agreement g WHERE g.account_id IN (SELECT r.id FROM {rows} r)",
        ),
        (
            "contact",
            "SELECT c.id FROM {{{{schema}}}}.contact c WHERE c.account_id IN (SELECT r.id FROM {rows} r)",
        ),
        (
            "contact_channel",
            "SELECT h.id FROM {{{{schema}}}}.contact_channel h JOIN {{{{schema}}}}.contact c ON c.id = h.contact_id"
            " WHERE c.account_id IN (SELECT r.id FROM {rows} r)",
        ),
    ),
    "outlet": (
        ("account", "SELECT DISTINCT r.account_id FROM {rows} r"),
        (
            "agreement",
            "SELECT g.id FROM {{{{schema}}}}.agreement g WHERE g.account_id IN (SELECT r.account_id FROM {rows} r)",
        ),
        (
            "contact",
            "SELECT c.id FROM {{{{schema}}}}.contact c WHERE c.account_id IN (SELECT r.account_id FROM {rows} r)",
        ),
        (
            "contact_channel",
            "SELECT h.id FROM {{{{schema}}}}.contact_channel h JOIN {{{{schema}}}}.contact c ON c.id = h.contact_id"
            " WHERE c.account_id IN (SELECT r.account_id FROM {rows} r)",
        ),
    ),
    "contact": (
        (
            "contact_channel",
            "SELECT h.id FROM {{{{schema}}}}.contact_channel h WHERE h.contact_id IN (SELECT r.id FROM {rows} r)",
        ),
    ),
    "order": (
        (
            "order_line",
            "SELECT l.id FROM {{{{schema}}}}.order_line l WHERE l.order_id IN (SELECT r.id FROM {rows} r)",
        ),
    ),
}

# Of these, an INSERT cascades too: a new outlet takes its account along. Nothing hangs on a new row of the others yet.
CASCADES_ON_INSERT = ("outlet",)

# Entities whose change changes grants: (members, scopes) to refresh, as SQL arrays; NULL: all.
GRANTS_CHANGED_BY: dict[str, tuple[str, str]] = {
    "member": ("ARRAY(SELECT r.id FROM {rows} r)", "NULL"),
    "assignment": ("ARRAY(SELECT r.member_id FROM {rows} r)", "ARRAY(SELECT r.outlet_id FROM {rows} r)"),
    "territory": ("NULL", "NULL"),
    "outlet": ("NULL", "ARRAY(SELECT r.id FROM {rows} r)"),
}

GRANTED_VIEW = f"""
    -- Whoever works with customers sees the tenant's catalogue, and what is their own.
    SELECT m.id AS member_id, s.scope FROM {{{{schema}}}}.member m
    CROSS JOIN LATERAL (VALUES ('{TENANT_SCOPE}'::uuid), (m.id)) AS s (scope)
    WHERE m.active AND m.deleted_at IS NULL AND m.role <> 'billing'
    UNION
    -- Assigned outlets, while the assignment lasts. The daily job ends those whose time is over.
    SELECT s.member_id, s.outlet_id FROM {{{{schema}}}}.assignment s JOIN {{{{schema}}}}.member m ON m.id = s.member_id
    WHERE s.deleted_at IS NULL AND m.active AND m.deleted_at IS NULL AND m.role <> 'billing'
    AND (s.starts_on IS NULL OR s.starts_on <= current_date) AND (s.ends_on IS NULL OR s.ends_on >= current_date)
    UNION
    -- A manager sees the outlets of their branch of the territory tree.
    SELECT b.manager_id, o.id FROM (
        WITH RECURSIVE branch AS (
            SELECT t.id, t.manager_id FROM {{{{schema}}}}.territory t WHERE t.manager_id IS NOT NULL AND t.deleted_at IS NULL
            UNION
            SELECT t.id, branch.manager_id FROM {{{{schema}}}}.territory t JOIN branch ON t.parent_id = branch.id
            WHERE t.deleted_at IS NULL
        ) SELECT branch.id, branch.manager_id FROM branch
    ) b
    JOIN {{{{schema}}}}.member m ON m.id = b.manager_id AND m.active AND m.deleted_at IS NULL AND m.role = 'manager'
    JOIN {{{{schema}}}}.outlet o ON o.territory_id = b.id
    UNION
    -- Admins and owners see every outlet.
    SELECT m.id, o.id FROM {{{{schema}}}}.member m CROSS JOIN {{{{schema}}}}.outlet o
    WHERE m.active AND m.deleted_at IS NULL AND m.role IN ('admin', 'owner')"""
