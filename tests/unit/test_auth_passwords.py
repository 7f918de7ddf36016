"""Passwords: hashed as they should be, bounded, and no slower to refuse than to accept."""

import asyncio

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from server.auth import passwords
from server.auth.passwords import check_password, hash_password, verify_password
from server.auth.roles import ROLES, may_manage
from server.auth.service import parse_email
from server.errors import Busy, InvalidInput


async def test_a_password_verifies_against_its_own_hash_alone():
    """And an accent counts the same however a keyboard composes it."""
    stored = await hash_password("caf\u00e9 au lait")

    assert await verify_password("cafe\u0301 au lait", stored) == (True, None)
    assert await verify_password("cafe au lait", stored) == (False, None)


async def test_a_hash_of_outdated_parameters_is_renewed_at_log_in():
    """Parameters grow with hardware; only the log-in sees the password."""
    weak = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=64),)).hash("correct horse")

    matches, renewed = await verify_password("correct horse", weak)

    assert matches
    assert renewed is not None
    assert await verify_password("correct horse", renewed) == (True, None)


async def test_an_unknown_person_costs_one_verification_too(monkeypatch: pytest.MonkeyPatch):
    """Or the time of the answer would tell who has an account."""
    verified = []
    real = passwords._hasher.verify_and_update

    def spy(password: str, stored: str) -> tuple[bool, str | None]:
        verified.append(stored)
        return real(password, stored)

    monkeypatch.setattr(passwords._hasher, "verify_and_update", spy)

    outcome = await verify_password("the password of nobody", None)

    assert outcome == (False, None)
    assert [stored.split("$")[3] for stored in verified] == [(await hash_password("any")).split("$")[3]]


async def test_a_flood_of_log_ins_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch):
    """Each waiting one holds memory; none is refused for ever."""
    monkeypatch.setattr(passwords, "WAITING_MAX", 2)

    outcomes = await asyncio.gather(*(hash_password("a password") for _ in range(5)), return_exceptions=True)

    assert sum(isinstance(outcome, Busy) for outcome in outcomes) == 3
    assert isinstance(await hash_password("a password"), str)


@pytest.mark.parametrize("password", ["", "x" * 9, "x" * 201])
def test_passwords_have_a_length(password: str):
    """Short ones are guessed, endless ones cost the server."""
    with pytest.raises(InvalidInput):
        check_password(password)


def test_passwords_of_10_and_of_200_characters_will_do():
    """The bounds themselves are in."""
    check_password("x" * 10)
    check_password("x" * 200)


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        (" Ann@Acme.Example ", "ann@acme.example"),
        ("o'hara+crm@mail.acme.example", "o'hara+crm@mail.acme.example"),
        ("ann@acme", None),
        ("ann@@acme.example", None),
        ("ann@acme..example", None),
        ("ann smith@acme.example", None),
        ("ann\x00@acme.example", None),
        ("a" * 250 + "@acme.example", None),
        ("", None),
    ],
)
def test_an_email_is_stored_in_lower_case_if_it_can_be_one(typed: str, stored: str | None):
    """People type it differently each time."""
    assert parse_email(typed) == stored


def test_nobody_acts_for_somebody_above_them():
    """A code drawn for an owner's device lends an owner's rights."""
    reach = {role: {other for other in ROLES if may_manage(role, other)} for role in ROLES}

    assert reach == {
        "rep": set(),
        "billing": set(),
        "manager": {"rep"},
        "admin": {"rep", "manager", "billing", "admin"},
        "owner": set(ROLES),
    }
