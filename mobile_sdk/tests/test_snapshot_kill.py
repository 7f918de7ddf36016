"""Real `kill -9` while a snapshot is fetched, unpacked, placed and shown: at each step, not at random."""

import os

import pytest
import sdk_snapshots
from outrider_sdk import MemoryCredentials, Replica
from sdk_crashes import STRIDE, run_mortal
from sdk_fakes import credentials
from sdk_http import HttpServer
from sdk_snapshots import Beginning

pytestmark = pytest.mark.skipif(os.name != "posix", reason="SIGKILL and fork are POSIX")


small_tables_are_large = sdk_snapshots.small_tables_are_large


class BeginningOverHttp(Beginning):
    """Its server can be reached by workers in processes of their own."""

    def __init__(self, folder, *, is_new):
        super().__init__(folder, is_new=is_new, piece=2_000)
        self.http = HttpServer(self.server)
        self.prepare()

    def open(self):
        return Replica.open(self.path, credentials=MemoryCredentials(credentials(self.http.url)))


@pytest.fixture
def begin(tmp_path):
    made = []

    def make(*, is_new):
        made.append(BeginningOverHttp(tmp_path / str(len(made)), is_new=is_new))
        return made[-1]

    yield make
    for beginning in made:
        beginning.http.close()


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "anew"])
@pytest.mark.parametrize(("kind", "stride"), [("file", 1), ("statement", STRIDE)])
def test_s1_a_kill_at_any_step_of_a_beginning_loses_nothing(mortals, begin, is_new, kind, stride):
    """Between download, unpacking, syncing, renaming and syncing the folder; in each piece of them."""
    counted = begin(is_new=is_new)
    _, taken = run_mortal(mortals, counted.path, counted.http.url, kind, 0)
    assert taken["file"] > (20 if is_new else 10)

    for at in range(1, taken[kind] + 1, stride):
        beginning = begin(is_new=is_new)

        _, alive = run_mortal(mortals, beginning.path, beginning.http.url, kind, at)

        assert alive is None, at
        beginning.assert_heals(at)
