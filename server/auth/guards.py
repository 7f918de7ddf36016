"""What a role may do, asked in handlers."""

from server.auth.access import FIXED
from server.auth.roles import Role
from server.auth.session import Session
from server.errors import Forbidden


def require_role(session: Session, *roles: Role) -> None:
    """Go on only if the person has one of the roles.

    Raises:
        Forbidden: they have another.
    """
    if session.role not in roles:
        raise Forbidden(f"This is for {' or '.join(roles)}. Ask an administrator if you need it.")


def require_all_rights(session: Session) -> None:
    """Go on only if the person may do everything: with files one reaches what a role could hide.

    Raises:
        Forbidden: they are neither admin nor owner, or of a role that departs from those.
    """
    if session.access.role not in FIXED:
        raise Forbidden("This is for admins and owners. Ask one of them if you need it.")
