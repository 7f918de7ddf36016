"""Access tokens and their keys: what verifies, for how long, and what never does."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server import clock
from server.auth import tokens
from server.auth.tokens import ACCESS_TOKEN_TTL_S, RETIRED_KEY_GRACE, KeyRing, TokenExpired, TokenInvalid
from server.connections import Databases
from server.db import connection, platform_transaction

TENANT, MEMBER, DEVICE = uuid4(), uuid4(), uuid4()
NOW = datetime.fromisoformat("2026-03-01T12:00:00+00:00")


@pytest.fixture
async def ring(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KeyRing]:
    """A process's key ring in an installation that has no key yet."""
    monkeypatch.setattr(tokens, "RELOAD_INTERVAL_S", 0.0)
    async with platform_transaction():
        kept = await connection().fetch("DELETE FROM signing_key RETURNING *")
    yield KeyRing()
    async with platform_transaction():  # the other tests' own
        await connection().execute("DELETE FROM signing_key")
        await connection().executemany("INSERT INTO signing_key VALUES ($1, $2, $3, $4, $5)", kept)


async def stored_keys() -> int:
    async with platform_transaction():
        return await connection().fetchval("SELECT count(*) FROM signing_key")


async def issue(ring: KeyRing) -> str:
    return await ring.issue(tenant_id=TENANT, member_id=MEMBER, role="rep", device_id=DEVICE)


def forge(key: object, algorithm: str | None, kid: str, **changed: object) -> str:
    """A token as ours look, by a hand not ours."""
    at = int(clock.now().timestamp())
    claims = {
        "iss": "outrider", "sub": str(MEMBER), "tid": str(TENANT), "role": "owner", "jti": "x", "iat": at,
        "exp": at + 600,
    }  # fmt: skip
    return jwt.encode(claims | changed, key, algorithm, headers={"kid": kid})  # type: ignore[arg-type]


async def test_a_token_says_who_and_where(ring: KeyRing):
    """Another process reads it by the keys in the database."""
    claims = await KeyRing().verify(await issue(ring))

    assert (claims.tenant_id, claims.member_id, claims.device_id) == (TENANT, MEMBER, DEVICE)
    assert claims.role == "rep"


async def test_a_token_of_a_browser_names_no_device(ring: KeyRing):
    """The claim is absent then, not null."""
    token = await ring.issue(tenant_id=TENANT, member_id=MEMBER, role="rep")

    assert "did" not in jwt.decode(token, options={"verify_signature": False})
    assert (await ring.verify(token)).device_id is None


async def test_the_first_key_is_made_once(ring: KeyRing):
    """Processes that start together must not sign with keys that the others don't know."""
    rings = [KeyRing() for _ in range(8)]

    made = await asyncio.gather(*(issue(each) for each in rings))

    assert await stored_keys() == 1
    assert len({jwt.get_unverified_header(token)["kid"] for token in made}) == 1


async def test_a_token_expires_after_fifteen_minutes(ring: KeyRing):
    """To the second."""
    with clock.frozen(NOW):
        token = await issue(ring)

    with clock.frozen(NOW + timedelta(seconds=ACCESS_TOKEN_TTL_S - 1)):
        await ring.verify(token)
    with clock.frozen(NOW + timedelta(seconds=ACCESS_TOKEN_TTL_S)), pytest.raises(TokenExpired):
        await ring.verify(token)


async def test_a_signature_is_checked_once_until_the_keys_are_read_anew(ring: KeyRing, monkeypatch: pytest.MonkeyPatch):
    """It takes longer than the rest of a session; what differs in a letter is another token."""
    token, checked, decode = await issue(ring), [], jwt.decode

    def count(*args: object, **options: object) -> object:
        checked.append(args)
        return decode(*args, **options)

    monkeypatch.setattr(jwt, "decode", count)
    for _ in range(3):
        await ring.verify(token)
    assert len(checked) == 1
    with pytest.raises(TokenInvalid):
        await ring.verify(token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1])

    await ring._load()
    await ring.verify(token)

    assert len(checked) == 3


async def test_a_retired_key_verifies_until_its_last_token_has_expired(ring: KeyRing):
    """Rotation logs nobody out, and a stolen old key is worth nothing soon after."""
    with clock.frozen(NOW):
        token = await issue(ring)
        old = next(iter(ring._keys.values()))
        await ring.rotate()

    with clock.frozen(NOW + timedelta(minutes=14)):
        await ring.verify(token)
        assert jwt.get_unverified_header(await issue(ring))["kid"] != old.kid
    with clock.frozen(NOW + RETIRED_KEY_GRACE), pytest.raises(TokenInvalid):
        await ring.verify(forge(old.private, "EdDSA", old.kid))


