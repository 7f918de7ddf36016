"""Contents of attachments beside an encrypted replica: whoever has the phone, and not the key, has no photo either."""

import os
import threading

import pytest
from outrider_sdk import MemoryCredentials, Replica, content_files
from outrider_sdk.encryption import encrypted_connection
from outrider_sdk.errors import ContentDamaged, Offline, StorageFailed, WrongKey
from sdk_contents import KEY, assert_nothing_is_open, attach, content_of, from_office, needs_sqlcipher
from sdk_fakes import credentials, stock_shop

pytestmark = needs_sqlcipher
PHOTO = bytes(range(251)) * 3_000
PLAN = b"The plan of the shop. " * 40_000


@pytest.fixture
def shop(http):
    return stock_shop(http.fake)


@pytest.fixture
def open_crm(tmp_path, http):
    opened = []

    def open_one(key=KEY, **options):
        held = MemoryCredentials(credentials(http.url))
        opened.append(Replica.open(tmp_path / "crm.db", credentials=held, key=key, **options))
        return opened[-1]

    yield open_one
    for replica in opened:
        replica.close()


@pytest.fixture
def crm(open_crm, shop, monkeypatch):
    monkeypatch.setattr("outrider_sdk.contents.PAUSE_S", 0)
    opened = open_crm()
    opened.sync()
    return opened


def file_of(crm, row_id):
    return crm.attachments._folder.file(crm.attachments.get(row_id).sha256)


def test_s6_no_file_has_a_byte_of_what_was_captured_or_fetched(crm, http, shop, tmp_path):
    """A photo of a shelf, a scanned contract: as much a company's as its list of customers."""
    made, sent = attach(crm, PHOTO), from_office(http, shop, PLAN)
    crm.sync()
    assert content_of(crm, sent) == PLAN
    assert content_of(crm, made.id) == PHOTO

    assert_nothing_is_open(tmp_path, PHOTO, PLAN)
    crm.close()
    files = assert_nothing_is_open(tmp_path, PHOTO, PLAN)

    assert sum(path.stat().st_size for path in files if path.parent.name == "crm.db.files") > len(PHOTO) + len(PLAN)
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "crm.db.files").iterdir())


def test_s6_what_has_arrived_of_a_download_is_not_in_the_open_either_and_is_gone_on_with(
    crm, http, shop, tmp_path, open_crm
):
    """The line broke in the lift; the phone was left in the taxi, or it was not."""
    row_id = from_office(http, shop, PLAN)
    crm.sync()
    http.contents.faults.append("cut")
    with pytest.raises(Offline):
        crm.attachments.open(row_id)
    arrived = crm.attachments._folder.part_size(crm.attachments.get(row_id).sha256)
    assert_nothing_is_open(tmp_path, PLAN)
    crm.close()
    again = open_crm()
    starts = []
    download = again._reach().download
    again._transport.download = lambda id_, start, sha256: (starts.append(start), download(id_, start, sha256))[1]

    assert content_of(again, row_id) == PLAN

    assert 0 < arrived < len(PLAN)
    assert starts == [arrived]


def test_another_key_opens_nothing_and_touches_nothing(crm, open_crm, tmp_path):
    """An app that mixed up its keys is told, and the right key still finds the photo that nobody else has."""
    made = attach(crm, PHOTO)
    crm.close()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    with pytest.raises(WrongKey):
        open_crm(bytes(32))
    other = content_files.SealedFiles(encrypted_connection(bytes(32)))
    for path in (tmp_path / "crm.db.files").iterdir():
        with pytest.raises(ContentDamaged):
            other.open(path)

    assert {path: path.read_bytes() for path in before if path.suffix != ".lock"} == {
        path: content for path, content in before.items() if path.suffix != ".lock"
    }
    assert content_of(open_crm(), made.id) == PHOTO


def test_a_content_is_read_from_any_place(crm):
    """A viewer of documents jumps to the last page first; an upload goes on in the middle."""
    made = attach(crm, PHOTO)

    with crm.attachments.open(made.id) as file:
        read = []
        for start, size in [(len(PHOTO) - 10, 50), (0, 10), (content_files.PIECE_BYTES - 5, 10), (300_000, 400_000)]:
            assert file.seek(start) == start
            read.append((file.tell(), file.read(size) == PHOTO[start:][:size]))
        end = file.seek(0, os.SEEK_END), file.read()

    assert read == [(len(PHOTO) - 10, True), (0, True), (content_files.PIECE_BYTES - 5, True), (300_000, True)]
    assert end == (len(PHOTO), b"")


