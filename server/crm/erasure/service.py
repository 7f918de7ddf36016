"""Erases a person: blanks their rows, and whatever else of the tenant's schema repeats what stood there.

All within one transaction that has taken the tenant's revision. `erase_record` of the schema puts on record who asked
and which rows it was, without a word of their content, and takes their values out of the audit: the tenant's role can
do neither by itself.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES

from server.crm.attachment.jobs import enqueue_removal
from server.crm.attachment.service import forget_contents
from server.crm.erasure.personal import BELONGING, BESIDE, BLANKS
from server.crm.erasure.redact import ERASED, WHY_UNKNOWN, is_about, redact_mutation, redact_outcome
from server.crm.resource import REFERRED_BY
from server.db import Actor, connection
from server.errors import Conflict, NotFound


class StillActive(Conflict):
    """A member is erased only after they have left."""

    code = "still_active"

    def __init__(self) -> None:
        super().__init__("This member is still active. Deactivate them first, and hand their customers over.")


class Erased(Conflict):
    """Nothing can be recorded about a person who was erased."""

    code = "erased"

    def __init__(self) -> None:
        super().__init__("This person was erased. Nothing can be recorded about them any more; make a new contact.")


@dataclass(slots=True)
class _Person:
    """Whom to erase: ids of rows by entity, the person's own first."""

    subject: UUID
    rows: dict[str, list[UUID]] = field(default_factory=dict)

    @property
    def ids(self) -> list[UUID]:
        """Of all rows."""
        return [row for rows in self.rows.values() for row in rows]


async def erase_contact(contact_id: UUID, *, by: Actor) -> int:
    """Erase a contact, their channels and consents, and what was noted beside them; returns the number of rows.

    Contacts that were merged are one person, whichever of their ids is given.

    The contact's row becomes a tombstone, or stays as “Erased person” where other rows refer to it. Doing it again
    does no harm.

    Raises:
        NotFound: there has never been such a contact.
    """
    person = _Person(contact_id)
    everyone = [r["id"] for r in await connection().fetch(_SAME_PERSON, contact_id)]
    await _add(person, "contact", "id", everyone)
    if not person.rows["contact"]:
        raise NotFound
    for name, column in BELONGING:
        await _add(person, name, column, everyone)
    keeps = await _is_referred(everyone)
    for name, ids in person.rows.items():
        await _blank(name, ids, buries=name != "contact" or not keeps)
    return await _erase_traces(person, by)


async def erase_member(member_id: UUID, *, by: Actor) -> int:
    """Erase a member who has left: name and e-mail, the names of their devices; returns the number of rows.

    Their row stays, as “Erased person”: orders say who made them. Who they log in as is the platform's, see
    `server.auth.service.unlink_member`.

    Raises:
        NotFound: there has never been such a member.
        StillActive: they have not left yet.
    """
    person = _Person(member_id)
    await _add(person, "member", "id", [member_id])
    if not person.rows["member"]:
        raise NotFound
    if await connection().fetchval("SELECT active AND deleted_at IS NULL FROM member WHERE id = $1", member_id):
        raise StillActive
    await _blank("member", [member_id], buries=False)
    await connection().execute(
        "UPDATE device SET name = 'erased', revoked_at = coalesce(revoked_at, now()) WHERE member_id = $1", member_id
    )
    return await _erase_traces(person, by)


_SAME_PERSON = """
WITH RECURSIVE same AS (
    SELECT $1::uuid AS id
    UNION
    SELECT CASE WHEN m.winner_id = s.id THEN m.loser_id ELSE m.winner_id END
    FROM same s JOIN merge m ON s.id IN (m.winner_id, m.loser_id)
    WHERE m.entity = 'contact' AND m.undone_at IS NULL AND m.deleted_at IS NULL
) SELECT id FROM same
"""


async def is_erased(row_id: UUID) -> bool:
    """Whether a row is of a person who was erased."""
    return bool(await connection().fetchval('SELECT EXISTS (SELECT FROM erasure WHERE "row" = $1)', row_id))


async def _add(person: _Person, name: str, column: str, ids: Sequence[UUID]) -> None:
    sql = f'SELECT id FROM "{name}" WHERE "{column}" = ANY ($1) ORDER BY id'  # noqa: S608 - names of our own
    person.rows[name] = [record["id"] for record in await connection().fetch(sql, ids)]


async def _is_referred(contact_ids: list[UUID]) -> bool:
    """Whether rows other than the person's own refer to the contact."""
    own = {name for name, _ in BELONGING}
    for name, column in REFERRED_BY["contact"]:
        sql = f'SELECT EXISTS (SELECT FROM "{name}" WHERE "{column}" = ANY ($1))'  # noqa: S608 - our own
        if name not in own and await connection().fetchval(sql, contact_ids):
            return True
    return False


async def _blank(name: str, ids: Sequence[UUID], *, buries: bool) -> None:
    """Overwrite the personal columns of rows; those that are buried become tombstones."""
    blanks = BLANKS[name]
    settings = ", ".join(f'"{column}" = ${n}' for n, column in enumerate(blanks, start=2))
    if buries:
        settings += ", deleted_at = coalesce(deleted_at, now())"
    sql = f'UPDATE "{name}" SET {settings} WHERE id = ANY ($1)'  # noqa: S608 - names of our own
    await connection().execute(sql, list(ids), *blanks.values())


