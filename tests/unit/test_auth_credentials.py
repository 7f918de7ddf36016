"""What a device shows to be let in: codes, secrets, refresh tokens and proofs."""

import base64
import hashlib
import hmac
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.auth.credentials import (
    REFRESH_TOKEN_LENGTH,
    derive_refresh_token,
    hash_code,
    hash_secret,
    judge_refresh,
    new_code,
    prove,
    proves,
    read_refresh_token,
)
from server.errors import InvalidInput

KEY = b"k" * 32
uuids = st.uuids()
generations = st.integers(1, 2**31 - 1)


def test_a_code_reads_the_same_as_people_type_it():
    """Somebody reads it aloud, somebody else types O for 0."""
    assert hash_code("7kq0m 9xw1b") == hash_code("7KQOM-9XWLB") == hash_code("7KQ0M9XWIB")


def test_codes_are_grouped_and_differ():
    """Ten characters of Crockford's base32, five and five."""
    codes = {new_code() for _ in range(200)}

    assert len(codes) == 200
    assert all(len(code) == 11 and code[5] == "-" for code in codes)
    assert not set("".join(codes)) & set("ILOU")


@given(device=uuids, generation=generations)
def test_a_refresh_token_says_whose_it_is(device: UUID, generation: int):
    """It is derived, so the same again gives the same: that is how a lost reply is repeated."""
    token = derive_refresh_token(device, generation, KEY)

    read = read_refresh_token(token, KEY)

    assert token == derive_refresh_token(device, generation, KEY)
    assert len(token) == REFRESH_TOKEN_LENGTH
    assert read is not None
    assert (read.device_id, read.generation) == (device, generation)


@given(device=uuids, generation=generations, place=st.integers(0, REFRESH_TOKEN_LENGTH - 1), other=st.characters())
def test_a_refresh_token_changed_in_one_letter_is_none(device: UUID, generation: int, place: int, other: str):
    """Also in its last letter, half of whose bits base64 ignores."""
    token = derive_refresh_token(device, generation, KEY)
    changed = token[:place] + other + token[place + 1 :]

    assert (read_refresh_token(changed, KEY) is None) == (changed != token)


@given(text=st.text(max_size=100) | st.text("AZaz09-_", min_size=70, max_size=70))
def test_what_is_no_refresh_token_reads_as_none(text: str):
    """Whatever a stranger sends, it is an answer and no crash."""
    assert read_refresh_token(text, KEY) is None


def test_a_refresh_token_of_another_installation_is_none():
    """Its key is derived from the installation's secret."""
    token = derive_refresh_token(UUID(int=1), 1, KEY)

    assert read_refresh_token(token, b"other" * 8) is None


def test_a_proof_is_the_one_of_the_protocol():
    """Clients in other languages compute it from docs/sync-protocol.md §2.2."""
    raw = bytes(range(32))
    secret = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    proof = prove("token", hash_secret(secret))

    assert proof == hmac.new(hashlib.sha256(raw).digest(), b"token", "sha256").hexdigest()
    assert proves(proof, "token", hash_secret(secret))
    assert not proves(proof, "token2", hash_secret(secret))
    assert not proves("é", "token", hash_secret(secret))


@pytest.mark.parametrize("secret", ["", "A" * 42, "A" * 44, "A" * 42 + "=", "A" * 42 + "é", "A" * 42 + "+"])
def test_a_secret_that_is_not_256_bits_is_refused(secret: str):
    """Or a client's mistake would weaken its device for ever."""
    with pytest.raises(InvalidInput):
        hash_secret(secret)


@pytest.mark.parametrize(
    ("presented", "proven", "verdict"),
    [
        (7, True, "renew"),
        (6, True, "repeat"),
        (5, True, "revoke"),
        (7, False, "revoke"),
        (6, False, "revoke"),
        (9, True, "renew"),  # the database was restored from a backup
        (9, False, "revoke"),
    ],
)
def test_refresh_tokens_are_judged_by_generation_and_proof(presented: int, proven: bool, verdict: str):
    """A reply can be lost once; anything older is somebody else's."""
    assert judge_refresh(presented, 7, proven=proven) == verdict