@pytest.mark.parametrize("content", [b"", b"x", PLAN[: content_files.PIECE_BYTES]], ids=["empty", "a byte", "a piece"])
def test_contents_of_any_size_come_back_as_they_were(crm, http, shop, content):
    """An empty note, too."""
    made = attach(crm, content)

    assert content_of(crm, made.id) == content


def test_a_reader_beside_the_writer_opens_what_is_here(crm, open_crm):
    """A second process of the app shows the photo."""
    made = attach(crm, PHOTO)

    assert content_of(open_crm(read_only=True), made.id) == PHOTO


@pytest.mark.parametrize("harm", ["flipped", "cut", "emptied"])
def test_a_copy_that_was_damaged_is_fetched_anew_where_the_server_has_it(crm, http, shop, harm):
    """A flash cell that died costs a download, and no wrong picture."""
    row_id = from_office(http, shop, PLAN)
    crm.sync()
    content_of(crm, row_id)
    path = file_of(crm, row_id)
    spoil(path, harm, at=100)

    assert content_of(crm, row_id) == PLAN


@pytest.mark.parametrize("harm", ["flipped", "cut", "emptied"])
def test_a_copy_that_was_damaged_before_the_server_had_it_is_told(crm, http, harm):
    """It is not sent, not shown as if it were right, and not removed: somebody may know better what to do with it."""
    made = attach(crm, PHOTO)
    path = file_of(crm, made.id)
    spoil(path, harm, at=path.stat().st_size // 2)

    with pytest.raises(ContentDamaged):
        content_of(crm, made.id)
    report = crm.sync()

    assert isinstance(report.contents_failed, ContentDamaged)
    assert made.id not in http.contents.receipts
    assert path.exists()


def spoil(path, harm, *, at):
    content = bytearray(path.read_bytes())
    if harm == "flipped":
        content[at] ^= 1
    path.write_bytes({"flipped": content, "cut": content[: len(content) // 2], "emptied": b""}[harm])


@pytest.mark.parametrize("harm", ["flipped", "cut", "emptied"])
def test_a_part_that_was_damaged_is_fetched_anew(crm, http, shop, harm):
    """Power loss in the middle of a download costs what had arrived, and never the attachment."""
    row_id = from_office(http, shop, PLAN)
    crm.sync()
    http.contents.faults.append("cut")
    with pytest.raises(Offline):
        crm.attachments.open(row_id)
    part = crm.attachments._folder._part(crm.attachments.get(row_id).sha256)
    spoil(part, harm, at=100)

    assert content_of(crm, row_id) == PLAN


def test_a_full_phone_refuses_a_photo_and_keeps_what_it_has(crm, http, shop, monkeypatch, tmp_path):
    """SQLCipher's word for a full disk is told as ours, and no half of a photo stays."""
    first, row_id = attach(crm, PHOTO), from_office(http, shop, PLAN)
    crm.sync()
    connected = content_files.open_encrypted

    def small(path, factory, mode=""):
        conn = connected(path, factory, mode)
        if not mode:
            conn.execute("PRAGMA max_page_count=30").fetchall()
        return conn

    with monkeypatch.context() as patched:
        patched.setattr(content_files, "open_encrypted", small)
        with pytest.raises(StorageFailed, match="no room"):
            attach(crm, PLAN)
        with pytest.raises(StorageFailed, match="no room"):
            crm.attachments.open(row_id)

    assert crm.attachments.count() == 2
    assert content_of(crm, first.id) == PHOTO
    assert content_of(crm, row_id) == PLAN
    crm.sync()
    assert len(list((tmp_path / "crm.db.files").iterdir())) == 2


def test_s1_two_threads_that_open_the_same_attachment_fetch_it_once(crm, http, shop):
    """A list and its preview: neither spoils what the other fetches."""
    row_id = from_office(http, shop, PLAN)
    crm.sync()
    found = []
    threads = [threading.Thread(target=lambda: found.append(content_of(crm, row_id))) for _ in range(4)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [PLAN] * 4


def test_a_wipe_takes_sealed_contents_and_parts_along(crm, http, shop, tmp_path):
    """Nothing is left for which a key could turn up."""
    row_id = from_office(http, shop, PLAN)
    crm.sync()
    attach(crm, PHOTO)
    http.contents.faults.append("cut")
    with pytest.raises(Offline):
        crm.attachments.open(row_id)
    assert len(list((tmp_path / "crm.db.files").iterdir())) == 2

    crm.wipe(now=True)

    assert not (tmp_path / "crm.db.files").exists()
    assert not (tmp_path / "crm.db").exists()
