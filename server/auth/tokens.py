"""Access tokens: JWTs of 15 minutes, signed with Ed25519 (RFC 8037), under keys that can be rotated.

Signing and verifying read `platform.signing_key` in short transactions of their own, at most once a second, since what
they read outlives the request: call them outside any transaction.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import asyncpg
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from jwt.utils import base64url_encode

from server import clock
from server.auth.ttl_cache import TtlCache
from server.db import connection, platform_transaction
from server.errors import Unauthorized

ACCESS_TOKEN_TTL_S: Final = 15 * 60
KEYS_STALE_S: Final = 60
"""How long a process may not know that another has rotated the keys."""
RELOAD_INTERVAL_S: Final = 1.0
"""A flood of unknown key ids costs one query in this time."""
RETIRED_KEY_GRACE: Final = timedelta(seconds=ACCESS_TOKEN_TTL_S + KEYS_STALE_S)
"""From its retirement on, a key verifies until the last token signed with it has expired."""
TOKEN_LENGTH_MAX: Final = 2_000
VERIFIED_MAX: Final = 10_000
"""Tokens of which it is remembered that they were verified."""
ISSUER: Final = "outrider"

_ALGORITHM: Final = "EdDSA"
_KEYS_LOCK: Final = 0x6B_6579_7369
_CLAIMS: Final = ["iss", "sub", "tid", "role", "jti", "iat", "exp"]


class TokenMissing(Unauthorized):
    """The request carries no Bearer token."""

    code = "token_missing"

    def __init__(self) -> None:
        super().__init__("Log in first: this needs an access token.")


class TokenInvalid(Unauthorized):
    """The token was not made by this server, or not for this."""

    code = "token_invalid"

    def __init__(self) -> None:
        super().__init__("This token is not valid here. Log in again.")


class TokenExpired(Unauthorized):
    """The token's 15 minutes are over; a device gets another for its refresh token."""

    code = "token_expired"

    def __init__(self) -> None:
        super().__init__("This token has expired. Get a new one, or log in again.")


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified access token says. `id` is unique to the token (jti)."""

    id: str
    tenant_id: UUID
    member_id: UUID
    role: str
    device_id: UUID | None
    expires_at: int = 0
    """Seconds since 1970."""


@dataclass(frozen=True, slots=True)
class _Key:
    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    retired_at: datetime | None

    def verifies(self) -> bool:
        """Whether tokens signed with it may still be alive."""
        return self.retired_at is None or clock.now() < self.retired_at + RETIRED_KEY_GRACE


class KeyRing:
    """The signing keys as this process knows them."""

    def __init__(self) -> None:
        self._keys: dict[str, _Key] = {}
        self._loaded_at = float("-inf")
        self._loading: asyncio.Task[None] | None = None
        self._verified: TtlCache[bytes, Claims] = TtlCache(ttl_s=KEYS_STALE_S, size_max=VERIFIED_MAX)
        """By the token's hash."""

    async def issue(self, *, tenant_id: UUID, member_id: UUID, role: str, device_id: UUID | None = None) -> str:
        """A new access token, good for `ACCESS_TOKEN_TTL_S`."""
        key = await self._signing_key()
        issued_at = int(clock.now().timestamp())
        claims = {
            "iss": ISSUER, "sub": str(member_id), "tid": str(tenant_id), "role": role,
            "jti": secrets.token_urlsafe(12), "iat": issued_at, "exp": issued_at + ACCESS_TOKEN_TTL_S,
        }  # fmt: skip
        if device_id is not None:
            claims["did"] = str(device_id)
        return jwt.encode(claims, key.private, _ALGORITHM, headers={"kid": key.kid})

    async def sign(self, claims: Mapping[str, Any], *, kind: str) -> tuple[str, str]:
        """A token of another kind than access tokens, and the raw public key that verifies it, base64url."""
        key = await self._signing_key()
        token = jwt.encode(dict(claims), key.private, _ALGORITHM, headers={"kid": key.kid, "typ": kind})
        return token, _raw(key.public)

    async def open(self, token: str, *, kind: str) -> Mapping[str, Any]:
        """What a token of another kind says, once its signature is checked; whether its time is over, the caller sees.

        Raises:
            TokenInvalid: not signed by one of our present keys, or of another kind.
        """
        kid = _read_kid(token, kind)
        await self._freshen()
        if kid not in self._keys:
            await self._reload()
        key = self._keys.get(kid)
        if key is None or not key.verifies():
            raise TokenInvalid
        try:
            return jwt.decode(
                token, key.public, algorithms=[_ALGORITHM], options={"verify_exp": False, "verify_iat": False}
            )
        except jwt.PyJWTError:
            raise TokenInvalid from None

    async def verify(self, token: str) -> Claims:
        """What a token says, once its signature and its time are checked.

        A signature is checked once for as long as the keys are not read anew: it takes longer than all else that is
        asked of a session.

        Raises:
            TokenInvalid: not signed by one of our keys, with our algorithm, or lacking a claim.
            TokenExpired: its time is over.
        """
        await self._freshen()
        digest = sha256(token.encode()).digest()
        claims = self._verified.get(digest)
        if claims is None:
            claims = await self._verify(token)
            self._verified.put(digest, claims)
        elif claims.expires_at <= clock.now().timestamp():
            raise TokenExpired
        return claims

    async def _verify(self, token: str) -> Claims:
        key = await self._find_key(token)
        try:
            claims = jwt.decode(
                token, key.public, algorithms=[_ALGORITHM], issuer=ISSUER,
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},  # our clock, below
            )  # fmt: skip
            if _is_over(claims):
                raise TokenExpired
            device_id = UUID(claims["did"]) if "did" in claims else None
            tenant_id, member_id = UUID(claims["tid"]), UUID(claims["sub"])
            return Claims(claims["jti"], tenant_id, member_id, str(claims["role"]), device_id, claims["exp"])
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError):
            raise TokenInvalid from None

    async def rotate(self) -> str:
        """Sign with a new key from now on, retiring the present one; returns the new key's id.

        Other processes follow within `KEYS_STALE_S`. Keys whose tokens have all expired are deleted.
        """
        async with platform_transaction():
            await _lock_keys()
            moment = clock.now()
            await connection().execute("UPDATE signing_key SET retired_at = $1 WHERE retired_at IS NULL", moment)
            await connection().execute("DELETE FROM signing_key WHERE retired_at < $1", moment - RETIRED_KEY_GRACE)
            kid = await _insert_key(moment)
        await self._reload()
        return kid

    async def public_keys(self) -> list[dict[str, str]]:
        """The keys that verify, as a JSON Web Key Set's `keys` (RFC 7517)."""
        await self._signing_key()
        return [
            {
                "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": _ALGORITHM, "kid": key.kid,
                "x": _raw(key.public),
            }
            for key in self._keys.values() if key.verifies()
        ]  # fmt: skip

    async def _signing_key(self) -> _Key:
        await self._freshen()
        key = self._present_key()
        if key is None:
            await _ensure_key()
            await self._reload()
            key = self._present_key()
        assert key is not None
        return key

    def _present_key(self) -> _Key | None:
        return next((key for key in self._keys.values() if key.retired_at is None), None)

    async def _find_key(self, token: str) -> _Key:
        kid = _read_kid(token)
        await self._freshen()
        if kid not in self._keys:
            # Nobody's key, or that of another process, or one long gone: then its bearer should refresh.
            if _is_over(_read_unverified(token)):
                raise TokenExpired
            await self._reload()
        key = self._keys.get(kid)
        if key is None or not key.verifies():
            raise TokenInvalid
        return key

    async def _freshen(self) -> None:
        if time.monotonic() - self._loaded_at > KEYS_STALE_S:
            await self._reload()

    async def _reload(self) -> None:
        """Read the keys again; whoever asks at the same time shares one query."""
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._load())
        await asyncio.shield(self._loading)

    async def _load(self) -> None:
        await asyncio.sleep(max(0.0, self._loaded_at + RELOAD_INTERVAL_S - time.monotonic()))
        async with platform_transaction():
            rows = await connection().fetch(
                "SELECT kid, private_pem, retired_at FROM signing_key ORDER BY created_at DESC"
            )
        self._keys = {row["kid"]: _read_key(row) for row in rows}
        self._verified.clear()
        self._loaded_at = time.monotonic()


