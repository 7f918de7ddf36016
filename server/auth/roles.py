"""The roles of members, and who may act for whom. Pure, so that services can use it."""

from typing import Final, Literal, get_args

Role = Literal["rep", "manager", "admin", "owner", "billing"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

# Acting for somebody (drawing their device's code) lends their rights: nobody gains more than they have.
_MANAGES: Final[dict[str, frozenset[str]]] = {
    "owner": frozenset(ROLES),
    "admin": frozenset(ROLES) - {"owner"},
    "manager": frozenset({"rep"}),
}
MANAGERS: Final = frozenset(_MANAGES)
"""The roles that look after other people's devices."""


def may_manage(role: str, other: str) -> bool:
    """Whether somebody of `role` may act for another member, of role `other`."""
    return other in _MANAGES.get(role, ())