async def _erase_traces(person: _Person, by: Actor) -> int:
    """What others wrote beside the rows, and every copy of what stood in them."""
    own = person.ids
    for name in BESIDE:
        await _add(person, name, "row_id", own)
        await _blank(name, person.rows[name], buries=name != "conflict")
    await forget_contents(person.rows["attachment"])
    await enqueue_removal(person.rows["attachment"])
    ids = person.ids
    await connection().execute('DELETE FROM external_id WHERE "row" = ANY ($1)', ids)
    await connection().execute("DELETE FROM merge_step WHERE row_id = ANY ($1)", ids)
    await _redact_refused([str(i) for i in ids])
    await _redact_outcomes([str(i) for i in ids])
    await _redact_quarantined([str(i) for i in ids])
    await connection().execute(_FORGET_WHY_REFUSED, [str(i) for i in ids], WHY_UNKNOWN)
    await connection().execute(_FORGET_IMPORTED, [str(i) for i in ids])
    await connection().execute(_FORGET_REPLIED, [str(i) for i in ids])
    entities = [ENTITIES[name].code for name, rows in person.rows.items() for _ in rows]
    await connection().execute(
        "SELECT erase_record($1, $2, $3::smallint[], $4::uuid[])", person.subject, by.member_id, entities, ids
    )
    return len(ids)


# Both tables are short: outcomes go when they are acknowledged, refused payloads when a person has dealt with them.
_REFUSED = """
SELECT device_id, incarnation, number, payload FROM refused_mutation
WHERE EXISTS (SELECT FROM unnest($1::text[]) AS i (id) WHERE strpos(payload::text, i.id) > 0)
"""
_OUTCOMES = """
SELECT device_id, incarnation, number, outcome FROM mutation_outcome
WHERE outcome ? 'conflicts' AND EXISTS (SELECT FROM unnest($1::text[]) AS i (id) WHERE strpos(outcome::text, i.id) > 0)
"""


# A refusal may quote what stood in the row, whose id stands in the payload.
_FORGET_WHY_REFUSED = """
UPDATE mutation_outcome o SET outcome = jsonb_set(o.outcome, '{explanation}', to_jsonb($2::text))
FROM refused_mutation r
WHERE o.refused AND o.number = r.number AND o.digest = r.payload ->> 'digest' AND o.outcome ->> 'code' <> 'erased'
    AND EXISTS (SELECT FROM unnest($1::text[]) AS i (id) WHERE strpos(r.payload::text, i.id) > 0)
"""

# Replies kept for a repeated request: it still has no second effect, and answers with nothing.
_FORGET_REPLIED = """
UPDATE idempotent_reply SET body = '{}' WHERE EXISTS (
    SELECT FROM unnest($1::text[]) AS i (id) WHERE position(convert_to(i.id, 'UTF8') IN body) > 0)
"""

# What an import would restore when it is undone, and what it called the rows.
_FORGET_IMPORTED = """
UPDATE import_line SET linked = NULL, reason = NULL,
    before = (SELECT jsonb_object_agg(b.key, b.value - $1::text[]) FROM jsonb_each(before) b)
WHERE "row"::text = ANY ($1) OR EXISTS (
    SELECT FROM unnest($1) AS i (id) WHERE strpos(before::text, i.id) > 0 OR strpos(created::text, i.id) > 0)
"""


async def _redact_refused(ids: list[str]) -> None:
    records = await connection().fetch(_REFUSED, ids)
    await connection().executemany(
        "UPDATE refused_mutation SET payload = $4 WHERE device_id = $1 AND incarnation = $2 AND number = $3",
        [(*keys, json.dumps(redact_mutation(json.loads(payload), set(ids)))) for *keys, payload in records],
    )


_QUARANTINED = """
SELECT quarantine_id, number, payload FROM quarantined_mutation WHERE EXISTS (
    SELECT FROM unnest($1::text[]) AS i (id) WHERE position(convert_to(i.id, 'UTF8') IN payload) > 0)
"""


async def _redact_quarantined(ids: list[str]) -> None:
    """Work of a revoked device stays without its changes about the person, as the device would send it again."""
    records = await connection().fetch(_QUARANTINED, ids)
    redacted = []
    for quarantine_id, number, payload in records:
        mutation = json.loads(payload)
        kept = [c for c in mutation["changes"] if not is_about(c, ids)]
        mutation |= {"changes": kept, "redacted": True, ERASED: True}
        redacted.append((quarantine_id, number, json.dumps(mutation).encode()))
    await connection().executemany(
        "UPDATE quarantined_mutation SET payload = $3 WHERE quarantine_id = $1 AND number = $2", redacted
    )


async def _redact_outcomes(ids: list[str]) -> None:
    records = await connection().fetch(_OUTCOMES, ids)
    await connection().executemany(
        "UPDATE mutation_outcome SET outcome = $4 WHERE device_id = $1 AND incarnation = $2 AND number = $3",
        [(*keys, json.dumps(redact_outcome(json.loads(outcome), set(ids)))) for *keys, outcome in records],
    )
