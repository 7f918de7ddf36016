"""Jobs are sent with the transaction they belong to, run for its tenant, and have their effect once."""

import asyncio
import contextlib
import importlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import dramatiq
import pytest
from aiosmtpd.controller import Controller
from dramatiq.errors import Retry

from server import connections, db, mail, storage
from server.broker import _tenant_id, broker, enqueue, job_tenant_id
from server.connections import Databases
from server.crm.order.jobs import confirm_order, enqueue_order_confirmation
from server.db import NoTransaction, TenantRef, connection, platform_transaction, tenant_transaction, tenant_write
from server.tenants.schema import app_password, app_url, prepare_database
from server.tenants.service import create_tenant, owner_connection
from server.worker import ACTOR_MODULES, THREADS

pytestmark = pytest.mark.usefixtures("no_ledger")


SECRET = "a-secret-key-for-tests-of-jobs-alone"


@dataclass
class Home:
    """A database of its own: a worker takes every job that it finds in its queue."""

    url: str
    tenant: TenantRef

    async def queue(self) -> list[dict[str, Any]]:
        async with owner_connection(self.url) as owner:
            rows = await owner.fetch("SELECT queue_name, message FROM dramatiq.queue ORDER BY position")
        return [{"queue": row["queue_name"], **json.loads(row["message"])} for row in rows]

    async def clear(self) -> None:
        async with owner_connection(self.url) as owner:
            await owner.execute("DELETE FROM dramatiq.queue")

    async def let_time_pass(self) -> None:
        """As if the dead worker's heartbeat, and its claims, were long ago."""
        async with owner_connection(self.url) as owner:
            await owner.execute("UPDATE dramatiq.worker SET heartbeat_at = heartbeat_at - interval '1 hour'")
            await owner.execute(
                f"UPDATE \"{self.tenant.schema}\".sent_message SET claimed_at = claimed_at - interval '1 hour'"
            )


@pytest.fixture(scope="module")
async def home(owner_urls: dict[str, str]) -> AsyncIterator[Home]:
    name = f"outrider_jobs_{secrets.token_hex(4)}"
    async with owner_connection(owner_urls["main"]) as owner:
        await owner.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    url = urlsplit(owner_urls["main"])._replace(path=f"/{name}").geturl()
    await prepare_database(url, app_password=app_password(SECRET.encode()))
    yield Home(url, await create_tenant({"main": url}, slug="jobs", name="Jobs"))
    async with owner_connection(owner_urls["main"]) as owner:
        await owner.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(autouse=True)
async def pools(home: Home, databases: Databases) -> AsyncIterator[None]:
    """The pools of that database, in the place of the run's."""
    mine = await Databases.connect({"main": app_url(home.url, app_password(SECRET.encode()))}, size_max=10)
    connections.use(mine)
    await home.clear()
    yield
    connections.use(databases)
    await mine.close()


@pytest.fixture
def mail_folder(tmp_path: Path) -> Iterator[Path]:
    """Mail goes into a folder."""
    mail.use(mail.MailSettings(f"folder:{tmp_path / 'mail'}", "crm.example"))
    yield tmp_path / "mail"
    mail.use(None)


def read_mail(folder: Path) -> list[EmailMessage]:
    return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in sorted(folder.glob("*.eml"))]


async def insert(table: str, **values: Any) -> UUID:
    values.setdefault("id", uuid4())
    columns, marks = ", ".join(f'"{c}"' for c in values), ", ".join(f"${i + 1}" for i in range(len(values)))
    await connection().execute(f'INSERT INTO "{table}" ({columns}) VALUES ({marks})', *values.values())
    return values["id"]


