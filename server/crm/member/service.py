"""Rules of members and roles: who may give which rights, and that there is always an owner."""

import re
from typing import Any, Final
from uuid import UUID

import msgspec
from outrider_sdk.protocol.entities import ENTITIES, ROLES

from server.auth import limits
from server.auth.access import FIXED, access_of, problems_of
from server.auth.roles import may_manage
from server.auth.seats import count_seated
from server.auth.service import find_base
from server.auth.standings import forget_standings
from server.auth.wipes import cancel_wipes_of, order_wipes_of
from server.crm.checks import check_period, check_single, refuse
from server.crm.resource import Write
from server.db import connection
from server.errors import Conflict, FieldError, Forbidden, InvalidInput

_KEY: Final = re.compile(r"[a-z][a-z0-9_-]{0,59}")


class LastOwner(Conflict):
    """Without an owner, nobody could give rights to anybody."""

    code = "last_owner"

    def __init__(self) -> None:
        super().__init__("This is the last owner. Make somebody else an owner first.")


class RoleInUse(Conflict):
    """Members have the role."""

    code = "in_use"


async def check_member(write: Write) -> None:
    """Keep ranks in order: nobody gives, or takes from, those above them; and one owner stays.

    Raises:
        Forbidden: the member is of a rank that the viewer does not manage.
        InvalidInput: there is no such role, or it is above the viewer's.
        LastOwner: the last one would go.
        Restricted, GrowthPaused, LimitReached: the plan of the tenant says so.
    """
    assert write.before is not None  # members join by `server.auth`
    if write.values != {"active": False}:
        limits.require_writing(write.viewer.entitlement, write.viewer.access.base)
    by, now = write.viewer.access.base, await find_base(write.before["role"])
    if write.row_id != write.viewer.member_id and not may_manage(by, now):
        raise Forbidden("You may not change this person. Ask an owner.")
    role = str(write.value("role"))
    wanted = await _get_base(role) if "role" in write.values else now
    if role != write.before["role"] and not may_manage(by, wanted):
        raise refuse("role", "You may not give this role. Ask an owner.")
    stays = wanted == "owner" and write.value("active")
    if now == "owner" and write.before["active"] and not stays and not await _other_owners(write.row_id):
        raise LastOwner
    had_seat = write.before["active"] and now != "billing"
    if write.value("active") and wanted != "billing" and not had_seat and write.viewer.entitled is not None:
        used = await count_seated() - len(write.viewer.entitled.seats.withdrawn)
        limits.require_room_for_seat(write.viewer.entitlement, used, by)


async def _get_base(role: str) -> str:
    base = await connection().fetchval('SELECT base FROM role WHERE "key" = $1 AND deleted_at IS NULL', role)
    if base is None:
        raise refuse("role", "There is no such role. GET /roles lists them.")
    return str(base)


async def _other_owners(member_id: UUID) -> bool:
    sql = """SELECT EXISTS (SELECT FROM member m WHERE m.id <> $1 AND m.active AND m.deleted_at IS NULL
        AND m.role = 'owner')"""
    return bool(await connection().fetchval(sql, member_id))


async def forget(write: Write) -> None:
    """What was remembered of anybody's rights is out of date."""
    forget_standings()


async def follow_member(write: Write) -> None:
    """The same; and the devices of whoever has left are wiped, after they handed in what they hold."""
    forget_standings()
    if write.before is not None and "active" in write.values:
        await (cancel_wipes_of if write.values["active"] else order_wipes_of)(write.row_id)


async def check_role(write: Write) -> None:
    """Check a role's documents; keep the built-in ones, and those that somebody has.

    Raises:
        InvalidInput: key, base, permissions or fields won't do; each problem is named.
        Forbidden: a role of that rank is not the viewer's to make or change.
        RoleInUse: it is to be deleted, and members have it.
        AlreadyThere: there is a role of that key.
    """
    built_in = write.before is not None and write.before["key"] in ROLES
    base = write.value("base")
    if base in ROLES and base != write.viewer.access.base and not may_manage(write.viewer.access.base, base):
        raise Forbidden("You may not make or change a role of this rank. Ask an owner.")
    if write.deletes:
        await _check_unused(write, built_in=built_in)
        return
    changed = {name for name in write.values if write.before is None or write.values[name] != write.before[name]}
    if built_in and write.before is not None:
        fixed = {"key", "base"} | ({"permissions", "fields"} if write.before["key"] in FIXED else set())
        if changed & fixed:
            raise InvalidInput([FieldError(n, "This is fixed for this role.") for n in sorted(changed & fixed)])
    await check_single(write, "role", "key")
    _check_documents(write, built_in=built_in)


