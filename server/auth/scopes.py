"""What an API key is restricted to. Pure: one rule, applied to the rights of the member that the key acts as."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, Literal

from outrider_sdk.protocol.entities import ENTITIES

from server.auth.access import Access, Reach, Right

Action = Literal["read", "write"]

ACTIONS: Final[tuple[Action, ...]] = ("read", "write")
KEY_ROLE: Final = "key"
EVERY_ENTITY: Final = "*"
OF_PEOPLE: Final = frozenset({"member", "role", "delegation"})
"""Who may do what is for people to decide: no key writes these, whatever its scopes."""
SCOPES: Final = tuple(
    f"{name}:{action}"
    for name in (EVERY_ENTITY, *ENTITIES)
    for action in ACTIONS
    if action == "read" or name not in OF_PEOPLE
)
"""Every scope there is: `account:read`, `order:write`, `*:read`."""


def permits(scopes: frozenset[str], entity: str, action: Action) -> bool:
    """Whether the scopes let their bearer do that with the entity; who may write, may read."""
    if action == "write" and entity in OF_PEOPLE:
        return False
    enough = ACTIONS[ACTIONS.index(action) :]
    return any(f"{name}:{each}" in scopes for name in (EVERY_ENTITY, entity) for each in enough)


def restrict(access: Access, scopes: frozenset[str], system: str | None = None) -> Access:
    """The rights that a key with the scopes has; they only ever take away.

    It is of no built-in role any more: what asks for an admin or owner, such as erasure and audit, refuses every key.
    """
    rights = {name: _restricted(right, name, scopes) for name, right in access.rights.items()}
    return Access(KEY_ROLE, access.base, rights, scopes, system)


def _restricted(right: Right, entity: str, scopes: frozenset[str]) -> Right:
    if not permits(scopes, entity, "read"):
        return Right()
    if not permits(scopes, entity, "write"):
        return replace(right, create=Reach.NONE, edit=Reach.NONE, delete=Reach.NONE, manages=False)
    return right


def find_unknown(scopes: Iterable[str]) -> list[str]:
    """Those that are no scopes of ours."""
    return [scope for scope in scopes if scope not in SCOPES]
