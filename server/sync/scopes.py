"""Scopes: which rows are visible together, and which member is granted what. One rule, in SQL.

A *scope* is named by a UUID: an outlet's id, a member's id, `TENANT_SCOPE` or `OFFICE_SCOPE`. `SCOPE_QUERIES` derive the
scopes of rows from the rows, `GRANTED_VIEW` the grants of members from roles, assignments, teams, delegations and the
territory tree, each with its level (`server.auth.access.Reach`). The triggers keep `scope_entry` and `scope_grant` equal to
them, for whoever wrote; nothing else writes those tables. Those of the catalogue are in `server.sync.catalogue`.
"""

from server.sync.catalogue import GRANTED_PARTS, SCOPE_QUERIES_OF_CATALOGUE

TENANT_SCOPE = "00000000-0000-0000-0000-000000000000"
"""What everybody has who works with customers. (The catalogue has scopes of its own.)"""
OFFICE_SCOPE = "ffffffff-ffff-ffff-ffff-ffffffffffff"
"""What belongs to no outlet and to no member: only whoever reads everything has it."""


def _of_tenant(table: str) -> str:
    return f"""
        SELECT x.id AS "row", '{TENANT_SCOPE}'::uuid AS scope FROM {{{{schema}}}}."{table}" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL"""


# An account, and what hangs on it, is visible where one of its outlets is; without an outlet, to its maker, and to
# those who read everything.
_SCOPES_OF_ACCOUNT = f"""
            SELECT o.id AS scope FROM {{{{schema}}}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT v.scope FROM (VALUES (a.created_by), ('{OFFICE_SCOPE}'::uuid)) AS v (scope)
            WHERE v.scope IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{{{schema}}}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)"""

# A contact or a payment (c) is its outlet's; without one, its account's.
_SCOPES_OF_CONTACT = f"""
            SELECT c.outlet_id AS scope WHERE c.outlet_id IS NOT NULL
            UNION ALL
            SELECT v.scope FROM {{{{schema}}}}.account a CROSS JOIN LATERAL ({_SCOPES_OF_ACCOUNT}) v
            WHERE a.id = c.account_id AND c.outlet_id IS NULL"""


def _of_account(table: str) -> str:
    return f"""
        SELECT x.id AS "row", v.scope FROM {{{{schema}}}}."{table}" x
        JOIN {{{{schema}}}}.account a ON a.id = x.account_id CROSS JOIN LATERAL ({_SCOPES_OF_ACCOUNT}) v
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL"""


def _as_contact(table: str) -> str:
    return f"""
        SELECT c.id AS "row", v.scope FROM {{{{schema}}}}."{table}" c CROSS JOIN LATERAL ({_SCOPES_OF_CONTACT}) v
        WHERE c.id = ANY (ids) AND c.deleted_at IS NULL"""


def _of(parent: str, table: str, column: str) -> str:
    """Of a contact or payment: what is in the scopes of it, its `parent`."""
    return f"""
        SELECT x.id AS "row", v.scope FROM {{{{schema}}}}."{table}" x
        JOIN {{{{schema}}}}."{parent}" c ON c.id = x."{column}" AND c.deleted_at IS NULL
        CROSS JOIN LATERAL ({_SCOPES_OF_CONTACT}) v
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL"""


def _in(column: str, table: str) -> str:
    """The scope stands in the row itself."""
    return f"""
        SELECT x.id AS "row", x."{column}" AS scope FROM {{{{schema}}}}."{table}" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND x."{column}" IS NOT NULL"""


def _in_parent(column: str, parent: str, table: str) -> str:
    """The scope stands in the row's parent."""
    return f"""
        SELECT x.id AS "row", p."{column}" AS scope FROM {{{{schema}}}}."{table}" x
        JOIN {{{{schema}}}}."{parent}" p ON p.id = x.{parent}_id AND p.deleted_at IS NULL
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND p."{column}" IS NOT NULL"""