async def make_order(
    tenant: TenantRef, *, email: str | None = "buyer@shop.example", status: str = "partly_accepted"
) -> UUID:
    """An order of two lines, of which one is accepted in part."""
    async with tenant_write(tenant, by=db.SYSTEM):
        maker = await insert("member", name="Rep", role="rep", email="rep@us.example")
        product = await insert("product", sku="1", name="Tea", base_unit="piece")
        account = await insert("account", name="Corner Shop")
        ids = {
            "account_id": account,
            "outlet_id": await insert("outlet", name="Corner", account_id=account),
            "legal_entity_id": await insert("legal_entity", name="Us Ltd", currency="USD"),
            "price_list_id": await insert("price_list", name="List", currency="USD"),
            "warehouse_id": await insert("warehouse", name="Depot"),
        }
        of_agreement = {k: ids[k] for k in ("account_id", "legal_entity_id", "price_list_id")}
        ids["agreement_id"] = await insert("agreement", currency="USD", **of_agreement)
        order = await insert(
            "order", number="A-1", maker_id=maker, owner_id=maker, credited_id=maker,
            currency="USD", status=status, total_minor=123_456, **ids,
        )  # fmt: skip
        for position, accepted in enumerate((Decimal(12), Decimal(5))):
            await insert(
                "order_line", order_id=order, position=position, product_id=product, unit="box", quantity=Decimal(12),
                list_price=Decimal(1), amount_minor=1200, quantity_accepted=accepted,
            )  # fmt: skip
        if email is not None:
            contact = await insert("contact", name="Buyer", account_id=account)
            await insert("contact_channel", contact_id=contact, channel_kind="email", value=email)
    return order


async def run_job(tenant: TenantRef, order_id: UUID) -> None:
    """The job itself, on this event loop instead of a worker's."""
    _tenant_id.set(tenant.id)
    await confirm_order.fn.__wrapped__(str(order_id))


async def test_a_rolled_back_order_sends_nothing_and_a_committed_one_does(home: Home):
    """A mail about an order that does not exist cannot be called back."""
    with contextlib.suppress(ZeroDivisionError):
        async with tenant_write(home.tenant, by=db.SYSTEM):
            await enqueue_order_confirmation(uuid4())
            raise ZeroDivisionError
    assert await home.queue() == []

    order_id = uuid4()
    async with tenant_write(home.tenant, by=db.SYSTEM):
        await enqueue_order_confirmation(order_id)
        assert await home.queue() == []

    [job] = await home.queue()
    assert (job["queue"], job["actor_name"], job["args"]) == ("mail", "confirm_order", [str(order_id)])
    assert job["options"] == {"tenant_id": str(home.tenant.id)}


@pytest.mark.parametrize("options", [{"tenant_id": str(uuid4())}, None, [], "x"])
async def test_no_caller_can_forge_the_tenant(home: Home, options: Any):
    """Also SQL that was injected sends jobs in its own tenant's name only."""
    message = {
        "queue_name": "mail",
        "actor_name": "confirm_order",
        "args": [],
        "kwargs": {},
        "message_id": str(uuid4()),
    }
    if options is not None:
        message["options"] = options

    async with tenant_transaction(home.tenant) as conn:
        await conn.execute("SELECT enqueue_job($1, 'mail', $2, 0)", uuid4(), json.dumps(message))

    [job] = await home.queue()
    assert job["options"]["tenant_id"] == str(home.tenant.id)


async def test_a_job_of_the_platform_has_no_tenant(home: Home):
    message = confirm_order.message_with_options(args=("x",), tenant_id=str(uuid4()))

    async with platform_transaction():
        await enqueue(message, delay_ms=60_000)

    [job] = await home.queue()
    assert "tenant_id" not in job["options"]
    _tenant_id.set(None)
    with pytest.raises(RuntimeError, match="No job of a tenant"):
        job_tenant_id()


async def test_sending_past_the_outbox_is_refused():
    """Dramatiq's own `send` would commit apart from the order."""
    with pytest.raises(RuntimeError, match=r"server\.broker\.enqueue"):
        confirm_order.send("x")
    with pytest.raises(NoTransaction):
        await enqueue(confirm_order.message("x"))


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


