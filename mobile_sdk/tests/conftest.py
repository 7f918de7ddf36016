"""A replica, a server in memory, and the way between them."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from outrider_sdk import MemoryCredentials, Replica
from sdk_crashes import Zygote
from sdk_fakes import FakeClock, FakeServer, FakeTransport, credentials, stock_shop
from sdk_http import HttpServer


@pytest.fixture
def server():
    return FakeServer()


@pytest.fixture
def http(server):
    """The server, behind HTTP on loopback."""
    running = HttpServer(server)
    yield running
    running.close()


@pytest.fixture
def transport(server):
    return FakeTransport(server)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def open_replica(tmp_path, transport, clock):
    """Opens replicas of one device; all are closed in the end."""
    opened = []

    def open_one(name="crm.db", **options):
        options = {"credentials": MemoryCredentials(credentials()), "transport": transport, "clock": clock} | options
        opened.append(Replica.open(tmp_path / name, **options))
        return opened[-1]

    yield open_one
    for replica in opened:
        replica.close()


@pytest.fixture
def crm(open_replica):
    return open_replica()


@pytest.fixture
def shop(server, crm):
    """Ids of what an order needs, pulled already."""
    ids = stock_shop(server)
    crm.sync()
    return ids


@pytest.fixture(scope="module")
def mortals():
    """Forks workers that end themselves at a step of one's choice (see `sdk_mortal`)."""
    zygote = Zygote("sdk_mortal.py")
    yield zygote
    zygote.end()
