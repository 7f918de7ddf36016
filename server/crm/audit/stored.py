"""How the audit keeps values: as they stand on the wire, as text."""

from outrider_sdk.protocol.entities import Kind


def stored_text(kind: Kind, column: str) -> str:
    """SQL for a column's wire value as text, whatever the session's settings of dates and time zones."""
    match kind:
        case Kind.TEXT:
            return column
        case Kind.INSTANT:
            return f"(extract(epoch FROM {column}) * 1000000)::bigint::text"
        case Kind.DATE:
            return f"to_char({column}, 'YYYY-MM-DD')"
        case _:
            return f"{column}::text"
