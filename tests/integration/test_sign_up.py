"""From sign-up to a workspace in which the owner works, on a real PostgreSQL; mail goes into a folder."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner

from server import clock, mail
from server.auth import commands as auth
from server.auth.tokens import keys
from server.billing import links
from server.billing.sign_up import commands, service
from server.cli.sign_up import sign_up as sign_up_command
from server.connections import Databases
from server.db import TenantRef
from server.tenants import jobs as tenant_jobs
from server.tenants.entitlements import current, load_entitlements
from server.tenants.service import create_tenant, keep_spares
from tests.integration.sign_up_world import (
    GENEROUS,
    LINKS,
    PASSWORD,
    ask,
    letters,
    mails_waiting,
    make_app,
    platform,
    run_mail,
    signed_up,
    token_in,
    wish,
)

pytestmark = pytest.mark.usefixtures("cheap_hashes")


@pytest.fixture(autouse=True)
async def installation(owner_urls: dict[str, str], databases: Databases, tmp_path: Path) -> AsyncIterator[Path]:
    """Spares, mail into a folder, and the settings of a worker."""
    await keep_spares(owner_urls, count=1)
    mail.use(mail.MailSettings(f"folder:{tmp_path / 'mail'}", "crm.example"))
    links.use(LINKS)
    tenant_jobs.use(owner_urls)
    yield tmp_path / "mail"
    mail.use(None)
    links.use(None)
    tenant_jobs.use(None)


async def entitlement_of(tenant_id: Any, at: Any = None) -> Any:
    async with service_transaction():
        return current(await load_entitlements(tenant_id), at or clock.now())


def service_transaction() -> Any:
    from server.db import platform_transaction

    return platform_transaction()


async def test_a_stranger_becomes_the_owner_of_a_workspace_with_a_trial(installation: Path):
    """The whole way, with no payment provider anywhere: an owner who can log in, and 14 days of the trial's tier."""
    wanted, token = await signed_up(installation)

    status, opened = await ask("POST", "/sign-up/confirm", {"token": token, "password": PASSWORD})

    assert (status, opened["slug"]) == (200, wanted["slug"])
    assert (await keys.verify(opened["access_token"])).role == "owner"
    person = await auth.log_in(wanted["slug"], wanted["email"], PASSWORD)
    assert (str(person.member_id), person.role) == (opened["member_id"], "owner")
    [account] = await platform("SELECT * FROM billing_account WHERE tenant_id = $1", person.tenant.id)
    assert (account["email"], account["currency"], account["provider"]) == (wanted["email"], "KZT", None)
    now = await entitlement_of(person.tenant.id)
    later = await entitlement_of(person.tenant.id, clock.now() + timedelta(days=14, minutes=1))
    assert [(each.state, each.plan) for each in (now, later)] == [("trialing", "business"), ("active", "free")]


async def test_the_same_link_again_gives_the_same_workspace(installation: Path):
    """A lost reply, or a second click, makes no second company; and an old mail is no way in."""
    _, token = await signed_up(installation)

    first, second = [
        (await ask("POST", "/sign-up/confirm", {"token": token, "password": PASSWORD}))[1] for _ in range(2)
    ]
    with clock.frozen(clock.now() + timedelta(hours=2)):
        _, later = await ask("POST", "/sign-up/confirm", {"token": token, "password": PASSWORD})
    with clock.frozen(clock.now() + timedelta(hours=49)):
        over, _ = await ask("POST", "/sign-up/confirm", {"token": token, "password": PASSWORD})

    assert first["tenant_id"] == second["tenant_id"] == later["tenant_id"]
    assert later["access_token"] is None
    assert over == 404


async def test_two_clicks_at_once_open_one_workspace(installation: Path, owner_urls: dict[str, str]):
    """The second waits for the first, and finds what it made."""
    await keep_spares(owner_urls, count=3)
    wanted, token = await signed_up(installation)

    replies = await asyncio.gather(
        *(ask("POST", "/sign-up/confirm", {"token": token, "password": PASSWORD}) for _ in range(3))
    )

    assert {status for status, _ in replies} == {200}
    assert len({reply["tenant_id"] for _, reply in replies}) == 1
    assert len(await platform("SELECT FROM tenant WHERE slug = $1", wanted["slug"])) == 1
    assert len(await platform("SELECT FROM membership m JOIN identity i ON i.id = m.identity_id WHERE i.email = $1",
                              wanted["email"])) == 1  # fmt: skip


@pytest.mark.parametrize("step", ["admit", "end_sign_up"])
async def test_a_crash_between_the_steps_is_completed_by_the_same_call(
    installation: Path, step: str, monkeypatch: pytest.MonkeyPatch
):
    """Nobody is left with half a workspace and an address that is taken, by themselves."""
    wanted, token = await signed_up(installation)
    with monkeypatch.context() as patch:
        patch.setattr(auth if step == "admit" else service, step, _crash)
        with pytest.raises(ZeroDivisionError):
            await commands.open_workspace(token, PASSWORD)

    opened = await commands.open_workspace(token, PASSWORD)

    assert opened.tenant.slug == wanted["slug"]
    assert (await auth.log_in(wanted["slug"], wanted["email"], PASSWORD)).role == "owner"


