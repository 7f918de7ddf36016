"""Which problems the routes beside the CRM's resources answer with: a line for each operation, by its codes.

Those of all are added by rule. A route that stands nowhere here says no more than "some problem"; a test wants a line.
"""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from server.errors import AppError, write_problem

_OF_ALL: Final = ("internal", "busy", "storage_full")
_OF_MEMBERS: Final = (
    "token_missing", "token_invalid", "token_expired", "api_key_invalid", "device_revoked", "forbidden",
    "too_many_requests", "invalid_input", "bad_request",
)  # fmt: skip
"""Of whatever asks for a token."""
_OF_BODIES: Final = ("too_large",)
_OF_STRANGERS: Final = ("invalid_input", "bad_request", "too_many_requests", "not_found")
"""Of what lies under /t/{slug}: there may be no such tenant."""

_OF_ANYBODY: Final = ("invalid_input", "bad_request", "too_many_requests")
"""Of what strangers reach, under no tenant's address."""
_PAID: Final = ("restricted", "seat_missing")
"""Of what writes and does not stay open whatever is paid (`server.auth.limits.OPEN`)."""
_OF_PAYMENTS: Final = ("payment_service_down", "payment_service_refused", "payments_not_set_up")
_OF_CHANGES: Final = (
    "not_billed", "no_subscription", "subscription_ends", "payment_overdue", "plan_unknown", *_OF_PAYMENTS,
)  # fmt: skip
_OF_ACTS: Final = ("payment_declined", "payment_service_unclear", "change_under_way", "idempotency_key_reused")
"""Of what is done once, whoever asks again."""

OWN_PROBLEMS: Final[dict[str, tuple[str, ...]]] = {
    "GET /.well-known/jwks.json": (),
    "GET /health": (),
    "POST /t/{slug}/login": ("login_failed",),
    "POST /t/{slug}/devices/enrol": (
        "code_invalid", "prefixes_exhausted", "limit_reached", "growth_paused", "seat_missing",
    ),
    "POST /t/{slug}/devices/token": ("unauthorized", "token_invalid", "device_revoked"),
    "GET /me": (),
    "GET /api-keys": (),
    "POST /api-keys": (*_PAID, "not_in_plan"),
    "GET /api-keys/{key_id}": ("not_found",),
    "DELETE /api-keys/{key_id}": ("not_found",),
    "GET /devices": (),
    "POST /devices/codes": ("not_found",),
    "POST /devices/incarnations": ("proof_invalid", "incarnation_unknown", "incarnations_exhausted"),
    "DELETE /devices/{device_id}": ("not_found",),
    "POST /devices/{device_id}/wipe": ("not_found",),
    "POST /t/{slug}/devices/wiped": ("unauthorized", "token_invalid"),
    "POST /t/{slug}/devices/quarantine": (
        "token_invalid", "not_revoked", "quarantine_closed", "number_gap", "forked", "client_too_old",
        "encoding_unsupported",
    ),
    "GET /quarantines": (),
    "GET /quarantines/{quarantine_id}": ("not_found",),
    "GET /quarantines/{quarantine_id}/mutations": ("not_found",),
    "POST /quarantines/{quarantine_id}/release": ("not_found", "quarantine_decided"),
    "POST /quarantines/{quarantine_id}/discard": ("not_found", "quarantine_decided"),
    "GET /billing/account": ("not_billed",),
    "PATCH /billing/account": ("not_billed",),
    "GET /billing/deletion": (),
    "PUT /billing/deletion": (),
    "DELETE /billing/deletion": ("no_deletion", "deletion_runs"),
    "GET /billing/invoices": (),
    "GET /billing/invoices/{invoice_id}": ("not_found",),
    "GET /billing/invoices/{invoice_id}/pdf": ("not_found",),
    "GET /external-ids": (),
    "PUT /external-ids": (*_PAID, "already_there"),
    "DELETE /external-ids": (*_PAID, "not_found"),
    "POST /exports": ("exports_waiting",),
    "GET /billing": ("not_billed",),
    "GET /billing/plans": (),
    "POST /billing/checkouts": ("not_billed", "already_subscribed", "paid_by_transfer", "plan_unknown", *_OF_PAYMENTS),
    "POST /billing/portal-sessions": ("not_billed", "no_subscription", *_OF_PAYMENTS),
    "POST /billing/previews": _OF_CHANGES,
    "POST /billing/changes": (*_OF_CHANGES, *_OF_ACTS),
    "GET /billing/usage": ("not_billed",),
    "GET /billing/seats": ("not_billed",),
    "PUT /billing/seats/{member_id}": ("not_billed", "not_found", "limit_reached"),
    "DELETE /billing/seats/{member_id}": ("not_billed", "not_found"),
    "PUT /billing/seats": (*_OF_CHANGES, *_OF_ACTS),
    "DELETE /billing/changes/scheduled": ("not_billed", "no_subscription", *_OF_PAYMENTS, *_OF_ACTS),
    "PUT /billing/cancellation": ("not_billed", "no_subscription", *_OF_PAYMENTS, *_OF_ACTS),
    "DELETE /billing/cancellation": ("not_billed", "no_subscription", *_OF_PAYMENTS, *_OF_ACTS),
    "POST /billing/refreshes": ("not_billed", *_OF_PAYMENTS),
    "POST /billing/webhooks/stripe": ("webhook_refused", "payments_not_set_up"),
    "GET /exports/{export_id}": ("not_found",),
    "GET /exports/{export_id}/file": ("not_found", "export_not_ready"),
    "GET /imports": (),
    "POST /imports": (*_PAID, "target_unknown", "file_unreadable", "imports_waiting", "storage_full"),
    "GET /imports/{number}": ("not_found",),
    "PATCH /imports/{number}": (
        *_PAID, "not_found", "target_unknown", "file_unreadable", "import_state", "import_busy",
    ),
    "DELETE /imports/{number}": (*_PAID, "not_found", "import_state", "import_busy"),
    "POST /imports/{number}/check": (*_PAID, "not_found", "import_state", "import_busy"),
    "POST /imports/{number}/execution": (*_PAID, "not_found", "import_state", "import_busy"),
    "POST /imports/{number}/reversal": (*_PAID, "not_found", "import_state", "import_busy"),
    "GET /imports/{number}/report": ("not_found",),
    "POST /sign-up": ("slug_taken", "too_many_sign_ups", *_OF_ANYBODY),
    "GET /sign-up/{sign_up_id}": ("sign_up_unknown", *_OF_ANYBODY),
    "POST /sign-up/resend": _OF_ANYBODY,
    "GET /sign-up/slugs/{slug}": _OF_ANYBODY,
    "POST /sign-up/confirm": ("sign_up_unknown", "slug_taken", "email_taken", *_OF_ANYBODY),
    "GET /sync/events": ("wipe_ordered",),
    "POST /sync/checksum": ("client_too_old", "encoding_unsupported"),
    "POST /sync/pull": (
        "wipe_ordered", "client_too_old", "position_unknown", "encoding_unsupported", "incarnation_unknown",
    ),
    "POST /sync/push": (
        "wipe_ordered", "client_too_old", "encoding_unsupported", "incarnation_unknown", "number_gap", "forked",
    ),
    "GET /sync/snapshots/{snapshot_id}": (
        "not_found", "snapshot_gone", "range_unsatisfiable", "client_too_old", "storage_unavailable",
    ),
    "GET /webhooks": (),
    "POST /webhooks": (*_PAID, "not_in_plan", "too_many_webhooks"),
    "GET /webhooks/{webhook_id}": ("not_found",),
    "PATCH /webhooks/{webhook_id}": (*_PAID, "not_found"),
    "DELETE /webhooks/{webhook_id}": ("not_found",),
    "GET /webhooks/{webhook_id}/deliveries": ("not_found",),
    "POST /webhooks/{webhook_id}/replays": (*_PAID, "not_found", "webhook_disabled"),
    "POST /webhooks/{webhook_id}/rotation": (*_PAID, "not_found", "webhook_disabled"),
}  # fmt: skip

