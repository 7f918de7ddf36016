"""What a reply must be before anything of it counts.

A server that is none of ours, or something on the way that mends what it does not understand, may send any JSON. What
is no reply is refused whole (`ProtocolViolation`), and changes nothing here.
"""

from collections.abc import Collection, Mapping
from typing import Any

from outrider_sdk.errors import ProtocolViolation

INTEGER_MAX = 2**63 - 1
_KINDS: dict[str, type] = {
    "access_token": str,
    "after": int,
    "anew": bool,
    "applied_through": int,
    "compared": bool,
    "complete": bool,
    "cursor": int,
    "cursor_token": str,
    "device_id": str,
    "differing": list,
    "drops": dict,
    "closed": bool,
    "durable_through": int,
    "epoch": str,
    "erased": list,
    "incarnation": int,
    "lease": dict,
    "member_id": str,
    "missing": list,
    "number_prefix": str,
    "offset_bytes": int,
    "outcomes": list,
    "position": str,
    "puts": dict,
    "quarantined_through": int,
    "receipt": dict,
    "refresh_token": str,
    "server_time": int,
    "snapshot": dict,
    "view": str,
}
"""Members by name, which mean the same in each reply."""
_MAY_BE_NULL = frozenset({"position"})


def check_reply(reply: Mapping[str, Any], required: Collection[str]) -> None:
    """See that a reply has what it must have, and that all that is known of it can be read.

    Raises:
        ProtocolViolation: it has not. Nothing of it may be kept.
    """
    missing = sorted(name for name in required if name not in reply)
    if missing:
        raise ProtocolViolation("The server's reply lacks " + ", ".join(missing))
    for name, kind in _KINDS.items():
        value = reply.get(name)
        may_be_null = name not in required or name in _MAY_BE_NULL
        if not (_is(kind, value) or (value is None and may_be_null)):
            raise ProtocolViolation(f"The server's reply has “{name}”, and it is nothing that this app can read.")
    _check_parts(reply)


def _check_parts(reply: Mapping[str, Any]) -> None:
    puts, drops = reply.get("puts") or {}, reply.get("drops") or {}
    lease, offer = reply.get("lease"), reply.get("snapshot")
    is_sound = (
        all(map(_is_outcome, reply.get("outcomes") or ()))
        and all(_is(dict, columns) and _is(list, columns.get("id", [])) for columns in puts.values())
        and all(_is(list, ids) for ids in drops.values())
        and all(_is(str, each) for name in ("erased", "differing") for each in reply.get(name) or ())
        and all(_is(int, number) for number in reply.get("missing") or ())
        and (offer is None or _is(str, offer.get("id")))
        and (lease is None or all(_is(str, lease.get(name)) for name in ("token", "key")))
    )
    if not is_sound:
        raise ProtocolViolation("The server's reply has a part that this app cannot read.")


def _is_outcome(found: Any) -> bool:
    """Whether it says of which mutation it is; what it says of that is for whoever keeps it."""
    return (
        _is(dict, found)
        and _is(int, found.get("number"))
        and _is(str, found.get("digest", ""))
        and _is(list, found.get("erased", []))
    )


def _is(kind: type, value: Any) -> bool:
    return type(value) is kind and (not isinstance(value, int) or 0 <= value <= INTEGER_MAX)
