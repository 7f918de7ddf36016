"""Running a replica: limits, status, what support gets, and syncing by itself."""

import json
import threading
from dataclasses import replace

import pytest
from outrider_sdk import (
    NOW,
    Conditions,
    Decision,
    DeviceRevoked,
    Limits,
    Offline,
    OutboxFull,
    ReplicaTooLarge,
    ServerUnavailable,
    default_policy,
    status,
)
from outrider_sdk.background import BACKOFF_MAX_S, BackgroundSync
from outrider_sdk.lease import Plan
from sdk_fakes import DEVICE_ID, MEMBER_ID

WAIT_S = 20
DAY_US = 86_400_000_000


# Limits


def test_a_full_outbox_takes_no_more_and_says_what_to_do(open_replica, server, shop, crm):
    """A device that has captured for weeks without contact must not fail in an unnamed way."""
    crm.close()
    full = open_replica(limits=Limits(outbox_mutations_max=2))
    full.accounts.create(name="One")
    full.accounts.create(name="Two")

    with pytest.raises(OutboxFull, match="2 changes wait to be sent"):
        full.accounts.create(name="Three")
    assert [row.name for row in full.accounts.where().order_by("name")] == ["One", "Two", "Wilma"]

    full.sync()
    full.accounts.create(name="Three")


MILLION = 1_000_000
_FILL = """
WITH RECURSIVE n (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM n WHERE number < ?)
INSERT INTO sync_outbox (number, digest, captured_at, changes, derived, past_lease, overlaid, resolved)
SELECT number, '', 0, '[]', '[]', 0, 0, 0 FROM n
"""


def test_an_outbox_of_a_million_is_named_opened_and_handed_in_without_looking_at_all_of_it_each_time(
    open_replica, crm, shop, transport
):
    """An app without limits, or a bug that typed by itself for a year: it drains, and costs the same a push."""
    with crm._store.write() as conn:
        conn.execute(_FILL, (MILLION,))
        crm._store.set_meta(last_number=MILLION)
    crm.close()
    full = open_replica()
    steps = handed_in = 0
    costs = []

    def count():
        nonlocal steps
        steps += 1

    def push(request):
        nonlocal handed_in, steps
        costs.append(steps * 1_000)
        steps = 0
        if len(costs) > 4:
            raise Offline("gone")
        handed_in += len(request["mutations"])
        outcomes = [{"number": m["number"], "digest": "", "status": "applied"} for m in request["mutations"]]
        return {
            "outcomes": outcomes,
            "applied_through": handed_in,
            "durable_through": None,
            "server_time": request["mutations"][0]["captured_at"],
        }

    with full._store.read() as conn:
        conn.set_progress_handler(count, 1_000)
    transport.push = push

    with pytest.raises(OutboxFull, match="1,000,000 changes wait to be sent"):
        full.accounts.create(name="One more")
    with pytest.raises(Offline):
        full.sync()

    assert handed_in == 4 * 2_000
    assert full.status().pending == MILLION - handed_in
    assert max(costs[1:]) < MILLION / 2  # steps of SQLite; looking at each row takes more than one a row


def test_a_replica_that_is_too_large_pulls_no_more_and_goes_on_capturing(open_replica, server, crm, shop):
    """A territory that grew by mistake must not fill the phone, nor stop the work on it."""
    crm.close()
    small = open_replica(limits=Limits(replica_bytes_max=1))
    server.put("account", name="More", roles="[]", tags="[]")
    small.accounts.create(name="Mine")

    with pytest.raises(ReplicaTooLarge, match="Ask the office"):
        small.sync()

    assert small.status().pending == 0
    assert small.accounts.where(name="Mine").count() == 1
    assert any("close to its limit" in problem for problem in small.status().problems)


def test_nothing_new_is_no_reason_to_stop_at_a_limit(open_replica, crm, shop):
    """Acknowledgements and outcomes still come."""
    crm.close()
    small = open_replica(limits=Limits(replica_bytes_max=1))

    assert small.sync().rows_put == 0


# Status


def test_a_replica_that_is_well_has_no_problems(crm, shop):
    """A light that is always on is not seen."""
    assert crm.status().problems == []
    assert (crm.status().conflicts_open, crm.status().pending_bytes) == (0, 0)


def test_status_says_in_words_what_is_wrong(crm, shop, transport, clock):
    """It is what the person, and whoever they call, reads first."""
    crm.accounts.create(name="Mine")
    transport.faults.append("before")
    with pytest.raises(Offline):
        crm.sync()
    clock.now += 9 * DAY_US

    found = crm.status()

    assert found.cursor_age_s > 9 * 86_400
    assert found.pending_bytes > 0
    for words in ("did not come to its end: The network is gone", "9 days ago", "1 changes wait to be sent"):
        assert any(words in problem for problem in found.problems), words


