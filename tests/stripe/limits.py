"""Limits that no type states: lengths, counts and forms that Stripe documents, and refuses with a 400."""

import re
from typing import Any

from tests.stripe.errors import StripeProblem
from tests.stripe.world import Object

METADATA_KEYS_MAX = 50
METADATA_KEY_MAX = 40
METADATA_VALUE_MAX = 500
CUSTOM_FIELDS_MAX = 4
CUSTOM_FIELD_NAME_MAX = 40
CUSTOM_FIELD_VALUE_MAX = 140
REFERENCE_MAX = 200
IDEMPOTENCY_KEY_MAX = 255

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")

# Tax ids whose form Stripe checks, of the types that our tests use.
TAX_IDS = {
    "ch_vat": r"CHE-?\d{3}\.?\d{3}\.?\d{3} ?(MWST|TVA|IVA)", "eu_vat": r"[A-Z]{2}[A-Z0-9+*]{2,12}",
    "gb_vat": r"GB\d{9}(\d{3})?|GB(GD|HA)\d{3}", "kz_bin": r"\d{12}", "us_ein": r"\d{2}-?\d{7}",
}  # fmt: skip


def _too_long(param: str, maximum: int) -> StripeProblem:
    return StripeProblem(f"Invalid string: {param} must be at most {maximum} characters.", param=param)


def check_limits(params: Any, path: str = "") -> None:
    """Refuse what is too long, too many, or of another form, wherever it stands in a request."""
    if isinstance(params, list):
        for index, each in enumerate(params):
            check_limits(each, f"{path}[{index}]")
    if not isinstance(params, dict):
        return
    for key, value in params.items():
        inner = f"{path}[{key}]" if path else key
        if key == "metadata" and isinstance(value, dict):
            _check_metadata(value, inner)
        elif key == "custom_fields" and isinstance(value, list) and value and "value" in value[0]:
            _check_custom_fields(value, inner)
        elif key == "client_reference_id" and not re.fullmatch(r"[A-Za-z0-9_-]*", value):
            raise StripeProblem("client_reference_id takes letters, digits, dashes and underscores.", param=inner)
        elif key == "client_reference_id" and len(value) > REFERENCE_MAX:
            raise _too_long(inner, REFERENCE_MAX)
        elif key in ("email", "customer_email") and value and not _EMAIL.fullmatch(value):
            raise StripeProblem(f"Invalid email address: {value}", code="email_invalid", param=inner)
        else:
            check_limits(value, inner)


def _check_metadata(metadata: Object, path: str) -> None:
    if len(metadata) > METADATA_KEYS_MAX:
        raise StripeProblem(f"You can only have up to {METADATA_KEYS_MAX} metadata keys.", param=path)
    for key, value in metadata.items():
        if len(key) > METADATA_KEY_MAX:
            raise _too_long(f"{path}[{key}]", METADATA_KEY_MAX)
        if len(value) > METADATA_VALUE_MAX:
            raise _too_long(f"{path}[{key}]", METADATA_VALUE_MAX)


def _check_custom_fields(fields: list[Object], path: str) -> None:
    if len(fields) > CUSTOM_FIELDS_MAX:
        raise StripeProblem(f"You can only have up to {CUSTOM_FIELDS_MAX} custom fields.", param=path)
    for index, each in enumerate(fields):
        if len(each["name"]) > CUSTOM_FIELD_NAME_MAX:
            raise _too_long(f"{path}[{index}][name]", CUSTOM_FIELD_NAME_MAX)
        if len(each["value"]) > CUSTOM_FIELD_VALUE_MAX:
            raise _too_long(f"{path}[{index}][value]", CUSTOM_FIELD_VALUE_MAX)


def check_tax_id(kind: str, value: str) -> None:
    """Refuse a tax id that cannot be one of its type."""
    if not re.fullmatch(TAX_IDS.get(kind, r".{3,40}"), value.strip()):
        raise StripeProblem(f"Invalid value for {kind}.", code="tax_id_invalid", param="value")
