"""Passwords: argon2id (RFC 9106) in a few threads of its own, so that a flood of log-ins can't eat the memory."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from server.errors import Busy, FieldError, InvalidInput

PASSWORD_LENGTH_MIN: Final = 10
PASSWORD_LENGTH_MAX: Final = 200
HASHING_THREADS: Final = 2
"""Each holds 64 MiB while it hashes."""
WAITING_MAX: Final = 64
"""Log-ins that may wait for a thread; the next is told to come back."""

T = TypeVar("T")

_hasher = PasswordHash((Argon2Hasher(),))
# Not asyncio.to_thread: a cancelled request would give back its place while its thread goes on.
_threads = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="argon2")
_waiting = 0


def check_password(password: str) -> None:
    """Refuse a password that is too short, or too long to hash.

    Raises:
        InvalidInput: fewer than 10 characters, or more than 200.
    """
    if len(password) < PASSWORD_LENGTH_MIN:
        raise InvalidInput([FieldError("password", f"Use at least {PASSWORD_LENGTH_MIN} characters.")])
    if len(password) > PASSWORD_LENGTH_MAX:
        raise InvalidInput([FieldError("password", f"Use at most {PASSWORD_LENGTH_MAX} characters.")])


async def hash_password(password: str) -> str:
    """The hash to store.

    Raises:
        Busy: too many are waiting for a thread.
    """
    return await _in_thread(lambda: _hasher.hash(_normal(password)))


async def verify_password(password: str, stored_hash: str | None) -> tuple[bool, str | None]:
    """Whether the password is the one hashed, and the hash to store instead if its parameters are out of date.

    Without a hash (nobody has that e-mail) it verifies one all the same: the time it takes tells nothing.

    Raises:
        Busy: too many are waiting for a thread.
    """
    return await _in_thread(lambda: _verify(_normal(password), stored_hash))


def _verify(password: str, stored_hash: str | None) -> tuple[bool, str | None]:
    dummy = _dummy_hash()  # for everybody, or the first unknown e-mail of a process would take longer
    matches, renewed = _hasher.verify_and_update(password, stored_hash or dummy)
    return (matches, renewed) if stored_hash else (False, None)


@cache
def _dummy_hash() -> str:
    return _hasher.hash("the password of nobody")


def _normal(password: str) -> str:
    """Keyboards differ in how they compose accents; people don't see it (NFKC, as RFC 8265 and NIST 800-63B say)."""
    return unicodedata.normalize("NFKC", password)


async def _in_thread(work: Callable[[], T]) -> T:
    global _waiting
    if _waiting >= WAITING_MAX:
        raise Busy("Many people are logging in just now. Try again in a moment.")
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work)
    finally:
        _waiting -= 1
