"""A database of its own for tests of jobs, as a worker takes every job that it finds; orders to confirm, and mail."""

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest
from aiosmtpd.controller import Controller

from server import connections, db, mail
from server.broker import _tenant_id
from server.connections import Databases
from server.crm.order.jobs import confirm_order
from server.db import TenantRef, connection, tenant_write
from server.tenants.schema import app_password, app_url, prepare_database
from server.tenants.service import create_tenant, owner_connection

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