async def _crash(*_: Any, **__: Any) -> None:
    raise ZeroDivisionError


async def test_a_slug_that_was_taken_meanwhile_is_chosen_anew_without_another_proof(
    installation: Path, owner_urls: dict[str, str]
):
    """The mailbox is proven: only the address is asked for again."""
    wanted, token = await signed_up(installation)
    await create_tenant(owner_urls, slug=wanted["slug"], name="Faster")
    await keep_spares(owner_urls, count=1)

    refused = await ask("POST", "/sign-up/confirm", {"token": token, "password": PASSWORD})
    reserved = await ask("POST", "/sign-up/confirm", {"token": token, "password": PASSWORD, "slug": "admin"})
    other = f"{wanted['slug']}-2"
    status, opened = await ask("POST", "/sign-up/confirm", {"token": token, "password": PASSWORD, "slug": other})

    assert (refused[0], refused[1]["code"]) == (409, "slug_taken")
    assert (reserved[0], reserved[1]["errors"][0]["field"]) == (400, "slug")
    assert (status, opened["slug"]) == (200, other)


async def test_without_a_spare_the_workspace_is_built_by_a_job_and_the_link_stays_good(
    installation: Path, owner_urls: dict[str, str]
):
    """The web process owns no database: it asks who does, and says when to come back."""
    _, token = await signed_up(installation)
    await platform("UPDATE tenant SET status = 'suspended' WHERE status = 'spare'")

    waiting = await ask("POST", "/sign-up/confirm", {"token": token, "password": PASSWORD})
    [job] = await platform("SELECT FROM dramatiq.queue WHERE message->>'actor_name' = 'build_spares' LIMIT 1")
    await tenant_jobs.build_spares.fn.__wrapped__()
    status, _ = await ask("POST", "/sign-up/confirm", {"token": token, "password": PASSWORD})

    assert job is not None
    assert (waiting[0], waiting[1]["code"], waiting[1]["retry_after_s"]) == (503, "busy", 5)
    assert status == 200


async def test_with_the_mail_server_down_the_sign_up_waits_says_so_and_is_sent_again(
    installation: Path, monkeypatch: pytest.MonkeyPatch
):
    """Nothing that the person typed is lost, and they are told."""
    wanted = wish()
    _, reply = await ask("POST", "/sign-up", wanted)
    monkeypatch.setattr(mail, "send", _refuse)
    with pytest.raises(ConnectionRefusedError):  # the broker tries the job again
        await run_mail(reply["id"])
    monkeypatch.undo()

    with clock.frozen(clock.now() + timedelta(minutes=5)):
        _, late = await ask("GET", f"/sign-up/{reply['id']}")
    await ask("POST", "/sign-up/resend", {"email": wanted["email"].upper()})
    await run_mail(reply["id"], 2)
    await run_mail(reply["id"], 1)  # the first job, at last: what it would say was said
    _, mailed = await ask("GET", f"/sign-up/{reply['id']}")

    assert [view["state"] for view in (reply, late, mailed)] == ["waiting", "late", "mailed"]
    assert "Nothing is lost" in late["message"]
    assert await mails_waiting(reply["id"]) == 2
    [message] = letters(installation)
    assert (await ask("POST", "/sign-up/confirm", {"token": token_in(message), "password": PASSWORD}))[0] == 200


async def _refuse(*_: Any) -> None:
    raise ConnectionRefusedError


async def test_the_reply_does_not_tell_whether_an_address_is_known(installation: Path, tenant: TenantRef):
    """Nobody learns from here who our customers are, nor who signed up."""
    known = f"known-{uuid4().hex[:8]}@example.com"
    await auth.add_member(tenant, email=known, name="Ann", role="owner", password=PASSWORD)

    replies = [await ask("POST", "/sign-up", wish(email=email)) for email in (known, "nobody-knows@example.com")]
    resent = [await ask("POST", "/sign-up/resend", {"email": email}) for email in (known, "a@b.example", "none")]

    assert [status for status, _ in replies] == [202, 202]
    assert [{k: v for k, v in reply.items() if k != "id"} for _, reply in replies] == [
        {"state": "waiting", "message": "We are sending you a link."}
    ] * 2
    assert resent[0] == resent[1]