async def test_a_token_under_a_key_long_gone_has_expired(ring: KeyRing):
    """A device back after a month must hear that it should refresh, not that it is a stranger."""
    with clock.frozen(NOW):
        token = await issue(ring)
        await ring.rotate()
    with clock.frozen(NOW + timedelta(days=30)):
        await ring.rotate()

        with pytest.raises(TokenExpired):
            await ring.verify(token)

    assert await stored_keys() == 2


async def test_another_process_learns_of_a_rotation(ring: KeyRing):
    """At once when it meets the new key, and within a minute for signing."""
    other = KeyRing()
    await issue(other)

    await ring.rotate()

    assert (await other.verify(await issue(ring))).member_id == MEMBER


async def test_a_flood_of_unknown_keys_costs_one_query_a_second(ring: KeyRing, monkeypatch: pytest.MonkeyPatch):
    """Anybody can send any key id."""
    monkeypatch.setattr(tokens, "RELOAD_INTERVAL_S", 0.3)
    await issue(ring)
    loads = []
    real = ring._load

    async def spy() -> None:
        loads.append(1)
        await real()

    monkeypatch.setattr(ring, "_load", spy)
    stranger = Ed25519PrivateKey.generate()
    flood = [ring.verify(forge(stranger, "EdDSA", f"unknown-{n}")) for n in range(200)]

    outcomes = await asyncio.gather(*flood, return_exceptions=True)

    assert all(isinstance(outcome, TokenInvalid) for outcome in outcomes)
    assert len(loads) == 1


async def test_unsigned_and_symmetric_tokens_are_refused(ring: KeyRing):
    """The classic forgeries: no algorithm, and the public key used as a shared secret."""
    await issue(ring)
    key = next(iter(ring._keys.values()))
    public = key.public.public_bytes(Encoding.Raw, PublicFormat.Raw)

    for forged in (forge(None, "none", key.kid), forge(public, "HS256", key.kid)):
        with pytest.raises(TokenInvalid):
            await ring.verify(forged)


async def test_a_symmetric_signature_under_our_algorithm_name_is_refused(ring: KeyRing):
    """The header lies about its algorithm."""
    token = await issue(ring)
    head, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    raised = base64.urlsafe_b64encode(json.dumps(claims | {"role": "owner"}).encode()).rstrip(b"=").decode()

    with pytest.raises(TokenInvalid):
        await ring.verify(f"{head}.{raised}.{signature}")


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "somebody"}, {"sub": "no uuid"}, {"tid": 7}, {"tid": None}, {"did": ["x"]}, {"exp": "soon"},
        {"exp": True}, {"exp": None}, {"exp": -(10**30)}, {"exp": 1e300}, {"jti": 5},
    ],
)  # fmt: skip
async def test_a_token_of_odd_claims_is_an_answer_and_no_crash(ring: KeyRing, changed: dict[str, object]):
    """Even signed by us: an older version might have issued it."""
    await issue(ring)
    key = next(iter(ring._keys.values()))

    with pytest.raises((TokenInvalid, TokenExpired)):
        await ring.verify(forge(key.private, "EdDSA", key.kid, **changed))


@pytest.mark.parametrize("text", ["x", "a.b.c", "é.é.é", "." * 10, "e30.e30.e30", "A" * 10_000])
async def test_what_is_no_token_is_invalid(ring: KeyRing, text: str):
    """Whatever a stranger sends."""
    with pytest.raises(TokenInvalid):
        await ring.verify(text)


async def test_the_public_keys_verify_our_tokens(ring: KeyRing):
    """Other services of a customer check tokens by them; no private part is among them."""
    token = await issue(ring)
    [entry] = await ring.public_keys()

    claims = jwt.decode(token, jwt.PyJWK(entry), algorithms=["EdDSA"])

    assert UUID(claims["tid"]) == TENANT
    assert "d" not in entry


async def test_a_foreign_key_under_our_key_id_is_refused(ring: KeyRing):
    """The id names a key; it proves nothing."""
    await issue(ring)
    kid = next(iter(ring._keys))
    stranger = Ed25519PrivateKey.generate()

    with pytest.raises(TokenInvalid):
        await ring.verify(forge(stranger, "EdDSA", kid))
