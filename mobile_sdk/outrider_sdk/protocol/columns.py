"""Packed columns: the values of one field over many rows, in less room than a list of them (protocol 5.9).

A packed column is a list as it is, or one of
- `{"same": value, "count": n}`: the value n times;
- `{"ids": bytes}`: ids of 16 bytes each, without a gap;
- `{"first": n, "steps": [d, …]}`: integers, each by its distance from the one before;
- `{"values": column, "picks": bytes, "width": 1, 2 or 4}`: of each row, the place of its value among `values` (a list
  or `ids`), as an unsigned integer of so many bytes, little-endian; the place after the last one is null.

Bytes are base64 where the message is JSON. Ids are bytes as soon as a column is unpacked: as a replica stores them.
"""

import sys
from array import array
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Sequence
from itertools import accumulate, islice, pairwise
from typing import Any

VALUES_MAX = 200_000
"""Values in one column: more than any page has, and few enough to be unfolded on a phone."""
PACKED_FROM = 8
"""Shorter columns are sent as they are: what the packing says of itself would cost more than it saves."""
_SAMPLE = 400
_ID_BYTES = 16
_TYPES = {1: "B", 2: "H", 4: "I"}


class ColumnMalformed(ValueError):
    """A packed column that is none."""


def pack(values: list[Any]) -> Any:
    """The column in little room. Its values are of one kind, ids as 16 bytes each, or None.

    Which packing a column gets is a matter of size alone: every client takes each of them.
    """
    count, kinds = len(values), set(map(type, values))
    if kinds == {bytes, type(None)}:
        return _picked(values, count)  # a list has no place for ids
    if count < PACKED_FROM:
        return _plain(values)
    first = values[0]
    if values.count(first) == count:
        return {"same": None if first is None else _plain([first]), "count": count}
    if len(set(islice(values, _SAMPLE))) <= min(count, _SAMPLE) // 2:
        picked = _picked(values, count // 2)
        if picked is not None:
            return picked
    if kinds == {int} and max(values) - min(values) < 2**63:  # a step is to fit into 64 bits, too
        return {"first": first, "steps": [b - a for a, b in pairwise(values)]}
    return _plain(values)


def _plain(values: list[Any]) -> Any:
    return {"ids": b"".join(values)} if values and type(values[0]) is bytes else values


def _picked(values: list[Any], at_most: int) -> dict[str, Any] | None:
    """By places among the distinct values; None where these are too many."""
    places = {value: place for place, value in enumerate(dict.fromkeys(v for v in values if v is not None))}
    if len(places) > at_most:
        return None
    width = 1 if len(places) <= 0xFF else 2 if len(places) <= 0xFFFF else 4
    distinct = _plain(list(places))
    places[None] = len(places)
    picks = array(_TYPES[width], map(places.__getitem__, values))
    if sys.byteorder == "big":
        picks.byteswap()
    return {"values": distinct, "picks": picks.tobytes(), "width": width}


def unpack(column: Any) -> list[Any]:
    """The values of a column; of packed ids, 16 bytes each.

    Raises:
        ColumnMalformed: it is no column, or one of too many values.
    """
    if isinstance(column, list):
        return _within_limit(column)
    if not isinstance(column, dict):
        raise ColumnMalformed("neither a list nor an object")
    match column:
        case {"ids": packed}:
            return _ids(_bytes(packed))
        case {"same": value, "count": int(count)} if 0 <= count <= VALUES_MAX:
            return _repeated(value, count)
        case {"first": int(first), "steps": list(steps)}:
            return _summed(first, _within_limit(steps))
        case {"values": values, "picks": picks, "width": 1 | 2 | 4 as width}:
            return _chosen(values, _bytes(picks), width)
    raise ColumnMalformed("an unknown packing")


def _within_limit(values: list[Any]) -> list[Any]:
    if len(values) > VALUES_MAX:
        raise ColumnMalformed("too many values")
    return values


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    try:
        return a2b_base64(value, strict_mode=True)
    except (Base64Error, ValueError, TypeError):
        raise ColumnMalformed("no base64") from None


def _ids(packed: bytes) -> list[Any]:
    if len(packed) % _ID_BYTES or len(packed) > VALUES_MAX * _ID_BYTES:
        raise ColumnMalformed("ids of 16 bytes do not fit")
    return [packed[start : start + _ID_BYTES] for start in range(0, len(packed), _ID_BYTES)]


def _repeated(value: Any, count: int) -> list[Any]:
    if value is None:
        return [None] * count
    once = unpack(value) if not isinstance(value, dict) or "ids" in value else []
    if len(once) != 1:
        raise ColumnMalformed("not one value")
    return once * count


def _summed(first: int, steps: Sequence[Any]) -> list[Any]:
    if not set(map(type, steps)) <= {int}:
        raise ColumnMalformed("a step is no integer")
    return list(accumulate(steps, initial=first))


def _chosen(values: Any, picks: bytes, width: int) -> list[Any]:
    if isinstance(values, dict) and "ids" not in values:
        raise ColumnMalformed("a packing in a packing")
    distinct = [*unpack(values), None]
    if len(picks) % width or len(picks) > VALUES_MAX * width:
        raise ColumnMalformed("picks do not fit their width")
    places = array(_TYPES[width], picks)
    if sys.byteorder == "big":
        places.byteswap()
    try:
        return list(map(distinct.__getitem__, places))
    except IndexError:
        raise ColumnMalformed("a pick of no value") from None


def unpack_page(page: dict[str, Any]) -> None:
    """Unpack all columns of a page, in their place.

    Raises:
        ColumnMalformed: something in it is no column, or not where one belongs.
    """
    puts, drops = page.get("puts"), page.get("drops")
    if not isinstance(puts, dict) or not isinstance(drops, dict):
        raise ColumnMalformed("no puts, or no drops")
    for columns in puts.values():
        if not isinstance(columns, dict):
            raise ColumnMalformed("an entity without columns")
        for name, column in columns.items():
            columns[name] = unpack(column)
    for name, ids in drops.items():
        drops[name] = unpack(ids)


__all__ = ["VALUES_MAX", "ColumnMalformed", "pack", "unpack", "unpack_page"]