@dataclass
class Postbox:
    """What a mail server on loopback took; it can be told to hang."""

    taken: list[EmailMessage] = field(default_factory=list)
    attempts: int = 0
    hangs: bool = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.attempts += 1
        while self.hangs:  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.05)
        self.taken.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def postbox() -> Iterator[tuple[Postbox, str]]:
    box = Postbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield box, f"smtp://127.0.0.1:{controller.port}"
    box.hangs = False
    controller.stop()


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


Start = Callable[[str], Awaitable[subprocess.Popen[bytes]]]


@pytest.fixture
async def start_worker(home: Home, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts `outrider worker` with the mail URL given."""
    started: list[subprocess.Popen[bytes]] = []

    async def start(mail_url: str) -> subprocess.Popen[bytes]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("OUTRIDER_")}
        env |= {
            "OUTRIDER_DATABASE_URL": home.url,
            "OUTRIDER_SECRET_KEY": SECRET,
            "OUTRIDER_MAIL_URL": mail_url,
            "OUTRIDER_STATE_DIR": str(tmp_path),
        }
        command = [sys.executable, "-m", "server.cli", "worker"]
        started.append(await asyncio.to_thread(subprocess.Popen, command, env=env))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait()


async def wait_for(condition: Callable[[], Any], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        outcome = condition()
        if (await outcome) if asyncio.iscoroutine(outcome) else outcome:
            return
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def is_queue_empty(home: Home) -> bool:
    return not await home.queue()


async def test_the_worker_runs_committed_jobs_once_and_stops_when_told(home: Home, start_worker: Start, tmp_path: Path):
    """From the commit to the mail, through every part; SIGTERM lets it end in order."""
    folder = tmp_path / "sent"
    orders = [await make_order(home.tenant) for _ in range(3)]
    for order_id in [*orders, *orders]:
        async with tenant_write(home.tenant, by=db.SYSTEM):
            await enqueue_order_confirmation(order_id)

    worker = await start_worker(f"folder:{folder}")
    await wait_for(lambda: len(list(folder.glob("*.eml"))) == 3)
    await wait_for(lambda: is_settled(home))
    worker.send_signal(signal.SIGTERM)

    assert await asyncio.to_thread(worker.wait, 40) == 0
    assert len(list(folder.glob("*.eml"))) == 3


async def is_settled(home: Home) -> bool:
    """Nothing waits but what found another's claim, and looks again later."""
    return all(job["queue"].endswith(".DQ") for job in await home.queue())


async def test_a_worker_killed_while_sending_is_followed_by_one_that_sends_once(
    home: Home, start_worker: Start, postbox: tuple[Postbox, str]
):
    """kill -9 in the middle of the dialogue: nothing had been taken, so the next one hands it over, once."""
    box, url = postbox
    box.hangs = True
    order_id = await make_order(home.tenant)
    async with tenant_write(home.tenant, by=db.SYSTEM):
        await enqueue_order_confirmation(order_id)

    first = await start_worker(url)
    await wait_for(lambda: box.attempts == 1)
    first.kill()
    first.wait()
    await asyncio.sleep(0.2)
    box.taken.clear()
    box.hangs = False
    await asyncio.sleep(0.3)
    box.taken.clear()  # what the server makes of the broken dialogue is not the customer's
    await home.let_time_pass()
    second = await start_worker(url)
    await wait_for(lambda: is_queue_empty(home))
    second.send_signal(signal.SIGTERM)

    assert await asyncio.to_thread(second.wait, 40) == 0
    assert [message["To"] for message in box.taken] == ["buyer@shop.example"]


def test_every_queue_has_a_connection_and_threads_have_some_beside():
    """A consumer keeps its connection: with too few for all, the worker took jobs and could never end them."""
    for module in ACTOR_MODULES:
        importlib.import_module(module)
    consumers = 2 * len(broker.get_declared_queues())  # one for what is delayed

    assert broker.connections_max() >= consumers + THREADS + 2


def test_actors_belong_to_the_outbox():
    """An actor of another broker would be sent past it."""
    assert dramatiq.get_broker() is confirm_order.broker