def test_a_sync_that_works_ends_the_report_of_one_that_did_not(crm, shop, transport):
    """What is over is not wrong."""
    transport.faults.append("before")
    with pytest.raises(Offline):
        crm.sync()

    crm.sync()

    assert crm.status().problems == []


def test_a_wrong_clock_an_unknown_device_and_a_full_storage_are_named(open_replica, server, clock, monkeypatch):
    """Each of them makes work late or lost later on."""
    from outrider_sdk import MemoryCredentials

    stranger = open_replica("new.db", credentials=MemoryCredentials())
    assert "Enrol it with a code" in stranger.status().problems[0]

    crm = open_replica()
    assert "never synced" in crm.status().problems[0]
    server.time += 600_000_000
    crm.sync()
    monkeypatch.setattr(status, "_free_bytes", lambda path: 0)
    assert [p.split(".")[0] for p in crm.status().problems] == [
        "This device's clock is 9 minutes behind",
        "This device's storage is nearly full",
    ]


# Events and diagnostics


def test_events_name_what_happens_and_carry_no_content(open_replica, crm, shop):
    """A log goes to places that customer data must not reach."""
    crm.close()
    heard = []
    logged = open_replica(on_event=lambda name, facts: heard.append((name, dict(facts))))
    logged.accounts.create(name="Confidential")

    logged.sync()

    assert [name for name, _ in heard] == ["sync_began", "sync_ended"]
    assert heard[1][1]["pushed"] == 1
    assert "Confidential" not in repr(heard)


def test_an_event_hook_that_fails_disturbs_nothing(open_replica, crm, shop, caplog):
    """Logging is nobody's work."""
    crm.close()

    def fail(name, facts):
        raise LookupError

    open_replica(on_event=fail).sync()

    assert "event hook failed" in caplog.text


def test_diagnostics_hold_no_value_of_the_replica(crm, server, shop, transport):
    """Support asks for it by mail."""
    server.refusing[2] = "not_permitted"
    crm.accounts.edit(shop["account"], name="Wilma Confidential", tags=["secret-tag"])
    crm.contacts.create(account_id=shop["account"], name="Unrepeatable Person", job_title="Secretive")
    crm.sync()
    crm.search("wilma")
    crm.contact_channels.create(contact_id=shop["contact"], channel_kind="phone", value="+491701112233")
    transport.faults.append("before")
    with pytest.raises(Offline):
        crm.sync()

    bundle = json.dumps(crm.diagnostics())

    assert json.loads(bundle)["rows"]["account"] == 1
    assert json.loads(bundle)["refused"] == {"not_permitted": 1}
    assert json.loads(bundle)["pending"]["first"][0]["changes"] == {"create contact_channel": 1}
    values = personal_values(crm)
    assert len(values) > 25
    assert [value for value in values if value in bundle] == []


def personal_values(crm):
    """Every text and word of every row, every id, and what the outbox and the settings hold of them."""
    texts = {DEVICE_ID, MEMBER_ID, "+491701112233", "Unrepeatable", "secret-tag"}
    for table in crm._tables.values():
        for row in table.list():
            known = {str(row[field.name]) for field in table.entity.all_fields if not field.values}
            texts |= known | {word for text in known for word in text.split()}
    return {text for text in texts if len(text) > 3} - {"None", "True", "customer"}


# Syncing by itself


@pytest.fixture
def loop(crm, shop):
    """The loop of the background, step by step."""
    made = BackgroundSync(
        crm,
        policy=lambda conditions, status: NOW,
        conditions=Conditions,
        interval_s=300,
        on_report=None,
        on_error=None,
        jitter=lambda low, high: high,
    )
    yield made
    made.stop()


@pytest.mark.parametrize(
    ("conditions", "pending", "when"),
    [
        (Conditions(), 0, "now"),
        (Conditions(online=False), 5, "later"),
        (Conditions(foreground=True, metered=True, battery_percent=5), 0, "now"),
        (Conditions(foreground=False, metered=True), 0, "later"),
        (Conditions(foreground=False, metered=True), 1, "now"),
        (Conditions(foreground=False, battery_percent=10), 1, "later"),
        (Conditions(foreground=False, battery_percent=10, charging=True), 1, "now"),
    ],
)
def test_the_usual_policy_spares_battery_and_metered_networks(crm, conditions, pending, when):
    """What a rep captured goes out over any network; news can wait for a cheap one."""
    assert default_policy(conditions, replace(crm.status(), pending=pending)).when == when


