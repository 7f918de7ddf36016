"""Leases: signatures as RFC 8032 has them; past the end everything goes on, and says so; clocks change nothing."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outrider_sdk import MemoryCredentials, ed25519
from outrider_sdk.lease import read_lease
from sdk_fakes import EPOCH_US, credentials

DAY_US = 86_400_000_000
VECTORS = [  # RFC 8032, 7.1: TEST 1, 2, 3 and SHA(abc)
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]
Ed25519PrivateKey = pytest.importorskip(
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    reason="leases are signed with cryptography, not installed here",
).Ed25519PrivateKey
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_signatures_are_verified_as_the_rfc_says(key, message, signature):
    """Its own vectors: whoever signs with any library is understood here."""
    key, message, signature = map(bytes.fromhex, (key, message, signature))

    assert ed25519.verify(key, message, signature)
    assert not ed25519.verify(key, message + b"x", signature)
    for at in (0, 31, 32, 63):
        assert not ed25519.verify(key, message, signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :])


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200))
def test_what_a_library_signs_is_right_and_what_it_did_not_is_not(seed, message):
    """Beside a library that everybody trusts."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = private.public_key().public_bytes_raw(), private.sign(message)

    assert ed25519.verify(public, message, signature)
    assert not ed25519.verify(public, message + b"\0", signature)
    assert not ed25519.verify(KEY.public_key().public_bytes_raw(), message, signature) or seed == bytes(range(32))


@given(key=st.binary(max_size=40), signature=st.binary(max_size=70))
def test_no_bytes_make_it_fail_otherwise(key, signature):
    """What was tampered with is refused, and crashes nothing."""
    assert not ed25519.verify(key, b"message", signature)


def test_a_signature_of_another_form_is_none():
    """S beyond the order of the group would make a second signature of each (RFC 8032, 5.1.7)."""
    public, signature = KEY.public_key().public_bytes_raw(), KEY.sign(b"m")
    scalar = int.from_bytes(signature[32:], "little") + 2**252 + 27742317777372353535851937790883648493

    assert not ed25519.verify(public, b"m", signature[:32] + scalar.to_bytes(32, "little"))


