"""Rules of territories."""

from uuid import UUID

from outrider_sdk.protocol.entities import TERRITORY

from server.crm.checks import check_period, check_tree, refuse
from server.crm.resource import Write
from server.db import connection
from server.errors import Forbidden

_IN_BRANCH = """
WITH RECURSIVE up AS (
    SELECT id, parent_id, manager_id FROM territory WHERE id = $1 AND deleted_at IS NULL
    UNION
    SELECT t.id, t.parent_id, t.manager_id FROM territory t JOIN up ON t.id = up.parent_id WHERE t.deleted_at IS NULL
) SELECT EXISTS (SELECT FROM up WHERE manager_id = $2)
"""


async def check_territory(write: Write) -> None:
    """Keep the tree a tree, and managers to their own branch of it: who manages a branch sees its outlets.

    Raises:
        InvalidInput: the parent would make a circle, or is not in the manager's branch.
        Forbidden: the territory is not in the manager's branch, or at its top.
    """
    await check_tree(write, "territory")
    viewer = write.viewer
    if viewer.reads_all(TERRITORY):
        return
    if write.before is not None:
        # The parent decides, so that nobody hands away, moves or deletes the top of their own branch.
        top = write.before["parent_id"]
        if top is None or not await _manages(top, viewer.member_id):
            raise Forbidden("You may change the territories below your own. Ask an admin for this one.")
    if write.before is None or "parent_id" in write.values:
        parent_id = write.values.get("parent_id")
        if parent_id is None or not await _manages(parent_id, viewer.member_id):
            raise refuse("parent_id", "Name a territory of your own branch.")


async def check_assignment(write: Write) -> None:
    """Either a member or a team works an outlet.

    Raises:
        InvalidInput: both are named, or none; or it ends before it starts.
    """
    await check_period(write)
    if not write.deletes and (write.value("member_id") is None) == (write.value("team_id") is None):
        raise refuse("member_id", "Name either a member or a team.")


async def _manages(territory_id: UUID, member_id: UUID) -> bool:
    return bool(await connection().fetchval(_IN_BRANCH, territory_id, member_id))
