"""Contents of attachments: safe at once, at the server sooner or later, here when they are wanted."""

import errno
import os
from pathlib import Path

import pytest
from outrider_sdk import MemoryCredentials, Replica
from outrider_sdk.errors import ContentDamaged, ContentMissing, InvalidValue, Offline, StorageFailed
from sdk_contents import KEY, attach, content_of, from_office, needs_sqlcipher
from sdk_fakes import credentials, stock_shop

PHOTO = os.urandom(2_500_000)


@pytest.fixture
def shop(http):
    return stock_shop(http.fake)


@pytest.fixture(params=[None, pytest.param(KEY, marks=needs_sqlcipher)], ids=["plain", "encrypted"])
def crm(request, tmp_path, http, shop, monkeypatch):
    monkeypatch.setattr("outrider_sdk.contents.PAUSE_S", 0)
    held = MemoryCredentials(credentials(http.url))
    with Replica.open(tmp_path / "crm.db", credentials=held, key=request.param) as opened:
        opened.sync()
        yield opened


def files(crm):
    return sorted(path.name for path in Path(f"{crm._store.path}.files").glob("*"))


def files_of(crm, *contents):
    """Names of the files of contents, by SHA-256."""
    return sorted(crm.attachments._folder.file(sha256).name for sha256 in contents)


def test_a_photo_is_attached_without_a_network_and_arrives_with_the_next_sync(crm, http):
    """In the cellar it is safe; upstairs it goes to the office, and the receipt is kept."""
    made = attach(crm, PHOTO)
    with crm.attachments.open(made.id) as file:
        assert file.read() == PHOTO
    assert [each.name for each in crm.attachments.pending()] == ["shelf.jpg"]

    report = crm.sync()

    assert (report.contents_uploaded, report.contents_failed) == (1, None)
    assert http.contents.uploaded[made.id] == PHOTO
    assert [size for _, size in http.contents.taken] == [1024 * 1024, 1024 * 1024, 2_500_000 - 2 * 1024 * 1024]
    assert crm.attachments.pending() == []
    assert made.sha256 in crm.query("SELECT receipt FROM sync_content")[0]["receipt"]


def test_a_file_is_copied_not_referred_to(crm, tmp_path):
    """The camera's folder may be emptied the moment that the call returned."""
    photo = tmp_path / "IMG_1.png"
    photo.write_bytes(b"pixels")

    made = attach(crm, photo, name=None)
    photo.unlink()

    assert (made.name, made.media_type, made.size_bytes) == ("IMG_1.png", "image/png", 6)
    assert content_of(crm, made.id) == b"pixels"


@pytest.mark.parametrize(
    ("content", "more", "field"),
    [
        (b"x", {"name": None}, "name"),
        (b"x", {"name": "setup.exe"}, "media_type"),
        (b"x", {"name": "page.html", "media_type": "text/html"}, "media_type"),
        (b"x", {"name": "what"}, "media_type"),
        (bytes(100 * 1024 * 1024 + 1), {}, "size_bytes"),
    ],
)
def test_what_no_server_takes_is_refused_at_once_with_advice(crm, content, more, field):
    """In the cellar, where it can be done again; not days later, as a refusal."""
    with pytest.raises(InvalidValue) as refused:
        attach(crm, content, **more)

    assert refused.value.field == field
    assert files(crm) == []


def test_s4_a_file_belongs_to_its_transaction(crm):
    """A visit that was not kept leaves no photo behind."""

    def change_my_mind():
        with crm.transaction():
            attach(crm, PHOTO)
            raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError):
        change_my_mind()

    crm.sync()

    assert crm.attachments.list() == []
    assert files(crm) == []


@pytest.mark.parametrize("faults", [["cut"], ["lose"], [None, "cut", "lose", "cut"], [None, (503, {"code": "busy"})]])
def test_a_line_that_breaks_costs_no_byte_twice(crm, http, faults):
    """Whatever arrived counts; what was answered into the void is asked for."""
    made = attach(crm, PHOTO)
    http.contents.faults.extend(faults)

    report = crm.sync()

    assert report.contents_failed is None
    assert http.contents.uploaded[made.id] == PHOTO
    assert sum(size for _, size in http.contents.taken) == len(PHOTO)


def test_a_server_that_is_full_leaves_the_sync_alone(crm, http):
    """The order arrived; the photo waits, and the report says why."""
    made = attach(crm, PHOTO)
    http.contents.faults.extend([(507, {"code": "storage_full", "detail": "No room."})] * 9)

    report = crm.sync()

    assert report.applied == 1
    assert report.contents_failed is not None
    assert [each.id for each in crm.attachments.pending()] == [made.id]
    http.contents.faults.clear()
    assert crm.attachments.upload() == 1


def test_the_application_says_when_photos_travel(crm, http):
    """Orders at once, photos in the evening on the office's network."""
    small, large = attach(crm, b"x" * 10, name="a.png"), attach(crm, PHOTO, name="b.png")
    crm.attachments.policy = lambda pending: pending.size_bytes < 1_000
    crm.sync()
    assert [each.id for each in crm.attachments.pending()] == [large.id]
    assert small.id in http.contents.receipts

    progress = []
    assert crm.attachments.upload(on_progress=progress.append, everything=True) == 1

    assert crm.attachments.pending() == []
    assert (progress[0].done, progress[-1].done, progress[-1].total) == (0, len(PHOTO), len(PHOTO))