def _of_record(table: str) -> str:
    """The row is where its record is."""
    return f"""
        SELECT x.id AS "row", e.scope FROM {{{{schema}}}}."{table}" x
        JOIN {{{{schema}}}}.scope_entry e ON e."row" = x.row_id AND NOT e.gone
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL"""


TENANT_WIDE = (
    "office",
    "team",
    "custom_field",
    "field_master",
    "territory",
    "member",
    "legal_entity",
    "category",
    "tax_category",
    "tax_rate",
    "promotion",
)
"""Entities of which every live row is in the tenant's scope, and in no other."""

SCOPE_QUERIES: dict[str, str] = {
    **{table: _of_tenant(table) for table in TENANT_WIDE},
    "role": f"""
        SELECT r.id AS "row", '{OFFICE_SCOPE}'::uuid AS scope FROM {{{{schema}}}}.role r
        WHERE r.id = ANY (ids) AND r.deleted_at IS NULL""",
    "delegation": """
        SELECT d.id AS "row", v.scope FROM {{schema}}.delegation d
        CROSS JOIN LATERAL (VALUES (d.member_id), (d.substitute_id)) AS v (scope)
        WHERE d.id = ANY (ids) AND d.deleted_at IS NULL""",
    **SCOPE_QUERIES_OF_CATALOGUE,
    # A van is its keeper's; any other warehouse is for everybody.
    "warehouse": f"""
        SELECT x.id AS "row", coalesce(x.member_id, '{TENANT_SCOPE}'::uuid) AS scope FROM {{{{schema}}}}.warehouse x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL""",
    # What moves in a van is its driver's matter; what moves in a depot is the office's.
    "stock_movement": f"""
        SELECT x.id AS "row", coalesce(w.member_id, '{OFFICE_SCOPE}'::uuid) AS scope FROM {{{{schema}}}}.stock_movement x
        JOIN {{{{schema}}}}.warehouse w ON w.id = x.warehouse_id
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL""",
    "account": f"""
        SELECT a.id AS "row", v.scope FROM {{{{schema}}}}.account a CROSS JOIN LATERAL ({_SCOPES_OF_ACCOUNT}) v
        WHERE a.id = ANY (ids) AND a.deleted_at IS NULL""",
    **{table: _of_account(table) for table in ("agreement", "invoice", "receivable")},
    "outlet": """
        SELECT o.id AS "row", o.id AS scope FROM {{schema}}.outlet o WHERE o.id = ANY (ids) AND o.deleted_at IS NULL""",
    **{table: _as_contact(table) for table in ("contact", "payment")},
    "contact_channel": _of("contact", "contact_channel", "contact_id"),
    "consent": _of("contact", "consent", "contact_id"),
    "payment_allocation": _of("payment", "payment_allocation", "payment_id"),
    # Who sees an outlet sees who works it; who works it sees that they will, or did, before and after their time.
    "assignment": """
        SELECT s.id AS "row", v.scope FROM {{schema}}.assignment s
        CROSS JOIN LATERAL (VALUES (s.outlet_id), (s.member_id)) AS v (scope)
        WHERE s.id = ANY (ids) AND s.deleted_at IS NULL AND v.scope IS NOT NULL""",
    "order": _in("outlet_id", "order"),
    "order_line": _in_parent("outlet_id", "order", "order_line"),
    "return_order": _in("outlet_id", "return_order"),
    "return_line": _in_parent("outlet_id", "return_order", "return_line"),
    "comment": _of_record("comment"),
    "attachment": _of_record("attachment"),
    "route": _in("member_id", "route"),
    "route_stop": _in_parent("member_id", "route", "route_stop"),
    "visit": _in("member_id", "visit"),
    "conflict": f"""
        SELECT c.id AS "row", coalesce(side.member_id, '{OFFICE_SCOPE}'::uuid) AS scope FROM {{{{schema}}}}.conflict c
        CROSS JOIN LATERAL (VALUES (c.lost_by), (c.kept_by)) AS side (member_id)
        WHERE c.id = ANY (ids) AND c.deleted_at IS NULL""",
    # Where the winner is: whoever had the loser learns by what it goes on.
    "merge": f"""
        SELECT m.id AS "row", v.scope FROM {{{{schema}}}}.merge m JOIN {{{{schema}}}}.account a ON a.id = m.winner_id
        CROSS JOIN LATERAL ({_SCOPES_OF_ACCOUNT}) v
        WHERE m.id = ANY (ids) AND m.deleted_at IS NULL AND m.entity = 'account'
        UNION ALL
        SELECT m.id, v.scope FROM {{{{schema}}}}.merge m JOIN {{{{schema}}}}.contact c ON c.id = m.winner_id
        CROSS JOIN LATERAL ({_SCOPES_OF_CONTACT}) v
        WHERE m.id = ANY (ids) AND m.deleted_at IS NULL AND m.entity = 'contact'""",
}

