"""The buyer is mailed what became of the order: once, whatever fails."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from dramatiq.errors import Retry

from server import mail, storage
from server.db import tenant_transaction
from tests.integration import job_world
from tests.integration.job_world import Home, Postbox, free_port, make_order, read_mail, run_job

pytestmark = pytest.mark.usefixtures("no_ledger")
home, pools = job_world.home, job_world.pools
mail_folder, postbox = job_world.mail_folder, job_world.postbox


async def test_the_confirmation_tells_lines_quantities_and_total(home: Home, mail_folder: Path):
    """It is what the customer holds us to."""
    await run_job(home.tenant, await make_order(home.tenant))

    [message] = read_mail(mail_folder)
    assert (message["To"], message["Subject"]) == ("buyer@shop.example", "Order A-1")
    assert message["From"] == "Us Ltd <no-reply@crm.example>"
    text = message.get_content()
    assert "- Tea: 12 box, 12.00 USD" in text
    assert "- Tea: 12 box ordered, 5 accepted, 12.00 USD" in text
    assert "Total: 1,234.56 USD" in text


@pytest.mark.parametrize("typed", [None, "no address", "a@b\r\nBcc: all@example.com", "", "<x>"])
async def test_without_a_usable_address_it_goes_to_the_maker(home: Home, mail_folder: Path, typed: str | None):
    """Somebody must hear of it, and a typed address is not to be trusted."""
    await run_job(home.tenant, await make_order(home.tenant, email=typed))

    [message] = read_mail(mail_folder)
    assert message["To"] == "rep@us.example"
    assert message["Bcc"] is None


async def test_twice_and_at_once_it_is_sent_once(home: Home, mail_folder: Path):
    """At least once is what the queue promises; once is what the customer sees."""
    order_id = await make_order(home.tenant)

    outcomes = await asyncio.gather(*(run_job(home.tenant, order_id) for _ in range(8)), return_exceptions=True)
    await run_job(home.tenant, order_id)

    assert len(read_mail(mail_folder)) == 1
    assert {type(outcome) for outcome in outcomes} <= {type(None), Retry}


@pytest.mark.parametrize("status", ["draft", "needs_attention", "refused", "cancelled"])
async def test_what_is_not_settled_is_not_confirmed(home: Home, mail_folder: Path, status: str):
    """The job reads the present state: an order cancelled meanwhile is not confirmed."""
    await run_job(home.tenant, await make_order(home.tenant, status=status))
    await run_job(home.tenant, uuid4())

    assert read_mail(mail_folder) == []


async def test_a_claim_that_lapsed_is_taken_over_under_the_same_message_id(home: Home, mail_folder: Path):
    """The process died between sending and marking: it is sent again, and a mail program shows it once."""
    order_id = await make_order(home.tenant)
    await run_job(home.tenant, order_id)
    [first] = read_mail(mail_folder)
    async with tenant_transaction(home.tenant) as conn:
        await conn.execute("UPDATE sent_message SET sent_at = NULL WHERE key LIKE $1", f"%{order_id}%")

    with pytest.raises(Retry):
        await run_job(home.tenant, order_id)
    await home.let_time_pass()
    await run_job(home.tenant, order_id)

    [again] = read_mail(mail_folder)
    assert again["Message-ID"] == first["Message-ID"]


async def test_s11_a_mail_that_the_restored_database_has_forgotten_is_not_sent_again(
    home: Home, mail_folder: Path, tmp_path: Path
):
    """The order is handed in again after the restore; its customer has had the confirmation."""
    storage.use(tmp_path)
    order_id = await make_order(home.tenant)
    await run_job(home.tenant, order_id)
    async with tenant_transaction(home.tenant) as conn:
        await conn.execute("DELETE FROM sent_message")

    await run_job(home.tenant, order_id)

    assert len(read_mail(mail_folder)) == 1


async def test_by_smtp_it_arrives_and_a_dead_server_is_tried_again(home: Home, postbox: tuple[Postbox, str]):
    """The claim of a failed attempt is given back at once: the retry must not wait for it to lapse."""
    box, url = postbox
    order_id = await make_order(home.tenant)
    mail.use(mail.MailSettings(f"smtp://127.0.0.1:{free_port()}"))
    with pytest.raises(OSError):
        await run_job(home.tenant, order_id)

    mail.use(mail.MailSettings(url))
    await run_job(home.tenant, order_id)
    await run_job(home.tenant, order_id)
    mail.use(None)

    [message] = box.taken
    assert message["To"] == "buyer@shop.example"
    assert message["Message-ID"].endswith("@localhost>")