keys = KeyRing()
"""The key ring of this process."""


async def rotate_keys() -> str:
    """Make a new signing key and retire the old one, which verifies until its tokens have expired."""
    return await keys.rotate()


def _raw(public: Ed25519PublicKey) -> str:
    return base64url_encode(public.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def _is_over(claims: Mapping[str, Any]) -> bool:
    exp = claims.get("exp")
    if not isinstance(exp, int):
        raise TokenInvalid
    return exp <= clock.now().timestamp()


def _read_kid(token: str, kind: str = "JWT") -> str:
    if len(token) > TOKEN_LENGTH_MAX:
        raise TokenInvalid
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise TokenInvalid from None
    kid = header.get("kid")
    if not isinstance(kid, str) or header.get("alg") != _ALGORITHM or header.get("typ", "JWT") != kind:
        raise TokenInvalid
    return kid


def _read_unverified(token: str) -> Mapping[str, Any]:
    try:
        return jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        raise TokenInvalid from None


def _read_key(row: asyncpg.Record) -> _Key:
    private = load_pem_private_key(row["private_pem"].encode(), password=None)
    assert isinstance(private, Ed25519PrivateKey)
    return _Key(row["kid"], private, private.public_key(), row["retired_at"])


async def _lock_keys() -> None:
    await connection().execute("SELECT pg_advisory_xact_lock($1)", _KEYS_LOCK)


async def _ensure_key() -> None:
    """Make the first key, once, however many processes start together."""
    async with platform_transaction():
        await _lock_keys()
        if not await connection().fetchval("SELECT EXISTS (SELECT FROM signing_key WHERE retired_at IS NULL)"):
            await _insert_key(clock.now())


async def _insert_key(moment: datetime) -> str:
    private = Ed25519PrivateKey.generate()
    kid = secrets.token_urlsafe(12)
    await connection().execute(
        "INSERT INTO signing_key (kid, private_pem, public_pem, created_at) VALUES ($1, $2, $3, $4)",
        kid,
        private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        moment,
    )
    return kid
