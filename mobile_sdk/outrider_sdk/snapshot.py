"""Beginning with a snapshot: downloaded piece by piece, checked, and taken over in place of a pull's first pages.

Where a crash falls, the next sync goes on: the offer is stored before the download begins, and what has arrived of it
is in a file beside the replica. That file is staged in one step, together with the position after it; from then on the
pull is like any other. Whatever is wrong with a snapshot, the pull does without: nothing hangs on it.
"""

import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from outrider_sdk import snapshot_placing
from outrider_sdk.contact import Contact
from outrider_sdk.errors import Offline, Rejected, ServerUnavailable, StorageFailed
from outrider_sdk.protocol import PullPage, SnapshotOffer
from outrider_sdk.protocol.encoding import zstd
from outrider_sdk.protocol.tables import SNAPSHOT_FORMAT
from outrider_sdk.report import Progress
from outrider_sdk.snapshot_transport import SnapshotTransport
from outrider_sdk.snapshot_unpacking import Settling, Unpacking, Unusable, opened
from outrider_sdk.store import Store
from outrider_sdk.transport import PipelinedTransport, Transport
from outrider_sdk.under_way import UnderWay

ATTEMPTS_MAX = 5
"""A download that breaks off this often without getting on is left to the next sync."""
PIECE_BYTES = 1024 * 1024
UNPACKED_TIMES_MAX = 1_000
"""No snapshot is so many times as large when it is unpacked; room is set aside for what is offered."""

T = TypeVar("T")


def encodings(store: Store, transport: Transport) -> list[str]:
    """What this device can decompress, the best first; nothing, where the transport fetches no files."""
    if store.is_encrypted or not isinstance(transport, SnapshotTransport):
        return []  # a snapshot lies beside the replica in the open
    return ["gzip"] if zstd() is None else ["zstd", "gzip"]


