"""Ed25519 signatures, verified in pure Python (RFC 8032, 5.1). A few milliseconds; nothing here is secret, or signs.

Points are in extended homogeneous coordinates (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z, added by the complete
formulas of the RFC's 5.1.4.
"""

import hashlib
from typing import TypeAlias

Point: TypeAlias = tuple[int, int, int, int]

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
"""The order of the base point."""
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)
"""A square root of -1."""
_NEUTRAL: Point = (0, 1, 1, 0)
_BASE_Y = 4 * pow(5, -1, _P) % _P


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is the key's, of this message. Malformed keys and signatures are not."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    key, point = _decoded(public_key), _decoded(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or point is None or scalar >= _L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + public_key + message).digest(), "little") % _L
    # [S]B = R + [k]A, as [S]B + [k](-A) = R: both products in one pass.
    return _same(_sum_of_products(scalar, _base(), challenge, _negated(key)), point)


def _base() -> Point:
    point = _decoded(_BASE_Y.to_bytes(32, "little"))
    assert point is not None
    return point


def _decoded(encoded: bytes) -> Point | None:
    """The point of 32 bytes: y, and in the highest bit the parity of x (5.1.3)."""
    number = int.from_bytes(encoded, "little")
    parity, y = number >> 255, number & (2**255 - 1)
    if y >= _P:
        return None
    x = _root((y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P)
    if x is None or (x == 0 and parity):
        return None
    if x & 1 != parity:
        x = _P - x
    return x, y, 1, x * y % _P


def _root(square: int) -> int | None:
    """A square root modulo the prime, which is 5 modulo 8."""
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    return None if (x * x - square) % _P else x


def _added(one: Point, other: Point) -> Point:
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a, b = (y1 - x1) * (y2 - x2) % _P, (y1 + x1) * (y2 + x2) % _P
    c, d = 2 * t1 * t2 * _D % _P, 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _negated(point: Point) -> Point:
    x, y, z, t = point
    return _P - x, y, z, _P - t


def _sum_of_products(one: int, a: Point, other: int, b: Point) -> Point:
    """[one]a + [other]b, bit by bit from the highest."""
    choices = (None, a, b, _added(a, b))
    total = _NEUTRAL
    for bit in range(max(one.bit_length(), other.bit_length()) - 1, -1, -1):
        total = _added(total, total)
        choice = choices[(one >> bit & 1) | (other >> bit & 1) << 1]
        if choice is not None:
            total = _added(total, choice)
    return total


def _same(one: Point, other: Point) -> bool:
    return not ((one[0] * other[2] - other[0] * one[2]) % _P or (one[1] * other[2] - other[1] * one[2]) % _P)
