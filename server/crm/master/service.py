"""Masters of fields as stored, and the requests that edits of foreign fields become."""

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from server.crm.checks import check_single, refuse
from server.crm.conflict.rules import REQUEST
from server.crm.master.rules import MASTERED, Masters, Request, field_problem, on_record, same_document
from server.crm.resource import Write
from server.db import Revision, connection

_MASTERS: Final = "SELECT entity, field, system FROM field_master WHERE entity = ANY ($1) AND deleted_at IS NULL"


async def load_masters(entities: Collection[str], *, but: str | None = None) -> dict[str, dict[str, str]]:
    """Entity → field → the system that masters it; only of entities that have such fields.

    Args:
        but: the system that asks; what it masters is its own.
    """
    found: dict[str, dict[str, str]] = {}
    for entity, field, system in await connection().fetch(_MASTERS, list(entities)) if entities else ():
        if system != but:
            found.setdefault(entity, {})[field] = system
    return found


async def find_masters(entity: str, *, but: str | None = None) -> Masters:
    """The same of one entity."""
    return (await load_masters([entity], but=but)).get(entity, {})


async def check_master(write: Write) -> None:
    """A field has one master; a custom field is named by `custom.` and its key.

    Raises:
        AlreadyThere: it has one.
        InvalidInput: it can have none elsewhere.
    """
    if write.deletes:
        return
    entity, field = write.value("entity"), write.value("field")
    if problem := field_problem(entity, field):
        raise refuse("field", problem)
    await check_single(write, "field_master", "entity", "field")


async def record_requests(requests: Mapping[UUID, Request], revision: Revision) -> None:
    """Put requests on record by their ids, each in the place of an older one of the same person."""
    if not requests:
        return
    member_id, conn = revision.actor.member_id, connection()
    await conn.execute(
        """UPDATE conflict c SET status = 'settled', settlement = 'keep', settled_by = $1, settled_at = $2
        FROM unnest($3::uuid[], $4::text[]) AS r (row_id, field)
        WHERE c.row_id = r.row_id AND c.field = r.field AND c.rule = $5 AND c.status = 'open'
            AND c.lost_by IS NOT DISTINCT FROM $1 AND c.deleted_at IS NULL""",
        member_id, revision.at, [r.row_id for r in requests.values()], [r.field for r in requests.values()], REQUEST,
    )  # fmt: skip
    await conn.executemany(
        """INSERT INTO conflict
            (id, entity, row_id, field, rule, kept, lost, seen, lost_by, captured_at, status, explanation)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $6, $8, $9, 'open', $10)""",
        [
            (
                row_id, r.entity, r.row_id, r.field, REQUEST, r.standing, r.wanted, member_id, revision.at,
                on_record(r.entity, r.field, r.system),
            )
            for row_id, r in requests.items()
        ],
    )  # fmt: skip


async def name_requests(entity: str, row_id: UUID, revision: Revision) -> dict[str, str]:
    """The header that names the requests which a change of a row became in this revision (RFC 8288)."""
    if entity not in MASTERED:
        return {}
    made = await connection().fetch(
        "SELECT id, field FROM conflict WHERE row_id = $1 AND rule = $2 AND revision = $3 AND status = 'open'"
        " ORDER BY field",
        row_id,
        REQUEST,
        revision.number,
    )
    links = [f'</conflicts/{each["id"]}>; rel="request"; title="{each["field"]}"' for each in made]
    return {"Link": ", ".join(links)} if links else {}


async def accept_met(entity: str, written: Mapping[UUID, Mapping[str, str | None]], revision: Revision) -> None:
    """Settle as accepted the open requests that ask for what the master has just written.

    Args:
        written: row → field → its new value as a document.
    """
    asked = await connection().fetch(
        "SELECT id, row_id, field, lost::text AS wanted FROM conflict"
        " WHERE row_id = ANY ($1::uuid[]) AND rule = $2 AND status = 'open' AND deleted_at IS NULL",
        list(written),
        REQUEST,
    )
    met = [
        each["id"]
        for each in asked
        if each["field"] in written[each["row_id"]]
        and same_document(entity, each["field"], each["wanted"], written[each["row_id"]][each["field"]])
    ]
    if met:
        await connection().execute(
            "UPDATE conflict SET status = 'settled', settlement = 'take', settled_by = $2, settled_at = $3"
            " WHERE id = ANY ($1::uuid[])",
            met,
            revision.actor.member_id,
            revision.at,
        )
