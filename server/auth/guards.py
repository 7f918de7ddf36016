"""What a role may do, asked in handlers."""

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