def test_a_copy_that_was_damaged_here_is_told_and_keeps_nobody_waiting(crm, http):
    """A flash cell that died: that photo must be taken again, the others go their way."""
    broken, other = attach(crm, PHOTO), attach(crm, b"other", name="b.png")
    path = crm.attachments._folder.file(broken.sha256)
    path.write_bytes(b"x" + PHOTO[1:])

    report = crm.sync()

    assert isinstance(report.contents_failed, ContentDamaged)
    assert other.id in http.contents.receipts
    assert [each.id for each in crm.attachments.pending()] == [broken.id]


def test_s1_a_refused_attachment_keeps_its_file_until_a_person_has_dealt_with_it(crm, http):
    """Then it goes; until then it can be taken up again, under another id."""
    first = attach(crm, PHOTO)
    http.fake.refusing[1] = "value_invalid"
    http.fake.choices[1] = [{"code": "edit", "label": "Change it"}, {"code": "discard", "label": "Discard"}]
    crm.sync()
    assert files(crm) == files_of(crm, first.sha256)

    crm.reopen(1)
    crm.sync()

    [row] = crm.attachments.list()
    assert row.id != first.id
    assert http.contents.uploaded == {row.id: PHOTO}
    assert crm.attachments.pending() == []


def test_a_discarded_attachment_takes_its_file_along(crm):
    """What was never sent, and is not wanted, does not fill the phone."""
    attach(crm, PHOTO)
    crm.discard(1)

    crm.sync()

    assert files(crm) == []
    assert crm.attachments.pending() == []


def test_a_file_of_the_office_is_fetched_when_it_is_opened_and_then_is_here(crm, http, shop):
    """Only what is looked at costs the rep's data volume, and it costs once."""
    row_id = from_office(http, shop, PHOTO)
    crm.sync()
    assert files(crm) == []

    with crm.attachments.open(row_id) as file:
        assert file.read() == PHOTO
    http.close()

    assert content_of(crm, row_id) == PHOTO


def test_a_download_goes_on_where_the_line_broke(crm, http, shop):
    """What arrived stays on the device, also over a restart."""
    row_id = from_office(http, shop, PHOTO)
    crm.sync()
    http.contents.faults.append("cut")
    with pytest.raises(Offline):
        crm.attachments.open(row_id)
    [part] = files(crm)
    half = (Path(f"{crm._store.path}.files") / part).stat().st_size
    crm.sync()

    assert part.endswith(".part")
    assert 0 < half < len(PHOTO)
    assert content_of(crm, row_id) == PHOTO


def test_what_is_not_the_file_is_thrown_away(crm, http, shop):
    """A proxy's greeting is no plan."""
    row_id = from_office(http, shop, PHOTO)
    crm.sync()
    http.contents.uploaded[row_id] = b"x" + PHOTO[1:]
    with pytest.raises(Exception, match="thrown away"):
        crm.attachments.open(row_id)
    http.contents.uploaded[row_id] = PHOTO

    assert content_of(crm, row_id) == PHOTO


def test_a_file_that_is_still_on_another_phone_is_said_to_be(crm, http, shop):
    """Not an error of mine; try again later."""
    row_id = from_office(http, shop, PHOTO)
    del http.contents.receipts[row_id]
    crm.sync()

    with pytest.raises(ContentMissing, match="still on the device"):
        crm.attachments.open(row_id)


def test_the_cache_is_bounded_and_never_drops_what_the_server_lacks(crm, http, shop):
    """A phone has 32 GB, and my photo of today has no second copy."""
    crm.attachments.cache_bytes_max = 5_000
    first, second = (from_office(http, shop, os.urandom(3_000), number) for number in (901, 902))
    crm.sync()
    mine = attach(crm, b"m" * 9_000, name="m.png")
    crm.attachments.open(first).close()
    crm.attachments.open(second).close()

    assert files(crm) == files_of(crm, mine.sha256, crm.attachments.get(second).sha256)


def test_s6_what_is_out_of_sight_is_gone_with_its_content(crm, http, shop):
    """The outlet went to somebody else, or the person was erased: the file goes at the next contact."""
    row_id = from_office(http, shop, PHOTO)
    crm.sync()
    crm.attachments.open(row_id).close()

    http.fake.remove("attachment", row_id)
    crm.sync()

    assert files(crm) == []


def test_a_full_phone_refuses_the_photo_and_keeps_the_rest(crm, monkeypatch):
    """A clear word at the moment of the photo, and no half of it."""

    def full(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    attach(crm, b"before", name="a.png")
    with monkeypatch.context() as patched:
        patched.setattr("outrider_sdk.content_files.os.fsync", full)
        with pytest.raises(StorageFailed, match="no room"):
            attach(crm, PHOTO)

    assert len(files(crm)) == 1
    assert crm.attachments.count() == 1
