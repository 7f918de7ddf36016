"""Which rows may be the same: those that meet under a key (name_key, tax_id_key, channel_key; ADR 0015).

| kind      | accounts                              | contacts                                |
|-----------|---------------------------------------|-----------------------------------------|
| `tax_id`  | the same tax id                       |                                         |
| `channel` | a person of theirs has the same one   | the same e-mail, or phone               |
| `name`    | similar names                         | similar names at one account            |
| `place`   | similar names, outlets in one city    |                                         |
"""

# ruff: noqa: S608  (all names are of this file)

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from server.auth.access import Access
from server.db import connection

ROWS_PER_KEY_MAX: Final = 10
"""A key that more rows share tells them apart no better than none: a chain's name, a switchboard's number."""
FOUND_MAX: Final = 5
"""Rows that are named as perhaps the same as a new one."""

_CHANNELS: Final = """contact_channel h JOIN contact c ON c.id = h.contact_id AND c.deleted_at IS NULL
    JOIN account a ON a.id = c.account_id AND a.deleted_at IS NULL"""

_KEYS: Final = {
    "account": f"""
        SELECT id, 'tax_id' AS kind, tax_id_key(tax_id) AS key FROM account WHERE deleted_at IS NULL
        UNION ALL SELECT id, 'name', name_key(name) FROM account WHERE deleted_at IS NULL
        UNION ALL SELECT o.account_id, 'place', name_key(a.name) || ' @ ' || name_key(o.address ->> 'city')
            FROM outlet o JOIN account a ON a.id = o.account_id AND a.deleted_at IS NULL WHERE o.deleted_at IS NULL
        UNION ALL SELECT c.account_id, 'channel', channel_key(h.channel_kind, h.value)
            FROM {_CHANNELS} WHERE h.deleted_at IS NULL""",
    "contact": f"""
        SELECT id, 'name' AS kind, account_id || ' ' || name_key(name) AS key FROM contact WHERE deleted_at IS NULL
        UNION ALL SELECT h.contact_id, 'channel', channel_key(h.channel_kind, h.value)
            FROM {_CHANNELS} WHERE h.deleted_at IS NULL""",
}
"""Per entity, the keys of its live rows."""

_SWEEP: Final = """
WITH keys AS MATERIALIZED ({keys}
), met AS (
    SELECT kind, array_agg(DISTINCT id) AS ids FROM keys WHERE key IS NOT NULL
    GROUP BY kind, key HAVING count(DISTINCT id) BETWEEN 2 AND {most}
), pairs AS MATERIALIZED (
    SELECT a.id AS row_id, b.id AS other_id, array_agg(DISTINCT met.kind ORDER BY met.kind) AS kinds
    FROM met CROSS JOIN LATERAL unnest(met.ids) a (id) CROSS JOIN LATERAL unnest(met.ids) b (id)
    WHERE a.id < b.id GROUP BY a.id, b.id
), over AS (
    DELETE FROM duplicate_case d WHERE d.entity = '{entity}' AND d.status = 'open'
    AND NOT EXISTS (SELECT FROM pairs p WHERE p.row_id = d.row_id AND p.other_id = d.other_id)
), stored AS (
    INSERT INTO duplicate_case AS d (entity, row_id, other_id, kinds)
    SELECT '{entity}', row_id, other_id, kinds FROM pairs
    ON CONFLICT (row_id, other_id) DO UPDATE SET kinds = excluded.kinds
    WHERE d.status = 'open' AND d.kinds <> excluded.kinds
    RETURNING xmax = 0 AS is_new
) SELECT count(*) FILTER (WHERE is_new) FROM stored"""

_MEETING: Final = """
    SELECT a.id, b.id AS other_id, '{kind}' AS kind FROM {table} a CROSS JOIN LATERAL (
        SELECT b.id FROM {table} b WHERE {same} AND b.id <> a.id LIMIT {most}
    ) b WHERE a.id = ANY ($1::uuid[])"""