FOLLOWERS = ("comment", "attachment")
"""Entities whose rows are in the scopes of the record that their `row_id` names."""

# Columns whose change moves a row to other scopes, or changes who is granted what (deleted_at always does).
MOVED_BY: dict[str, tuple[str, ...]] = {
    "role": ("key", "base", "permissions"),
    "territory": ("parent_id", "manager_id"),
    "member": ("role", "active", "team_id"),
    "delegation": ("member_id", "substitute_id", "starts_on", "ends_on"),
    "category": ("parent_id",),
    "product": ("category_id",),
    "product_unit": ("product_id",),
    "price_item": ("price_list_id", "product_id"),
    "assortment": ("starts_on", "ends_on"),
    "assortment_item": (
        "assortment_id",
        "effect",
        "product_id",
        "category_id",
        "outlet_id",
        "channel",
        "starts_on",
        "ends_on",
    ),
    "warehouse": ("member_id",),
    "stock": ("warehouse_id", "product_id"),
    "stock_movement": ("warehouse_id",),
    "account": ("created_by",),
    "agreement": ("account_id", "price_list_id"),
    "outlet": ("account_id", "territory_id"),
    "contact": ("account_id", "outlet_id"),
    "contact_channel": ("contact_id",),
    "consent": ("contact_id",),
    "assignment": ("member_id", "team_id", "outlet_id", "assortment_id", "starts_on", "ends_on"),
    "order": ("outlet_id",),
    "order_line": ("order_id",),
    "return_order": ("outlet_id",),
    "return_line": ("return_order_id",),
    "invoice": ("account_id",),
    "receivable": ("account_id",),
    "payment": ("account_id", "outlet_id"),
    "payment_allocation": ("payment_id",),
    "comment": ("row_id",),
    "attachment": ("row_id",),
    "route": ("member_id",),
    "route_stop": ("route_id",),
    "visit": ("member_id",),
    "conflict": ("lost_by", "kept_by"),
    "merge": ("winner_id",),
}

Cascade = tuple[str, str]
"""(entity, ids of its rows; {rows} holds old and new rows of the one that moved)."""


def _children(table: str, column: str, parents: str = "SELECT r.id FROM {rows} r") -> Cascade:
    return table, f'SELECT x.id FROM {{{{{{{{schema}}}}}}}}."{table}" x WHERE x."{column}" IN ({parents})'


def _grandchildren(table: str, parent: str, accounts: str) -> Cascade:
    """Of contacts or payments at accounts."""
    return table, (
        f'SELECT x.id FROM {{{{{{{{schema}}}}}}}}."{table}" x JOIN {{{{{{{{schema}}}}}}}}."{parent}" p ON p.id = x.{parent}_id'
        f" WHERE p.account_id IN ({accounts})"
    )


