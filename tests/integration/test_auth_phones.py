"""Codes that enrol a phone, and the tokens that it goes on with."""

import asyncio
import hashlib
from datetime import timedelta
from uuid import UUID, uuid4

import httpx2
import pytest

from server import clock
from server.auth import credentials
from server.auth.credentials import derive_refresh_token
from server.db import TenantRef, connection, tenant_transaction
from tests.integration import auth_world
from tests.integration.auth_world import (
    SECRET_KEY,
    Person,
    Phone,
    add_person,
    bearer,
    devices_of,
    draw,
    enrolled,
    refusal,
)

pytestmark = pytest.mark.usefixtures("cheap_hashes")
app = auth_world.app
client = auth_world.client
ann = auth_world.ann


async def test_an_enrolled_device_has_all_it_needs(client: httpx2.AsyncClient, ann: Person):
    """And what it needs is what the protocol says."""
    phone = await enrolled(client, ann)

    me = (await client.get("/me", headers=phone.header)).json()
    [row] = await devices_of(ann.tenant)

    assert set(phone.kept) == {
        "device_id", "member_id", "incarnation", "number_prefix", "refresh_token", "access_token", "expires_in",
        "server_time", "after", "lease"}  # fmt: skip
    assert (me["member_id"], me["device_id"]) == (str(ann.id), phone.kept["device_id"])
    assert row["secret_hash"] == hashlib.sha256(phone.secret).digest()
    assert (row["incarnation"], row["last_digest"], len(row["number_prefix"])) == (1, "0" * 64, 4)
    assert abs(phone.kept["server_time"] - clock.to_micros(clock.now())) < 60_000_000


async def test_two_devices_never_share_a_number_prefix(
    client: httpx2.AsyncClient, ann: Person, monkeypatch: pytest.MonkeyPatch
):
    """Their documents' numbers begin with it: chance draws the same one twice, and it is drawn again."""
    drawn = iter(["K7M2", "K7M2", "K7M2", "9XWT"])
    monkeypatch.setattr(credentials, "new_number_prefix", lambda: next(drawn))

    phones = [await enrolled(client, ann) for _ in range(2)]

    assert [phone.kept["number_prefix"] for phone in phones] == ["K7M2", "9XWT"]


async def test_a_code_works_once_also_when_ten_try_it_at_once(client: httpx2.AsyncClient, ann: Person):
    """One device for one code, whoever is quick."""
    code = (await draw(client, ann)).json()["code"]

    replies = await asyncio.gather(*(Phone(client, ann.tenant).enrol(code) for _ in range(10)))

    assert sorted(reply.status_code for reply in replies) == [201] + [403] * 9
    assert len(await devices_of(ann.tenant)) == 1


async def test_bad_codes_fail_in_the_same_words(client: httpx2.AsyncClient, ann: Person):
    """Used, expired or unknown: nobody learns which."""
    used, expired = [(await draw(client, ann)).json()["code"] for _ in range(2)]
    await Phone(client, ann.tenant).enrol(used)
    nowhere = Phone(client, TenantRef(uuid4(), "nobody-has-this", "t"))

    replies = [await Phone(client, ann.tenant).enrol(used), await Phone(client, ann.tenant).enrol("ZZZZZ-ZZZZZ")]
    with clock.frozen(clock.now() + timedelta(minutes=15)):
        replies.append(await Phone(client, ann.tenant).enrol(expired))
    replies.append(await nowhere.enrol(expired))

    assert {reply.text for reply in replies} == {replies[0].text}
    assert refusal(replies[0]) == (403, "code_invalid")


async def test_a_code_is_stored_as_its_hash_alone(client: httpx2.AsyncClient, ann: Person):
    """A backup in the wrong hands enrols nobody."""
    code = (await draw(client, ann)).json()["code"].replace("-", "")

    async with tenant_transaction(ann.tenant):
        stored = await connection().fetchrow("SELECT * FROM device_code")

    assert stored is not None
    assert stored["code_hash"] == hashlib.sha256(code.encode()).digest()
    assert code not in str(stored)


@pytest.mark.parametrize(
    ("role", "other", "status"),
    [
        ("rep", "rep", 403), ("billing", "rep", 403), ("manager", "rep", 201), ("manager", "owner", 403),
        ("admin", "manager", 201), ("admin", "owner", 403), ("owner", "owner", 201),
    ],
)  # fmt: skip
async def test_codes_for_others_are_drawn_by_those_who_look_after_them(
    client: httpx2.AsyncClient, tenant: TenantRef, role: str, other: str, status: int
):
    """A device acts with its member's rights, so nobody draws one for somebody above them."""
    drawer, member = await add_person(tenant, role), await add_person(tenant, other)

    assert (await draw(client, drawer, member.id)).status_code == status