_FOUND: Final = {
    "account": " UNION ALL ".join(
        _MEETING.format(kind=kind, table="account", same=same, most=ROWS_PER_KEY_MAX)
        for kind, same in (
            ("tax_id", "tax_id_key(b.tax_id) = tax_id_key(a.tax_id)"),
            ("name", "name_key(b.name) = name_key(a.name)"),
        )
    ),
    "contact": _MEETING.format(
        kind="name",
        table="contact",
        same="name_key(b.name) = name_key(a.name) AND b.account_id = a.account_id",
        most=ROWS_PER_KEY_MAX,
    ),
    "contact_channel": f"""
        SELECT h.contact_id AS id, o.contact_id AS other_id, 'channel' AS kind FROM contact_channel h
        CROSS JOIN LATERAL (
            SELECT o.contact_id FROM contact_channel o
            WHERE channel_key(o.channel_kind, o.value) = channel_key(h.channel_kind, h.value)
            AND o.deleted_at IS NULL AND o.contact_id <> h.contact_id LIMIT {ROWS_PER_KEY_MAX}
        ) o WHERE h.id = ANY ($1::uuid[])""",
}
"""Per entity of new rows, the rows that they meet: each by an index."""

_MET: Final = """
SELECT f.id, f.other_id, array_agg(DISTINCT f.kind ORDER BY f.kind) AS kinds, b.deleted_at IS NOT NULL AS deleted
FROM (SELECT *, count(*) OVER (PARTITION BY id, kind) AS meeting FROM ({found}) met) f
JOIN "{entity}" b ON b.id = f.other_id
WHERE f.meeting < {most} AND NOT EXISTS (SELECT FROM "merge" m WHERE m.loser_id = f.other_id AND m.undone_at IS NULL)
GROUP BY f.id, f.other_id, b.deleted_at ORDER BY count(DISTINCT f.kind) DESC, f.other_id LIMIT $2"""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Two rows that may be the same, and by what."""

    entity: str
    row_id: UUID
    other_id: UUID
    kinds: tuple[str, ...]
    deleted: bool = False
    """The other one was deleted."""


def told_to(access: Access, entity: str, kinds: Iterable[str]) -> tuple[str, ...]:
    """By what two rows are alike, as far as the role may see the fields: a hidden one gives nothing away."""
    compared = {"tax_id": ("account", "tax_id"), "channel": ("contact_channel", "value"), "name": (entity, "name")}
    compared["place"] = ("outlet", "address")
    return tuple(k for k in kinds if access.right(compared[k][0]).read and compared[k] not in access.hidden_fields())


OF_NEW_ROWS: Final = {"account": "account", "contact": "contact", "contact_channel": "contact"}
"""Entities whose new rows are compared → the entity whose rows may be the same."""


async def find_duplicates(name: str, ids: Iterable[UUID | str], *, at_most: int = FOUND_MAX) -> list[Duplicate]:
    """Rows that may be the same as new rows of an entity of `OF_NEW_ROWS`; deleted ones too, those most alike first."""
    entity = OF_NEW_ROWS[name]
    sql = _MET.format(found=_FOUND[name], entity=entity, most=ROWS_PER_KEY_MAX)
    records = await connection().fetch(sql, list(ids), at_most)
    return [Duplicate(entity, r["id"], r["other_id"], tuple(r["kinds"]), r["deleted"]) for r in records]


async def open_cases(found: Iterable[Duplicate]) -> None:
    """Put live pairs before a person, unless one has decided about them already."""
    live = [(d.entity, *sorted((d.row_id, d.other_id)), list(d.kinds)) for d in found if not d.deleted]
    if live:
        await connection().executemany(
            """INSERT INTO duplicate_case (entity, row_id, other_id, kinds) VALUES ($1, $2, $3, $4)
            ON CONFLICT DO NOTHING""",
            live,
        )


async def sweep_duplicates() -> int:
    """Compare all live rows, open cases of new pairs, drop open ones that are none any more; how many are new."""
    opened = 0
    for entity, keys in _KEYS.items():
        opened += await connection().fetchval(_SWEEP.format(keys=keys, entity=entity, most=ROWS_PER_KEY_MAX))
    return opened
