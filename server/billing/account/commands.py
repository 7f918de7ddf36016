"""Acts of a billing account that an operator does."""

from collections.abc import Mapping

from server.auth.service import parse_email
from server.billing.account.service import open_account
from server.billing.sign_up.rules import place_problems
from server.db import connection, platform_transaction
from server.errors import FieldError, InvalidInput
from server.tenants.service import get_tenant_by_slug


async def enrol_tenant(slug: str, details: Mapping[str, str | None]) -> bool:
    """Begin to bill a tenant that is there already, with a trial from now on; False: it is billed already.

    Args:
        details: email, language, country, currency, timezone.

    Raises:
        TenantUnknown: no active tenant has the slug.
        InvalidInput: details are wrong.
    """
    language, currency, timezone = (details.get(key) or "" for key in ("language", "currency", "timezone"))
    problems = list(place_problems(language, details.get("country"), currency, timezone))
    email = parse_email(details.get("email") or "")
    if email is None:
        problems.append(FieldError("email", "Give an e-mail address such as billing@example.com."))
    if problems or email is None:
        raise InvalidInput(problems)
    async with platform_transaction():
        tenant = await get_tenant_by_slug(slug)
        name = await connection().fetchval("SELECT name FROM tenant WHERE id = $1", tenant.id)
        return await open_account(
            tenant.id, slug, email=email, legal_name=name, language=language, timezone=timezone,
            country=details.get("country"), currency=currency,
        )  # fmt: skip
