"""Members and their log-in: what joining leaves behind, and whom it lets in."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from server.auth import commands, service
from server.auth.commands import add_member, log_in
from server.auth.service import EmailTaken, LoginFailed
from server.auth.tables import Member
from server.db import Actor, TenantRef, connection, platform_transaction, tenant_transaction, tenant_write
from server.errors import InvalidInput

pytestmark = pytest.mark.usefixtures("cheap_hashes")


PASSWORD = "correct horse battery"


def new_email() -> str:
    return f"ann-{uuid4().hex[:10]}@acme.example"


async def join(tenant: TenantRef, email: str, *, role: str = "rep", password: str = PASSWORD) -> UUID:
    return await add_member(tenant, email=email, name="Ann", role=role, password=password)


async def members(tenant: TenantRef) -> list[Member]:
    async with tenant_transaction(tenant):
        return await Member.objects()


async def execute(tenant: TenantRef, sql: str, *args: object) -> None:
    async with tenant_write(tenant, by=Actor()):
        await connection().execute(sql, *args)


async def test_a_member_logs_in_with_the_email_as_they_type_it(tenant: TenantRef):
    """Capitals and blanks come from keyboards, not from people."""
    email = new_email()
    member_id = await join(tenant, email, role="manager")

    person = await log_in(tenant.slug, f" {email.upper()}", PASSWORD)

    assert (person.tenant, person.member_id, person.role) == (tenant, member_id, "manager")


async def test_joining_twice_at_once_makes_one_member(tenant: TenantRef):
    """A doubled click, or a job delivered twice."""
    email = new_email()

    ids = await asyncio.gather(*(join(tenant, email) for _ in range(4)))

    assert len(set(ids)) == 1
    assert len(await members(tenant)) == 1


@pytest.mark.parametrize("step", ["create_member", "link_member"])
async def test_a_crash_while_joining_is_completed_by_a_second_call(
    tenant: TenantRef, monkeypatch: pytest.MonkeyPatch, step: str
):
    """Between two databases there is no common transaction: what is half done lets nobody in, and can be finished."""
    email = new_email()

    async def crash(*args: object, **kwargs: object) -> UUID:
        raise ConnectionError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr(service, step, crash)
        with pytest.raises(ConnectionError):
            await join(tenant, email)
    with pytest.raises(LoginFailed):
        await log_in(tenant.slug, email, PASSWORD)

    member_id = await join(tenant, email)

    assert (await log_in(tenant.slug, email, PASSWORD)).member_id == member_id
    assert len(await members(tenant)) == 1


async def test_joining_again_changes_no_role(tenant: TenantRef):
    """An owner is not demoted by a colleague who invites them as a rep."""
    email = new_email()
    await join(tenant, email, role="owner")

    await join(tenant, email, role="rep")

    assert [member.role for member in await members(tenant)] == ["owner"]


async def test_joining_revives_a_member_who_left(tenant: TenantRef):
    """With the id by which their orders know them, and the role of now."""
    email = new_email()
    member_id = await join(tenant, email, role="owner")
    await execute(tenant, "UPDATE member SET active = false")

    again = await join(tenant, email, role="rep")

    assert again == member_id
    assert (await log_in(tenant.slug, email, PASSWORD)).role == "rep"


async def test_one_person_is_a_member_of_two_tenants(new_tenant: Callable[[], Awaitable[TenantRef]]):
    """One identity and one password, two members who know nothing of each other."""
    first, second, email = await new_tenant(), await new_tenant(), new_email()

    ids = [await join(first, email, role="owner"), await join(second, email)]

    assert ids[0] != ids[1]
    assert [(await log_in(t.slug, email, PASSWORD)).member_id for t in (first, second)] == ids


async def test_joining_an_email_that_somebody_holds_takes_their_password(
    new_tenant: Callable[[], Awaitable[TenantRef]],
):
    """Whoever registers a stranger's e-mail first is not let into the tenant that later adds the stranger."""
    squatters, tenant, email = await new_tenant(), await new_tenant(), new_email()
    await join(squatters, email, password="known to the squatter")

    with pytest.raises(EmailTaken):
        await join(tenant, email, role="owner")

    assert await members(tenant) == []
    with pytest.raises(LoginFailed):
        await log_in(tenant.slug, email, "known to the squatter")


async def test_whatever_is_wrong_with_a_log_in_it_fails_in_the_same_words(
    tenant: TenantRef, new_tenant: Callable[[], Awaitable[TenantRef]], monkeypatch: pytest.MonkeyPatch
):
    """And after one verification of a hash: neither words nor time tell who has an account."""
    other, email, former = await new_tenant(), new_email(), new_email()
    await join(tenant, email)
    former_id = await join(tenant, former)
    await execute(tenant, "UPDATE member SET active = false WHERE id = $1", former_id)
    verified = []
    real = commands.verify_password

    async def spy(password: str, stored_hash: str | None) -> tuple[bool, str | None]:
        verified.append(stored_hash)
        return await real(password, stored_hash)

    monkeypatch.setattr(commands, "verify_password", spy)
    attempts = [
        (tenant.slug, email, "wrong password"),
        (tenant.slug, new_email(), PASSWORD),
        (tenant.slug, "no e-mail", PASSWORD),
        (other.slug, email, PASSWORD),
        ("nobody-has-this", email, PASSWORD),
        ("\x00", email, PASSWORD),
        (tenant.slug, former, PASSWORD),
    ]

    said = set()
    for slug, address, password in attempts:
        with pytest.raises(LoginFailed) as failure:
            await log_in(slug, address, password)
        said.add((failure.value.message, failure.value.code))

    assert len(said) == 1
    assert len(verified) == len(attempts)


async def test_a_suspended_tenant_lets_nobody_in(tenant: TenantRef):
    """Until it is active again."""
    email = new_email()
    await join(tenant, email)
    async with platform_transaction():
        await connection().execute("UPDATE tenant SET status = 'suspended' WHERE id = $1", tenant.id)

    with pytest.raises(LoginFailed):
        await log_in(tenant.slug, email, PASSWORD)


async def test_a_weak_hash_is_renewed_when_its_owner_logs_in(tenant: TenantRef):
    """Old parameters go without anybody noticing."""
    email = new_email()
    await join(tenant, email)
    weak = Argon2Hasher(time_cost=1, memory_cost=64).hash(PASSWORD)
    async with platform_transaction():
        await connection().execute("UPDATE identity SET password_hash = $1 WHERE email = $2", weak, email)

    await log_in(tenant.slug, email, PASSWORD)

    async with platform_transaction():
        stored = await connection().fetchval("SELECT password_hash FROM identity WHERE email = $1", email)
    assert "m=128," in stored
    await log_in(tenant.slug, email, PASSWORD)


async def test_a_bad_member_is_refused_with_every_bad_field_named(tenant: TenantRef):
    """Before anything is written."""
    with pytest.raises(InvalidInput) as refusal:
        await add_member(tenant, email="ann", name=" ", role="king", password=PASSWORD)

    assert [error["field"] for error in refusal.value.extra["errors"]] == ["email", "name", "role"]
    assert await members(tenant) == []


async def test_a_member_bears_the_mark_of_who_added_them(tenant: TenantRef):
    """The audit asks for it."""
    admin_id = await join(tenant, new_email(), role="admin")

    member_id = await add_member(
        tenant, email=new_email(), name=" Bob ", role="rep", password=PASSWORD, by=Actor(admin_id)
    )

    async with tenant_transaction(tenant):
        member = await service.get_member(member_id)
    assert (member.created_by, member.name) == (admin_id, "Bob")
    assert member.revision > 0