async def test_who_logs_in_already_opens_another_workspace_with_their_own_password(
    installation: Path, tenant: TenantRef
):
    """The link proves the mailbox; a stranger who typed the address gets nobody's log-in replaced, nor shared."""
    email = f"{uuid4().hex[:8]}@example.com"
    await auth.add_member(tenant, email=email, name="Ann", role="rep", password="the password of Ann")
    wanted, token = await signed_up(installation, email=email)

    wrong = await ask("POST", "/sign-up/confirm", {"token": token, "password": "a stranger's password"})
    status, _ = await ask("POST", "/sign-up/confirm", {"token": token, "password": "the password of Ann"})

    assert (wrong[0], wrong[1]["code"]) == (409, "email_taken")
    assert status == 200
    assert (await auth.log_in(wanted["slug"], email, "the password of Ann")).role == "owner"
    with pytest.raises(auth.LoginFailed):
        await auth.log_in(wanted["slug"], email, "a stranger's password")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "no address"),
        ("name", "   "),
        ("company", "a\nb"),
        ("slug", "No Slug"),
        ("slug", "admin"),
        ("slug", "spare-1"),
        ("language", "xx"),
        ("country", "kz"),
        ("currency", "XXX"),
        ("timezone", "Mars/Base"),
    ],
)
async def test_what_is_wrong_is_named_by_its_field(field: str, value: str):
    """All the rest that was typed stays good."""
    status, problem = await ask("POST", "/sign-up", wish(**{field: value}))

    assert (status, [each["field"] for each in problem["errors"]]) == (400, [field])


async def test_a_slug_is_free_taken_or_kept(tenant: TenantRef):
    """People see it while they type."""
    views = [(await ask("GET", f"/sign-up/slugs/{slug}"))[1] for slug in (wish()["slug"], tenant.slug, "admin", "-")]

    assert [view["available"] for view in views] == [True, False, False, False]
    assert views[0]["reason"] is None
    assert (await ask("POST", "/sign-up", wish(slug=tenant.slug)))[1]["code"] == "slug_taken"


async def test_nobodys_mailbox_is_flooded(installation: Path):
    """Neither by signing up again and again, nor by asking for the link again."""
    email = f"{uuid4().hex[:8]}@example.com"
    replies = [await ask("POST", "/sign-up", wish(email=email)) for _ in range(6)]
    for _ in range(9):
        await ask("POST", "/sign-up/resend", {"email": email})

    assert [status for status, _ in replies] == [202] * 5 + [429]
    assert replies[-1][1]["code"] == "too_many_sign_ups"
    assert await mails_waiting(replies[4][1]["id"]) == service.MAILS_MAX


async def test_one_network_address_signs_up_so_often_a_minute():
    """A script in a loop is told to stop."""
    from server.billing.sign_up.handlers import SignUpLimits

    app = make_app(SignUpLimits(sign_up=2))

    statuses = [(await ask("POST", "/sign-up", wish(), app))[0] for _ in range(3)]

    assert statuses == [202, 202, 429]


@pytest.mark.parametrize("token", ["", "x", "A" * 54, "é" * 20])
async def test_a_guessed_link_opens_nothing(token: str):
    """Nor does it say why."""
    status, problem = await ask("POST", "/sign-up/confirm", {"token": token, "password": PASSWORD})

    assert (status, problem["code"]) in {(404, "sign_up_unknown"), (400, "bad_request"), (400, "invalid_input")}


@pytest.mark.parametrize(("language", "words"), [("en", "Hello Ann"), ("ru", "Здравствуйте"), ("kk", "Сәлеметсіз")])
async def test_the_letter_is_in_the_persons_language(installation: Path, language: str, words: str):
    """And names what it opens and until when."""
    wanted, _ = await signed_up(installation, language=language)

    [message] = letters(installation)
    text = message.get_content()
    assert words in text
    assert wanted["slug"] in text
    assert "14" in text


async def test_the_password_is_chosen_with_the_link(installation: Path):
    """One typed earlier could be that of a stranger who typed the address of somebody else, and would then log in."""
    wanted, token = await signed_up(installation)

    early = await ask("POST", "/sign-up", wish(password=PASSWORD))
    without = await ask("POST", "/sign-up/confirm", {"token": token})
    short = await ask("POST", "/sign-up/confirm", {"token": token, "password": "short"})
    status, _ = await ask("POST", "/sign-up/confirm", {"token": token, "password": PASSWORD})

    assert [code for code, _ in (early, without)] == [400, 400]
    assert (short[0], short[1]["errors"][0]["field"]) == (400, "password")
    assert status == 200
    assert (await auth.log_in(wanted["slug"], wanted["email"], PASSWORD)).role == "owner"


def test_the_operators_command_says_what_it_wants():
    """Its help names each option."""
    text = CliRunner().invoke(sign_up_command, ["--help"]).output

    assert all(option in text for option in ("--email", "--company", "--timezone", "--no-mail"))


async def test_what_came_to_nothing_is_forgotten(installation: Path):
    """An address that nobody proved is nobody's customer."""
    _, reply = await ask("POST", "/sign-up", wish(), GENEROUS)

    with clock.frozen(clock.now() + timedelta(days=33)):
        async with service_transaction():
            await service.forget_old_sign_ups()

    assert await platform("SELECT FROM sign_up WHERE id::text = $1", reply["id"]) == []