async def test_a_code_for_nobody_is_not_found(client: httpx2.AsyncClient, tenant: TenantRef):
    """Not a 500."""
    assert (await draw(client, await add_person(tenant, "owner"), uuid4())).status_code == 404


async def test_a_refresh_replaces_the_token(client: httpx2.AsyncClient, ann: Person):
    """And the new access token is the same device's."""
    phone = await enrolled(client, ann)

    reply = await phone.refresh(phone.token)

    assert reply.status_code == 200
    assert set(reply.json()) == {"refresh_token", "access_token", "expires_in", "server_time", "lease"}
    assert reply.json()["refresh_token"] != phone.token
    me = await client.get("/me", headers=bearer(reply.json()["access_token"]))
    assert me.json()["device_id"] == phone.kept["device_id"]


async def test_a_lost_reply_is_given_again(client: httpx2.AsyncClient, ann: Person):
    """The network took the reply: the same request gets the same successor, and that one goes on."""
    phone = await enrolled(client, ann)
    lost = (await phone.refresh(phone.token)).json()["refresh_token"]

    again = [(await phone.refresh(phone.token)).json()["refresh_token"] for _ in range(3)]

    assert again == [lost] * 3
    assert (await phone.refresh(lost)).status_code == 200


async def test_ten_refreshes_at_once_agree_on_the_successor(client: httpx2.AsyncClient, ann: Person):
    """An impatient client is no thief."""
    phone = await enrolled(client, ann)

    replies = await asyncio.gather(*(phone.refresh(phone.token) for _ in range(10)))

    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.json()["refresh_token"] for reply in replies}) == 1


async def test_an_older_token_revokes_the_device(client: httpx2.AsyncClient, ann: Person):
    """Somebody else has it; and the revocation stays, though the answer is an error."""
    phone = await enrolled(client, ann)
    second = (await phone.refresh(phone.token)).json()["refresh_token"]
    third = (await phone.refresh(second)).json()["refresh_token"]

    reuse = await phone.refresh(phone.token)

    assert refusal(reuse) == (401, "device_revoked")
    assert refusal(await phone.refresh(third)) == (401, "device_revoked")
    assert refusal(await client.get("/me", headers=phone.header)) == (401, "device_revoked")
    assert (await devices_of(ann.tenant))[0]["revoked_at"] is not None


async def test_a_token_without_proof_revokes_the_device(client: httpx2.AsyncClient, ann: Person):
    """Whoever has the token lacks the secret."""
    phone = await enrolled(client, ann)

    stolen = await phone.refresh(phone.token, "0" * 64)

    assert refusal(stolen) == (401, "device_revoked")
    assert refusal(await phone.refresh(phone.token)) == (401, "device_revoked")


async def test_a_token_not_of_our_making_revokes_nothing(client: httpx2.AsyncClient, ann: Person):
    """Or anybody who knows a device's id could shut it out."""
    phone, other = await enrolled(client, ann), await enrolled(client, ann)
    foreign = derive_refresh_token(UUID(phone.kept["device_id"]), 1, b"another installation's key")
    unknown = Phone(client, ann.tenant)
    unknown.kept = phone.kept | {"device_id": str(uuid4())}

    replies = [await phone.refresh(token) for token in ("x", foreign, other.token)]
    replies.append(await unknown.refresh(derive_refresh_token(UUID(unknown.kept["device_id"]), 1, SECRET_KEY)))

    assert {refusal(reply) for reply in replies} == {(401, "token_invalid")}
    assert (await phone.refresh(phone.token)).status_code == 200


async def test_a_device_goes_on_after_the_server_was_restored(client: httpx2.AsyncClient, ann: Person):
    """The backup knows an older generation; the proof vouches for the newer one."""
    phone = await enrolled(client, ann)
    token = phone.token
    for _ in range(3):
        token = (await phone.refresh(token)).json()["refresh_token"]
    async with tenant_transaction(ann.tenant):
        await connection().execute("UPDATE device SET refresh_generation = 2")

    reply = await phone.refresh(token)

    assert reply.status_code == 200
    assert (await phone.refresh(reply.json()["refresh_token"])).status_code == 200
