"""Jobs are sent with the transaction that they belong to, and run for its tenant."""

import contextlib
import json
from typing import Any
from uuid import uuid4

import dramatiq
import pytest

from server import db
from server.broker import _tenant_id, enqueue, job_tenant_id
from server.crm.order.jobs import confirm_order, enqueue_order_confirmation
from server.db import NoTransaction, platform_transaction, tenant_transaction, tenant_write
from tests.integration import job_world
from tests.integration.job_world import Home

pytestmark = pytest.mark.usefixtures("no_ledger")
home, pools = job_world.home, job_world.pools


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
    """Not even one that its sender claims: it would work in a schema that nobody bound it to."""
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


def test_actors_belong_to_the_outbox():
    """An actor of another broker would be sent past it."""
    assert dramatiq.get_broker() is confirm_order.broker
