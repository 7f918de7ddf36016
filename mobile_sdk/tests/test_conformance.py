"""The vectors in mobile_sdk/conformance: this SDK passes them, and clients with mistakes that real ones made do not."""

import subprocess
import sys
from pathlib import Path

import pytest
from sdk_sabotages import OVER_HTTP

FOLDER = Path(__file__).parents[1] / "conformance"


def run(command, *options):
    arguments = [sys.executable, str(FOLDER / "run.py"), *options, "--", *command]
    return subprocess.run(arguments, capture_output=True, text=True, check=False)


def test_the_sdk_passes_every_vector():
    """What a stranger's client is measured by, ours is."""
    ran = run([sys.executable, str(FOLDER / "adapter.py")])

    assert ran.returncode == 0, ran.stdout + ran.stderr
    passed, failed = (
        ran.stdout.strip().splitlines()[-1].split(", ")[:2]
    )  # without msgspec and zstd, some are unsupported
    assert failed == "0 failed"
    assert int(passed.split()[0]) >= 215


SABOTAGES = {
    "escapes-what-json-need-not": (
        "from outrider_sdk.protocol import digest; import json\n"
        "digest.canonical_json = adapter.canonical_json = lambda value: json.dumps(value, sort_keys=True)",
        "digest/",
    ),
    "rounds-half-to-even": (
        "from outrider_sdk import rules; rules.ROUND_HALF_UP = 'ROUND_HALF_EVEN'",
        "price/half-up",
    ),
    "rebases-edits": (
        "from outrider_sdk import overlay; overlay.pending_edit_base = lambda *args: {}",
        "a-base-is-inherited",
    ),
    "forgets-what-is-pending": (
        "from outrider_sdk import reveal; reveal.overlay.recompute = lambda conn: None",
        "a-base-is-inherited",
    ),
    "shows-pages-before-they-are-complete": (
        "from outrider_sdk import reveal\n"
        "def stage(store, page, asked_from):\n"
        "    reveal.reveal(store, page | {'complete': True, 'cursor': asked_from}, asked_from)\n"
        "    return reveal_stage(store, page | {'puts': {}, 'drops': {}}, asked_from)\n"
        "reveal_stage, reveal.stage = reveal.stage, stage",
        "pull-in-pages",
    ),
    "acknowledges-what-it-has-not-stored": (
        "from outrider_sdk.store import Store\n"
        "old, other = Store.meta_int, {'answered_through': 'last_number'}\n"
        "Store.meta_int = lambda store, key, default=0: old(store, other.get(key, key), default)",
        "outcomes-are-acknowledged",
    ),
    "lets-rows-go-back": (
        "from outrider_sdk import reveal\n"
        "old = reveal._stored_columns\n"
        "reveal._stored_columns = lambda e, c: old(e, c | {'revision': [9**15 for _ in c['id']]})",
        "a-lower-revision",
    ),
    "gives-up-refusals": (
        "from outrider_sdk import attention; attention.list_attention = lambda store: []",
        "refused",
    ),
    "believes-any-lease": (
        "from outrider_sdk import ed25519; ed25519.verify = lambda *args: True",
        "lease/longer-than-it-was-signed",
    ),
    "takes-any-column": (
        "from outrider_sdk.protocol import columns; adapter.columns.unpack_page = lambda page: None\n"
        "adapter.as_text = lambda column: ['x']",
        "page/json-base64-that-is-none",  # one that needs no optional package
    ),
    "forgets-half-a-download": (
        "from outrider_sdk.snapshot import Snapshots; Snapshots.resume = lambda self, asked_from: self._forget()",
        "snapshot-resumed",
    ),
    "never-compares": ("from outrider_sdk import checksum; checksum._is_due = lambda *args: False", "checksum"),
    "makes-a-new-key-each-time": (
        "from outrider_sdk import incarnation; import uuid; old = incarnation.request_of\n"
        "incarnation.request_of = lambda store: old(store) | {'key': str(uuid.uuid4())}",
        "a-new-incarnation-is-asked-for-with-one-key",
    ),
    "takes-what-is-parked-for-applied": (
        "from outrider_sdk import outbox; old = outbox.store_outcomes\n"
        "told = {'parked': 'applied'}\n"
        "outbox.store_outcomes = lambda store, outcomes: old(\n"
        "    store, [o | {'status': told.get(o['status'], o['status'])} for o in outcomes])",
        "what-is-parked-waits",
    ),
    "keeps-its-rows-in-a-new-epoch": (
        "from outrider_sdk import reveal; reveal._clear = lambda conn, entity: None",
        "rows-go-back-in-a-new-epoch",
    ),
    "does-not-say-again": (
        "adapter.LineTransport.push = lambda self, request: self._ask(\n"
        "    'push', {name: value for name, value in request.items() if name != 'again'})",
        "a-lost-reply-is-asked-for-again",
    ),
    "believes-a-page-of-another-incarnation": (
        "adapter.LineTransport.pull = lambda self, request: self._ask('pull', request) | {'incarnation': 1}",
        "no-page-of-another-incarnation",
    ),
    "discards-without-what-builds-on-it": (
        "from outrider_sdk import discards; discards.dependents = lambda conn, number: []",
        "discarded-with-what-builds-on-it",
    ),
    "hands-in-nothing-again": (
        "from outrider_sdk import again; again.outbox.entries = lambda *args: []",
        "what-was-refused-comes-again-without-its-content",
    ),
    "takes-back-what-it-sent": (
        "adapter.NotDiscardable = ()\nadapter.Session.discard = lambda self, step: {'discarded': [step['number']]}",
        "what-was-sent-is-not-taken-back",
    ),
    "dies": ("adapter.main = lambda: None", "digest/"),
    **OVER_HTTP,
}


@pytest.mark.parametrize("sabotage", SABOTAGES)
def test_a_client_with_a_mistake_fails(sabotage, tmp_path):
    """Vectors that pass whatever a client does prove nothing."""
    code, caught_by = SABOTAGES[sabotage]
    client = tmp_path / "client.py"
    client.write_text(
        f"import sys; sys.path.insert(0, {str(FOLDER)!r}); import adapter\n{code}\nadapter.main()\n", encoding="utf-8"
    )

    ran = run([sys.executable, str(client)], "--only", caught_by)

    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert f"failed      {caught_by}" in ran.stdout


def test_a_client_may_lack_a_part_and_the_runner_says_so(tmp_path):
    """A client that takes no orders need not price them; it must not look as if it did."""
    client = tmp_path / "client.sh"
    client.write_text("while read -r line; do echo '{\"unsupported\": true}'; done\n", encoding="utf-8")

    ran = run(["sh", str(client)], "--only", "price/")

    assert (ran.returncode, ran.stdout.strip().splitlines()[-1]) == (0, "0 passed, 0 failed, 14 unsupported")