async def _check_unused(write: Write, *, built_in: bool) -> None:
    assert write.before is not None
    if built_in:
        raise Forbidden("Every tenant has this role. Take its rights away instead.")
    sql = "SELECT EXISTS (SELECT FROM member WHERE role = $1 AND deleted_at IS NULL)"
    if await connection().fetchval(sql, write.before["key"]):
        raise RoleInUse("Members have this role. Give them another first.")


def _check_documents(write: Write, *, built_in: bool) -> None:
    key, base = write.value("key"), write.value("base")
    if not built_in and (not _KEY.fullmatch(key) or key in ROLES):
        raise refuse("key", "Use lower-case letters, digits, - and _, and none of the built-in keys.")
    if not built_in and base == "owner":
        raise refuse("base", "There is one kind of owner. Depart from admin instead.")
    permissions, fields = (_document(write.value(name)) for name in ("permissions", "fields"))
    problems = [FieldError(name, text) for name, text in problems_of(base, permissions, fields)]
    problems = problems or [
        FieldError("fields", f"{name}: {field} is needed to make one, which the role may; take that right, or show it.")
        for name, field in _needed_but_hidden(key, base, permissions, fields)
    ]
    if problems:
        raise InvalidInput(problems)


def _document(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, str) else value or {}


def _needed_but_hidden(key: str, base: str, permissions: Any, fields: Any) -> list[tuple[str, str]]:
    """Fields without which nothing can be made, hidden from a role that may make it."""
    access = access_of(key, base, msgspec.json.encode(permissions).decode(), msgspec.json.encode(fields).decode())
    return [
        (name, field)
        for name, field in access.hidden_fields()
        if access.right(name).of("create")
        and (found := ENTITIES[name].by_name[field]).required
        and found.default is None
        and (found.writable or found.create_only)
    ]


async def check_delegation(write: Write) -> None:
    """A substitute is somebody else.

    Raises:
        InvalidInput: it is the same person, or ends before it starts.
    """
    await check_period(write)
    if not write.deletes and write.value("member_id") == write.value("substitute_id"):
        raise refuse("substitute_id", "Name somebody else: nobody stands in for themself.")


async def hand_over(member_id: UUID, successor_id: UUID) -> dict[str, int]:
    """Give all that a member works to another, in one act: assignments, territories and drafts. Authorship stays.

    Returns:
        How many of each.
    """
    conn = connection()
    same = await conn.fetch(
        """UPDATE assignment a SET ends_on = least(coalesce(a.ends_on, current_date - 1), current_date - 1)
        WHERE a.member_id = $1 AND a.deleted_at IS NULL AND (a.ends_on IS NULL OR a.ends_on >= current_date)
        AND EXISTS (SELECT FROM assignment b WHERE b.member_id = $2 AND b.outlet_id = a.outlet_id
            AND b.deleted_at IS NULL AND b.starts_on IS NULL AND b.ends_on IS NULL) RETURNING 1""",
        member_id,
        successor_id,
    )
    moved = await conn.fetch(
        """UPDATE assignment SET member_id = $2
        WHERE member_id = $1 AND deleted_at IS NULL AND (ends_on IS NULL OR ends_on >= current_date) RETURNING 1""",
        member_id,
        successor_id,
    )
    territories = await conn.fetch(
        "UPDATE territory SET manager_id = $2 WHERE manager_id = $1 AND deleted_at IS NULL RETURNING 1",
        member_id,
        successor_id,
    )
    drafts = await conn.fetch(
        """UPDATE "order" SET owner_id = $2
        WHERE owner_id = $1 AND status = 'draft' AND deleted_at IS NULL RETURNING 1""",
        member_id,
        successor_id,
    )
    return {"assignments": len(same) + len(moved), "territories": len(territories), "drafts": len(drafts)}
