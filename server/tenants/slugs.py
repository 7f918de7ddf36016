"""Slugs, the short names of tenants in addresses. Pure."""

import re
from typing import Final

SLUG_PATTERN: Final = re.compile(r"[a-z0-9](-?[a-z0-9]){1,39}")
RESERVED_SLUGS: Final = frozenset(
    {"admin", "api", "app", "billing", "console", "doctor", "help", "login", "mail", "main", "outrider", "platform"}
    | {"sign-up", "signup", "spare", "static", "status", "support", "www"}
)
"""Addresses that would read as the installation's own: nobody signs up with one."""


def slug_problem(slug: str) -> str | None:
    """What is wrong with a slug as such; whether it is taken is another matter."""
    return None if SLUG_PATTERN.fullmatch(slug) else "Use 2 to 40 letters a-z, digits and single hyphens."


def why_not(slug: str) -> str | None:
    """Why nobody may sign up with the slug; None where somebody may, if it is free."""
    if slug in RESERVED_SLUGS or slug.startswith("spare-"):
        return "This address is kept for Outrider itself. Choose another."
    return slug_problem(slug)
