"""Old ids: what a row that was merged away is called now."""

from collections.abc import Iterable
from uuid import UUID

from outrider_sdk.protocol.entities import MERGED_ENTITIES

from server.db import connection


async def list_winners(ids: Iterable[UUID | str]) -> dict[UUID, UUID]:
    """Loser → winner, for those of the ids that were merged away. One step: a merge of the winner moves it along."""
    records = await connection().fetch(
        'SELECT loser_id, winner_id FROM "merge" WHERE loser_id = ANY ($1::uuid[])'
        " AND undone_at IS NULL AND deleted_at IS NULL",
        list(ids),
    )
    return {record[0]: record[1] for record in records}


async def find_winner(entity: str, row_id: UUID) -> UUID | None:
    """The id of the row that this one was merged into; None where it was not."""
    return (await list_winners([row_id])).get(row_id) if entity in MERGED_ENTITIES else None