BY_THE_FRAMEWORK: Final = {
    "internal": (500, "Something went wrong on our side. Try again; if it stays, tell your operator."),
}

Codes = Mapping[str, Mapping[int, str]]
"""Code → status → what it means; some codes have two statuses."""


def known_codes() -> dict[str, dict[int, str]]:
    """All codes of expected failures, with the first lines of their docstrings."""
    found: dict[str, dict[int, str]] = {code: {status: text} for code, (status, text) in BY_THE_FRAMEWORK.items()}
    errors: list[type[AppError]] = [AppError]
    for error in errors:
        errors += error.__subclasses__()
    # What is said must not depend on which module was imported first.
    told = [each for each in errors if "code" in vars(each)]  # the others are told by the one they have their code from
    for error in sorted(told, key=lambda each: (each.__module__ != AppError.__module__, each.__module__)):
        found.setdefault(error.code, {}).setdefault(error.status, (error.__doc__ or "").partition("\n")[0])
    return found


def problems_of(method: str, path: str, operation: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The codes of an operation's problems; None where it has no line here."""
    own = OWN_PROBLEMS.get(f"{method.upper()} {path}")
    if own is None:
        return None
    is_public = not operation.get("security")
    found = (*_OF_ALL, *own, *(() if is_public else _OF_MEMBERS))
    found += _OF_STRANGERS if path.startswith("/t/") else ()
    found += _OF_BODIES if operation.get("requestBody") else ()
    return tuple(sorted(set(found)))


def responses_of(wanted: Sequence[str], codes: Codes) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """For each status among the codes: status, the name of a response of just these codes, and that response."""
    by_status: dict[int, list[str]] = {}
    for code in wanted:
        for status in codes[code]:
            by_status.setdefault(status, []).append(code)
    for status, those in sorted(by_status.items()):
        phrase = HTTPStatus(status).phrase.title().replace(" ", "")
        examples = {
            code: {"summary": codes[code][status], "value": write_problem(status, code, codes[code][status])}
            for code in those
        }
        name = phrase + "".join("".join(word.capitalize() for word in code.split("_")) for code in those)
        yield str(status), name, {"examples": examples, "codes": those}