class Snapshots:
    """The snapshot of one pull: fetched, then placed together with the page after it."""

    def __init__(self, contact: Contact) -> None:
        self._contact = contact
        self._store = contact.store
        path = self._store.path
        self._packed = path.with_name(f"{path.name}.snapshot.part")
        self._file = path.with_name(f"{path.name}.snapshot")
        self._fetched: PullPage | None = None
        self._settling: Settling | None = None

    def resume(self, asked_from: int) -> str | None:
        """Go on with a download that broke off; the position after the snapshot, once it is fetched."""
        stored = self._store.meta("snapshot")
        if stored is None:
            self._remove_files()  # where a crash left them
            return None
        if self._store.meta_int("snapshot_from", -1) != asked_from:
            self.forget()
            return None
        return self._position_after(cast(PullPage, json.loads(stored)))

    def begin(self, page: PullPage, asked_from: int) -> str | None:
        """Fetch the snapshot that a page offers; the position after it, or None: pull without it."""
        self._remove_files()
        remember = partial(self._remember, page, asked_from)
        if not isinstance(self._contact.transport, PipelinedTransport):
            remember()
            return self._position_after(page)
        remembering = UnderWay(remember)
        try:
            return self._position_after(page, remembering.result)
        finally:
            remembering.drop()

    def _remember(self, page: PullPage, asked_from: int) -> None:
        """Store what a later sync goes on with; and empty the log already, which the file will not go with."""
        kept: dict[str, Any] = {name: page.get(name) for name in ("snapshot", "position")}
        with self._store.write():
            self._store.set_meta(snapshot=json.dumps(kept), snapshot_from=asked_from)
        self._store.checkpoint()

    def _position_after(self, page: PullPage, until: Callable[[], object] = lambda: None) -> str | None:
        """Fetch, and wait for what goes on beside. A lost connection is raised, and what arrived is kept."""
        is_usable = self._fetch(page["snapshot"])
        until()
        if not is_usable:
            self.forget()
            return None
        self._fetched = page
        return page["position"]

    def _fetch(self, offer: SnapshotOffer) -> bool:
        """Download, check and unpack; False where it is damaged or gone."""
        try:
            self._check_offer(offer)
            unpacking = Unpacking(offer, self._file)
            try:
                self._download(offer, unpacking.take)
            except BaseException:
                unpacking.drop()
                raise
            self._settling = unpacking.finish()
        except (Unusable, Rejected):
            return False
        except OSError as error:
            raise self._without_room(error) from error
        return True

    def place(self, asked_from: int, following: PullPage, then: Callable[[], T]) -> T:
        """Stage the rows of what was fetched, if anything was; `then` stages or reveals the page that follows it.

        Raises:
            Unusable: it can't be taken over by this replica; pull without it.
        """
        page, self._fetched = self._fetched, None
        if page is None:
            return then()
        try:
            assert self._settling is not None
            unpacked = snapshot_placing.Unpacked(self._file, str(page["position"]), self._settling)
            result = snapshot_placing.place(self._store, unpacked, asked_from, following, then)
        except snapshot_placing.ForeignSnapshot as error:
            self.forget()
            raise Unusable(str(error)) from error
        except OSError as error:
            raise self._without_room(error) from error
        self._remove_files()
        self._contact.report.rows_put += page["snapshot"]["rows"]
        return result

    def _without_room(self, error: OSError) -> StorageFailed:
        self._remove_files()  # they take up what is lacking
        return StorageFailed(f"A snapshot could not be stored ({error}). Free some space and repeat.")

    def _check_offer(self, offer: SnapshotOffer) -> None:
        numbers = [offer.get(name) for name in ("size_bytes", "file_bytes", "rows")]
        if offer.get("format") != SNAPSHOT_FORMAT or offer.get("encoding") not in encodings(
            self._store, self._contact.transport
        ):
            raise Unusable("its format is another")
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise Unusable("its size is none")
        if offer["file_bytes"] > offer["size_bytes"] * UNPACKED_TIMES_MAX:
            raise Unusable("no file unpacks to so much")

    def _download(self, offer: SnapshotOffer, unpack: Callable[[bytes], None]) -> None:
        """Fetch what is missing of the file, hand all of it on, and see that it is the one that was offered."""
        digest, have = self._arrived(offer["size_bytes"], unpack)
        transport, failures = self._contact.transport, 0
        if not isinstance(transport, SnapshotTransport):
            raise Unusable("this transport fetches none")
        with opened(self._packed, "ab") as file:

            def take(part: bytes) -> None:
                nonlocal have
                unpack(part)
                file.write(part)
                digest.update(part)
                have += len(part)

            while have < offer["size_bytes"]:
                before = have
                try:
                    size = transport.snapshot_part(offer["id"], have, take)
                except (Offline, ServerUnavailable):
                    failures = 0 if have > before else failures + 1
                    if failures >= ATTEMPTS_MAX:
                        raise
                    continue
                if size != offer["size_bytes"] or have == before:
                    break
                self._contact.on_progress(Progress("downloaded", have, size))
        if have != offer["size_bytes"] or digest.hexdigest() != offer["sha256"]:
            raise Unusable("what arrived is not what was offered")

    def _arrived(self, size_bytes: int, unpack: Callable[[bytes], None]) -> tuple["hashlib._Hash", int]:
        """The hash and the size of what an earlier sync has fetched, which is handed on."""
        digest, have = hashlib.sha256(), 0
        if self._packed.exists():
            if self._packed.stat().st_size > size_bytes:
                self._packed.unlink()
                return digest, have
            with self._packed.open("rb") as file:
                while part := file.read(PIECE_BYTES):
                    unpack(part)
                    digest.update(part)
                    have += len(part)
        return digest, have

    def forget(self) -> None:
        """Do without it: it is of no use, or its pull is void."""
        self._fetched = None
        self._remove_files()
        with self._store.write():
            self._store.set_meta(snapshot=None, snapshot_from=None)

    def _remove_files(self) -> None:
        if self._settling is not None:
            self._settling.drop()
            self._settling = None
        beside = (self._file.with_name(f"{self._file.name}{end}") for end in ("-journal", "-wal", "-shm"))
        for file in (self._packed, self._file, *beside):
            file.unlink(missing_ok=True)
