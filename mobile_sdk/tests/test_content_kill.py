"""Real `kill -9` while contents of attachments are captured, sent and fetched: no photo is lost, no byte goes twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from outrider_sdk import MemoryCredentials, Replica
from sdk_contents import assert_nothing_is_open, content_of, from_office, needs_sqlcipher
from sdk_crashes import STRIDE, run_mortal
from sdk_fakes import FakeServer, credentials, stock_shop
from sdk_http import HttpServer
from sdk_mortal import KEY, PHOTO

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are POSIX")
PLAN = b"The plan of the shop. " * 40_000

_CHILD = """
import sys
from outrider_sdk import MemoryCredentials, Replica
sys.path.insert(0, sys.argv[3])
from sdk_fakes import credentials
with Replica.open(sys.argv[1], credentials=MemoryCredentials(credentials(sys.argv[2]))) as crm:
    made = crm.attachments.add(crm.accounts.list()[0], bytes(range(256)) * 32_768, name="large.png")
    print(made.id, flush=True)
    crm.sync()
"""


def test_s1_kill_9_in_the_middle_of_an_upload_costs_no_byte_twice(tmp_path, server, http):
    """The system kills the app in the background; the next start goes on from what the server has."""
    path, content = tmp_path / "crm.db", bytes(range(256)) * 32_768
    stock_shop(server)
    with Replica.open(path, credentials=MemoryCredentials(credentials(http.url))) as crm:
        crm.sync()
    http.contents.slow_s = 0.05
    here = str(Path(__file__).parent)
    child = subprocess.Popen([sys.executable, "-c", _CHILD, path, http.url, here], stdout=subprocess.PIPE, text=True)
    row_id = child.stdout.readline().strip()
    while len(http.contents.taken) < 3:
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    child.stdout.close()
    time.sleep(0.2)  # what the server still has in its hands
    before = len(http.contents.taken)
    http.contents.slow_s = 0

    with Replica.open(path, credentials=MemoryCredentials(credentials(http.url))) as crm:
        report = crm.sync()

    assert 3 <= before < 8
    assert report.contents_uploaded == 1
    assert http.contents.uploaded[row_id] == content
    assert sum(size for _, size in http.contents.taken) == len(content)


class Phone:
    """An encrypted replica that has synced once, and its server."""

    def __init__(self, folder, *, content=None):
        folder.mkdir()
        self.folder, self.path = folder, folder / "crm.db"
        self.http = HttpServer(FakeServer())
        shop = stock_shop(self.http.fake)
        self.row_id = None if content is None else from_office(self.http, shop, content)
        with self.open() as crm:
            crm.sync()

    def open(self):
        return Replica.open(self.path, credentials=MemoryCredentials(credentials(self.http.url)), key=KEY)


@pytest.fixture
def make_phone(tmp_path, monkeypatch):
    monkeypatch.setattr("outrider_sdk.contents.PAUSE_S", 0)
    made = []

    def make(**options):
        made.append(Phone(tmp_path / str(len(made)), **options))
        return made[-1]

    yield make
    for phone in made:
        phone.http.close()


def kills(mortals, make_phone, act, kind, stride, **options):
    """Phones whose app was killed before a step, one for each step; with whether a photo was acknowledged."""
    counted = make_phone(**options)
    _, taken = run_mortal(mortals, counted.path, counted.http.url, kind, 0, act=act)
    for at in range(1, taken[kind] + 1, stride):
        phone = make_phone(**options)
        is_kept, alive = run_mortal(mortals, phone.path, phone.http.url, kind, at, act=act)
        assert alive is None, at
        yield at, phone, is_kept
        phone.http.close()


@needs_sqlcipher
@pytest.mark.parametrize(("kind", "stride"), [("file", 1), ("statement", STRIDE)])
def test_s1_a_kill_at_any_step_of_a_capture_or_an_upload_loses_no_photo(mortals, make_phone, kind, stride):
    """What was acknowledged is here, and arrives; what was not is there whole or not at all; nothing is in the open."""
    for at, phone, is_kept in kills(mortals, make_phone, "attach", kind, stride):
        assert_nothing_is_open(phone.folder, PHOTO)
        with phone.open() as crm:
            rows = crm.attachments.list()
            assert len(rows) == 1 or not (is_kept or rows), at
            assert [content_of(crm, row.id) for row in rows] == [PHOTO] * len(rows), at
            crm.sync()
            assert crm.attachments.pending() == [], at
            assert list(phone.http.contents.uploaded.values()) == [PHOTO] * len(rows), at
        assert len(list((phone.folder / "crm.db.files").glob("*"))) == len(rows), at


@needs_sqlcipher
@pytest.mark.parametrize(("kind", "stride"), [("file", 1), ("statement", STRIDE)])
def test_s1_a_kill_at_any_step_of_a_download_leaves_it_to_be_fetched(mortals, make_phone, kind, stride):
    """Opened again, it is what the office attached."""
    for at, phone, _ in kills(mortals, make_phone, "fetch", kind, stride, content=PLAN):
        assert_nothing_is_open(phone.folder, PLAN)
        with phone.open() as crm:
            crm.sync()
            assert content_of(crm, phone.row_id) == PLAN, at
            crm.sync()
        assert len(list((phone.folder / "crm.db.files").glob("*"))) == 1, at