def _of_merged_contacts(accounts: str) -> Cascade:
    contacts = f"SELECT c.id FROM {{{{{{{{schema}}}}}}}}.contact c WHERE c.account_id IN ({accounts})"
    return _children("merge", "winner_id", contacts)


def _at_accounts(accounts: str) -> tuple[Cascade, ...]:
    """What hangs on accounts, whose ids the query yields."""
    return (
        *(
            _children(table, "account_id", accounts)
            for table in ("agreement", "contact", "invoice", "receivable", "payment")
        ),
        _grandchildren("contact_channel", "contact", accounts),
        _grandchildren("consent", "contact", accounts),
        _grandchildren("payment_allocation", "payment", accounts),
        _children("merge", "winner_id", accounts),
        _of_merged_contacts(accounts),
    )


# Entities whose rows take their scopes from the moved rows.
CASCADES: dict[str, tuple[Cascade, ...]] = {
    # An account without an outlet lends its maker's scope to what hangs on it.
    "account": _at_accounts("SELECT r.id FROM {rows} r"),
    "outlet": (
        ("account", "SELECT DISTINCT r.account_id FROM {rows} r"),
        *_at_accounts("SELECT r.account_id FROM {rows} r"),
    ),
    "contact": (
        _children("contact_channel", "contact_id"),
        _children("consent", "contact_id"),
        _children("merge", "winner_id"),
    ),
    "order": (_children("order_line", "order_id"),),
    "return_order": (_children("return_line", "return_order_id"),),
    "payment": (_children("payment_allocation", "payment_id"),),
    "route": (_children("route_stop", "route_id"),),
    "warehouse": (_children("stock_movement", "warehouse_id"), _children("stock", "warehouse_id")),
}

# Of these, an INSERT cascades too: a new outlet takes its account along. Nothing hangs on a new row of the others yet.
CASCADES_ON_INSERT = ("outlet",)

# Entities whose change changes grants: each pair (members, scopes) to refresh, as SQL arrays; NULL: all.
GRANTS_CHANGED_BY: dict[str, tuple[tuple[str, str], ...]] = {
    "role": (("ARRAY(SELECT m.id FROM {{{{schema}}}}.member m WHERE m.role IN (SELECT r.key FROM {rows} r))", "NULL"),),
    "member": (
        ("ARRAY(SELECT r.id FROM {rows} r)", "NULL"),
        ("NULL", "ARRAY(SELECT r.id FROM {rows} r)"),
        (
            "ARRAY(SELECT m.id FROM {{{{schema}}}}.member m WHERE m.team_id IN (SELECT r.team_id FROM {rows} r))",
            "NULL",
        ),
        (
            "ARRAY(SELECT d.substitute_id FROM {{{{schema}}}}.delegation d WHERE d.member_id IN (SELECT r.id FROM {rows} r))",
            "NULL",
        ),
    ),
    "delegation": (("ARRAY(SELECT r.substitute_id FROM {rows} r)", "NULL"),),
    "assignment": (("NULL", "ARRAY(SELECT r.outlet_id FROM {rows} r)"),),
    "territory": (("NULL", "NULL"),),
    "outlet": (("NULL", "ARRAY(SELECT r.id FROM {rows} r)"),),
}

# Who may read something, their team, and how far any right of theirs goes (levels beyond it would be of no use).
ACTIVE_MEMBER_VIEW = """
    SELECT m.id, m.team_id, greatest(r.reach, CASE coalesce(r.base, m.role)
        WHEN 'rep' THEN 1 WHEN 'manager' THEN 3 WHEN 'admin' THEN 4 WHEN 'owner' THEN 4 ELSE 0 END) AS reach
    FROM {{schema}}.member m LEFT JOIN {{schema}}.role r ON r.key = m.role AND r.deleted_at IS NULL
    WHERE m.active AND m.deleted_at IS NULL"""