def encoded(content):
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def leased(until_us, *, key=KEY, kind="lease+jwt", **claims):
    """Credentials with a lease."""
    held = credentials()
    said = {"did": held.device_id, "exp": until_us // 1_000_000} | claims
    signed = f"{encoded({'alg': 'EdDSA', 'typ': kind})}.{encoded(said)}"
    token = f"{signed}.{encoded(key.sign(signed.encode()))}"
    return replace(held, lease=token, lease_key=encoded(KEY.public_key().public_bytes_raw()))


@pytest.fixture
def crm_with(open_replica):
    return lambda held, **more: open_replica(credentials=MemoryCredentials(held), **more)


def capture(crm, account="Shop"):
    with crm.transaction() as transaction:
        crm.accounts.create(name=account)
    return crm.query("SELECT past_lease FROM sync_outbox WHERE number = ?", (transaction.number,))[0]["past_lease"]


def test_within_the_lease_nothing_is_said(crm_with, clock):
    """The ordinary day."""
    crm = crm_with(leased(EPOCH_US + 30 * DAY_US))

    assert capture(crm) == 0
    assert crm.status().past_lease is False
    assert crm.status().lease_until == datetime.fromtimestamp((EPOCH_US + 30 * DAY_US) // 1_000_000, UTC)


def test_past_the_lease_work_goes_on_and_is_flagged(crm_with, clock):
    """A rep in the mountains for six weeks loses no order, and sees why the office looks at them."""
    crm = crm_with(leased(EPOCH_US + 30 * DAY_US))
    clock.now += 31 * DAY_US

    assert capture(crm) == 1
    assert crm.status().past_lease is True
    assert crm.verify() == []
    assert crm.sync().applied == 1


def test_a_device_without_a_lease_has_none_to_keep_to(crm_with):
    """A server that grants none."""
    crm = crm_with(credentials())

    assert capture(crm) == 0
    assert (crm.status().lease_until, crm.status().past_lease) == (None, False)


def test_a_clock_set_back_makes_no_lease_longer(crm_with, clock):
    """Last captured past the end: no turning of the clock makes it yesterday again, not even over a restart."""
    crm = crm_with(leased(EPOCH_US + 30 * DAY_US))
    clock.now += 31 * DAY_US
    capture(crm)
    clock.now -= 365 * DAY_US
    crm.close()

    assert capture(crm_with(leased(EPOCH_US + 30 * DAY_US))) == 1


def test_the_time_of_the_last_sync_is_such_a_bound_too(crm_with, clock, server):
    """The server said what day it is; a phone that woke in 1970 knows no better."""
    server.time = EPOCH_US + 40 * DAY_US
    crm = crm_with(leased(EPOCH_US + 30 * DAY_US))
    clock.now += 40 * DAY_US
    crm.sync()
    clock.now = 0

    assert capture(crm) == 1


def test_a_clock_years_ahead_is_put_right_by_the_next_sync(crm_with, clock, server):
    """It flags what it must not trust; the server, which knows better, holds nothing, and the device sees it."""
    crm = crm_with(leased(EPOCH_US + 30 * DAY_US))
    clock.now += 30 * 365 * DAY_US
    assert capture(crm) == 1
    clock.now = EPOCH_US + DAY_US
    assert capture(crm) == 1

    server.time = EPOCH_US + DAY_US
    crm.sync()

    assert capture(crm) == 0


@pytest.mark.parametrize(
    "held",
    [
        leased(EPOCH_US + 99 * DAY_US, key=Ed25519PrivateKey.from_private_bytes(b"x" * 32)),
        leased(EPOCH_US + 99 * DAY_US, did="0190a000-0000-7000-8000-000000000099"),
        leased(EPOCH_US + 99 * DAY_US, kind="JWT"),
        replace(leased(EPOCH_US), lease="a.b.c"),
        replace(leased(EPOCH_US + 99 * DAY_US), lease_key="!"),
        replace(leased(EPOCH_US + 99 * DAY_US), lease_key=""),
        replace(leased(EPOCH_US + 99 * DAY_US), lease="é" * 9),
    ],
)
def test_a_lease_that_is_not_genuine_counts_as_ended(crm_with, held):
    """Another key's, another device's, an access token, rubbish: work goes on, flagged."""
    crm = crm_with(held)

    assert read_lease(held) is None
    assert crm.status().past_lease is True
    assert capture(crm) == 1


def plan_of(state, until_days, *, contact_days=30, **more):
    """A lease that says how the plan stands, and ends with it."""
    claims = {"plan": "team", "plan_version": 2, "state": state, "limits": {"sync_interval_s": 60}}
    return leased(
        EPOCH_US + until_days * DAY_US, contact_exp=(EPOCH_US + contact_days * DAY_US) // 1_000_000, **claims | more
    )


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("trialing", None),
        ("active", None),
        ("past_due", "Everything works"),
        ("grace", "no new people and devices"),
        ("restricted", "orders wait"),
        ("cancelled", "has ended"),
        ("a state of a later server", None),
    ],
)
def test_the_lease_says_how_the_plan_stands(crm_with, state, word):
    """The rep sees what is the matter, in words that say what to do, and goes on working."""
    crm = crm_with(plan_of(state, 20))
    plan = crm.status().plan

    assert (plan.name, plan.version, plan.state, plan.sync_interval_s) == ("team", 2, state, 60)
    assert (plan.message is None) if word is None else (word in plan.message)
    assert (plan.message in crm.status().problems) == (word is not None)
    assert capture(crm) == 0


def test_a_plan_that_runs_out_offline_is_said_so_and_flags_nothing(crm_with, clock):
    """What is not paid the server knows better: only time without contact is the device's to tell."""
    crm = crm_with(plan_of("grace", 6))
    assert crm.status().lease_until == datetime.fromtimestamp((EPOCH_US + 6 * DAY_US) // 1_000_000, UTC)
    clock.now += 7 * DAY_US

    assert capture(crm) == 0
    assert (crm.status().plan.state, crm.status().past_lease) == ("restricted", False)

    clock.now += 24 * DAY_US
    assert capture(crm) == 1
    assert (crm.status().plan.state, crm.status().past_lease) == ("restricted", True)


def test_a_company_that_nobody_bills_has_no_plan(crm_with):
    """An installation of one's own; and what a later server adds is ignored."""
    assert crm_with(leased(EPOCH_US + DAY_US, state="active", colour="green")).status().plan is None


@pytest.mark.parametrize(
    ("behind_us", "words"),
    [(5.5 / 24 * DAY_US, "5 hours behind"), (20440.5 * DAY_US, "20440 days behind")],
    ids=["a time zone", "1970"],
)
def test_a_clock_that_is_far_off_is_named_in_words_that_say_how_far(open_replica, server, behind_us, words):
    """Nobody reads 29 million minutes as what it is: a phone whose battery was out, and that believes it is 1970."""
    server.time += int(behind_us)
    crm = open_replica()

    crm.sync()

    assert f"This device's clock is {words}. Set it by the network." in crm.status().problems
