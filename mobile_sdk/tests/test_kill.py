"""Real `kill -9` at random moments, a hundred times on one file (promise S1: nothing acknowledged is lost)."""

# ruff: noqa: S311  (chance, not cryptography)

import json
import os
import random
import signal
import time

import pytest
from outrider_sdk import MemoryCredentials, Replica
from sdk_crashes import Zygote
from sdk_fakes import FakeServer, credentials, stock_shop
from sdk_http import HttpServer

ROUNDS = 100


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is POSIX")
def test_a_hundred_kills_lose_nothing_that_was_acknowledged(tmp_path):
    """What the SDK returned from is what a rep believes is safe; batteries and systems kill apps without asking."""
    path = tmp_path / "crm.db"
    fake = FakeServer(page_size=40)
    shop = stock_shop(fake)
    http = HttpServer(fake)
    zygote = Zygote("sdk_zygote.py")
    acknowledged, lengths = {}, []
    try:
        with open_replica(path, http) as crm:
            crm.sync()
        for number in range(ROUNDS):
            is_online = number % 3 == 2
            with http.guard:
                for _ in range(30 * is_online):
                    touch(fake, shop)
            kill_one(zygote, path, http.url if is_online else "-", acknowledged)
            lengths.append(look(path, http, acknowledged, shop["contact"], sync=number % 10 == 9))
        with http.guard:
            http.faults.clear()
        with open_replica(path, http) as crm:
            crm.sync()
            crm.sync()
            assert crm.verify() == []
            assert crm.query("SELECT * FROM sync_shadow") == []
            contacts = {key: row["revision"] for (name, key), row in fake.rows.items() if name == "contact"}
            assert {row.id: row.revision for row in crm.contacts.list()} == contacts
        assert fake.applied_through == lengths[-1]
    finally:
        zygote.end()
        http.close()
    assert len(acknowledged) > ROUNDS // 2


def touch(fake, shop):
    """Somebody else's change, so that a reveal has something to do."""
    fake.put("product", id=random.choice([shop["tea"], shop["jam"]]), description=str(random.random()))


def open_replica(path, http):
    return Replica.open(path, credentials=MemoryCredentials(credentials(http.url)))


def kill_one(zygote, path, url, acknowledged):
    """Let a worker work for some milliseconds, kill it, and note what it had acknowledged."""
    zygote.order(f"{path} {url}")
    pid = int(zygote.hear()[1])
    lines = []
    for _ in range(
        random.choice([0, 1, 2, 2, 2, 2])
    ):  # to die while it opens the file, or after it is open, or at work
        lines.append(zygote.hear())
    time.sleep(random.uniform(0.005, 0.030) if url == "-" else random.uniform(0.020, 0.060))
    os.kill(pid, signal.SIGKILL)
    while lines[-1:] != [["dead"]]:
        lines.append(zygote.hear())
    for words in lines:
        assert words[:1] != ["error"], words
        if words[:1] == ["ack"]:
            assert int(words[1]) not in acknowledged
            acknowledged[int(words[1])] = words[2]


def look(path, http, acknowledged, contact, *, sync):
    """Open what the kill left, and compare it with the plain story: the outbox, told from its beginning."""
    with open_replica(path, http) as crm:
        assert crm.verify() == []
        outbox = crm.query("SELECT number, changes FROM sync_outbox ORDER BY number")
        told = [(row["number"], json.loads(row["changes"])) for row in outbox]
        assert [number for number, _ in told] == list(range(1, len(told) + 1))
        named = {number: changes[0]["fields"]["name"]["value"] for number, changes in told}
        assert {number: named[number] for number in acknowledged} == acknowledged
        assert len(named) <= len(acknowledged) + unacknowledged(acknowledged, named)
        if named:
            assert crm.contacts.get(contact).name == named[len(named)]
        creates = [c for _, changes in told for c in changes if c["op"] == "create" and c["entity"] == "contact"]
        assert crm.contacts.count(where={"name": "made"}) == len(creates)
        orders = [c["id"] for _, changes in told for c in changes if c["op"] == "intent"]
        assert crm.orders.count(where={"status": "draft"}) == 0
        assert {row.id: row.total_minor for row in crm.orders.list()} == dict.fromkeys(orders, 1500)
        if sync:
            crm.sync()
        return len(told)


def unacknowledged(acknowledged, named):
    """Transactions that were committed, and whose worker died before it could say so: at most one a round."""
    late = named.keys() - acknowledged.keys()
    assert len(late) <= ROUNDS
    return len(late)