# Assignments that hold today, one line for each person: the daily job ends those whose time is over.
WORKED_OUTLET_VIEW = """
    SELECT s.outlet_id, s.member_id, s.assortment_id FROM {{schema}}.assignment s
    WHERE s.member_id IS NOT NULL AND s.deleted_at IS NULL
    AND (s.starts_on IS NULL OR s.starts_on <= current_date) AND (s.ends_on IS NULL OR s.ends_on >= current_date)
    UNION ALL
    SELECT s.outlet_id, m.id, s.assortment_id FROM {{schema}}.assignment s JOIN {{schema}}.member m ON m.team_id = s.team_id
    WHERE s.deleted_at IS NULL
    AND (s.starts_on IS NULL OR s.starts_on <= current_date) AND (s.ends_on IS NULL OR s.ends_on >= current_date)"""

GRANTED_VIEW = f"""
    -- Own: what is everybody's, what is the member's, and the outlets that they work.
    SELECT a.id AS member_id, s.scope, 1::smallint AS level FROM {{{{schema}}}}.active_member a
    CROSS JOIN LATERAL (VALUES ('{TENANT_SCOPE}'::uuid), (a.id)) AS s (scope) WHERE a.reach > 0
    UNION ALL
    SELECT w.member_id, w.outlet_id, 1 FROM {{{{schema}}}}.worked_outlet w
    JOIN {{{{schema}}}}.active_member a ON a.id = w.member_id AND a.reach > 0
    UNION ALL
    -- A substitute stands in for the other, in what is theirs.
    SELECT d.substitute_id, s.scope, 1 FROM {{{{schema}}}}.delegation d
    JOIN {{{{schema}}}}.active_member a ON a.id = d.substitute_id AND a.reach > 0
    CROSS JOIN LATERAL (
        SELECT d.member_id UNION ALL SELECT w.outlet_id FROM {{{{schema}}}}.worked_outlet w WHERE w.member_id = d.member_id
    ) AS s (scope)
    WHERE d.deleted_at IS NULL
    AND (d.starts_on IS NULL OR d.starts_on <= current_date) AND (d.ends_on IS NULL OR d.ends_on >= current_date)
    UNION ALL
    -- Team: what is own to any of its members.
    SELECT a.id, s.scope, 2 FROM {{{{schema}}}}.active_member a JOIN {{{{schema}}}}.member m ON m.team_id = a.team_id AND m.id <> a.id
    CROSS JOIN LATERAL (
        SELECT m.id UNION ALL SELECT w.outlet_id FROM {{{{schema}}}}.worked_outlet w WHERE w.member_id = m.id
    ) AS s (scope)
    WHERE a.reach >= 2
    UNION ALL
    -- Territory: the outlets of the branches that the member manages.
    SELECT b.manager_id, o.id, 3 FROM (
        WITH RECURSIVE branch AS (
            SELECT t.id, t.manager_id FROM {{{{schema}}}}.territory t WHERE t.manager_id IS NOT NULL AND t.deleted_at IS NULL
            UNION
            SELECT t.id, branch.manager_id FROM {{{{schema}}}}.territory t JOIN branch ON t.parent_id = branch.id
            WHERE t.deleted_at IS NULL
        ) SELECT branch.id, branch.manager_id FROM branch
    ) b
    JOIN {{{{schema}}}}.active_member a ON a.id = b.manager_id AND a.reach >= 3
    JOIN {{{{schema}}}}.outlet o ON o.territory_id = b.id
    UNION ALL
    -- All: every outlet, every member, and what belongs to none.
    SELECT a.id, s.scope, 4 FROM {{{{schema}}}}.active_member a CROSS JOIN LATERAL (
        SELECT o.id FROM {{{{schema}}}}.outlet o UNION ALL SELECT m.id FROM {{{{schema}}}}.member m
        UNION ALL SELECT '{OFFICE_SCOPE}'::uuid
    ) AS s (scope)
    WHERE a.reach >= 4{GRANTED_PARTS}"""