def test_a_step_syncs_and_comes_again_after_the_interval(crm, server, shop, loop):
    """It also prepares the search, while nobody waits for it."""
    server.put("account", id=shop["account"], name="Betty", roles="[]", tags="[]")

    assert loop.step() == pytest.approx(330)
    assert crm.accounts.get(shop["account"]).name == "Betty"


def test_failures_back_off_and_success_ends_that(crm, transport, loop):
    """A server that comes up again is not trampled by all devices at once."""
    transport.faults.extend(["before"] * 12)

    pauses = [loop.step() for _ in range(12)]

    assert pauses[:4] == [5, 10, 20, 40]
    assert max(pauses) == BACKOFF_MAX_S
    assert loop.step() == pytest.approx(330)
    transport.faults.append("before")
    assert loop.step() == 5


def test_a_server_that_asks_for_time_gets_it(crm, server, loop, monkeypatch):
    """Retry-After is longer than our own pause, or not."""

    def busy(request):
        raise ServerUnavailable("Busy.", retry_after_s=120)

    monkeypatch.setattr(server, "pull", busy)

    assert loop.step() == 120


def test_what_only_a_person_can_help_waits_for_one(crm, server, loop, monkeypatch):
    """A revoked device that goes on knocking only costs battery."""
    heard = []
    loop._on_error = heard.append

    def revoked(request):
        raise DeviceRevoked()

    monkeypatch.setattr(server, "pull", revoked)

    assert loop.step() is None
    assert isinstance(heard[0], DeviceRevoked)


def test_a_policy_decides(crm, transport, loop):
    """The application knows what the SDK cannot."""
    decisions = [Decision("later", 7, "the museum is closed"), Decision("never")]
    loop._policy = lambda conditions, status: decisions.pop(0)
    before = len(transport.requests)

    assert [loop.step(), loop.step()] == [7, None]
    assert len(transport.requests) == before


def test_a_sync_of_somebody_else_is_no_failure_for_good(crm, loop):
    """The person pressed the button in the same moment."""
    with crm._syncing:
        assert loop.step() == 5


def test_the_loop_runs_by_itself_hears_changes_and_stops(crm, server, shop, monkeypatch):
    """The whole of it, in its thread."""
    from outrider_sdk import background

    monkeypatch.setattr(background, "SOON_S", 0.01)
    reports, done = [], threading.Semaphore(0)

    def note(report):
        reports.append(report)
        done.release()

    with crm.background(on_report=note) as loop:
        assert done.acquire(timeout=WAIT_S)
        crm.accounts.create(name="Mine")
        assert done.acquire(timeout=WAIT_S)
        loop.wake()
        assert done.acquire(timeout=WAIT_S)

    assert [report.pushed for report in reports] == [0, 1, 0]
    assert not any(thread.name == "outrider-background" for thread in threading.enumerate())


def with_plan(crm, monkeypatch, interval_s):
    """The replica of a company whose plan says how often a device syncs by itself."""
    plan, status = Plan("free", 1, "active", interval_s), crm.status
    monkeypatch.setattr(crm, "status", lambda: replace(status(), plan=plan))


def test_a_step_comes_again_no_sooner_than_the_plan_says(crm, server, shop, loop, monkeypatch):
    """A small plan syncs each quarter of an hour; a large one as often as the app likes."""
    with_plan(crm, monkeypatch, 900)
    assert loop.step() == 900

    with_plan(crm, monkeypatch, 5)
    assert loop.step() == 300 * 1.1


def test_a_change_waits_for_the_plan_and_a_person_does_not(crm, server, shop, monkeypatch):
    """Whoever pulls down to refresh is served at once, whatever the plan; nothing is lost by waiting."""
    from outrider_sdk import background

    monkeypatch.setattr(background, "SOON_S", 0.01)
    with_plan(crm, monkeypatch, 3_600)
    done, reports = threading.Semaphore(0), []
    with crm.background(on_report=lambda report: (reports.append(report), done.release())) as loop:
        assert done.acquire(timeout=WAIT_S)
        crm.accounts.create(name="Mine")
        assert not done.acquire(timeout=0.3)
        loop.wake()
        assert done.acquire(timeout=WAIT_S)

    assert [report.pushed for report in reports] == [0, 1]


def test_a_hook_that_fails_does_not_end_the_loop(crm, shop, loop, caplog):
    """A mistake in a status bar must not keep orders on the phone."""

    def fail(conditions, status):
        raise LookupError

    loop._policy = fail

    assert loop._guarded_step() == BACKOFF_MAX_S
    assert "hook of the background sync failed" in caplog.text
