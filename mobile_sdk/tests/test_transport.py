"""Real HTTP on loopback: what gets lost is asked for again, tokens rotate, and each trouble has its name."""

# ruff: noqa: S105  (made-up tokens)

import itertools
import stat

import pytest
from outrider_sdk import (
    ClientTooOld,
    DeviceRevoked,
    FileCredentials,
    HttpTransport,
    NotEnrolled,
    Offline,
    ProtocolViolation,
    Rejected,
    ReplicaForked,
    ServerUnavailable,
    enrol,
    outbox,
)
from sdk_fakes import EPOCH_US, credentials, stock_shop


@pytest.fixture
def kept(tmp_path, http):
    store = FileCredentials(tmp_path / "credentials.json")
    store.save(credentials(http.url))
    return store


@pytest.fixture
def waits():
    return []


@pytest.fixture
def make_transport(kept, clock, waits):
    made = []

    def make(**options):
        made.append(HttpTransport(kept, clock=clock, sleep=waits.append, jitter=lambda low, high: high, **options))
        return made[-1]

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def crm(open_replica, kept, make_transport):
    return open_replica(transport=make_transport(), credentials=kept)


def paths(http):
    return [path for path, _, _ in http.log]


def test_pushes_leave_one_after_the_other_each_before_the_last_one_is_stored(crm, server, http, monkeypatch):
    """A long outbox: the server works on a push while the device stores what became of the one before."""
    shop = stock_shop(server)
    crm.sync()
    monkeypatch.setattr(outbox, "PUSH_MUTATIONS_MAX", 10)
    for number in range(35):
        crm.contacts.create(account_id=shop["account"], name=f"Contact {number}")
    http.log.clear()

    report = crm.sync()

    pushes = [message for path, _, message in http.log if path == "/sync/push"]
    assert [len(push["mutations"]) for push in pushes] == [10, 10, 10, 5]
    assert [push["acked_through"] for push in pushes] == [0, 0, 10, 20]
    assert (report.applied, report.rows_put) == (35, 35)


def test_a_long_outbox_survives_a_push_that_gets_no_answer(crm, server, http, waits, monkeypatch):
    """S1, S2: the one that was under way is sent again, what came back before it is kept, and nothing is twice."""
    shop = stock_shop(server)
    crm.sync()
    monkeypatch.setattr(outbox, "PUSH_MUTATIONS_MAX", 10)
    for number in range(35):
        crm.contacts.create(account_id=shop["account"], name=f"Contact {number}")
    http.faults.extend([None, "lose", (400, {"code": "value_invalid"}, {})])
    http.log.clear()

    with pytest.raises(Rejected):
        crm.sync()
    answered = crm.status().pending
    crm.sync()

    assert answered == 25
    assert waits[-1] > 0
    assert sorted(c.name for c in crm.contacts.list(limit=100) if c.name.startswith("Contact")) == sorted(
        f"Contact {number}" for number in range(35)
    )
    assert crm.status().pending == 0


def test_a_sync_goes_over_http_and_counts_its_bytes(crm, server, http):
    """The same as without a network, and gzip both ways."""
    shop = stock_shop(server)
    crm.sync()
    with crm.transaction():
        for number in range(50):
            crm.contacts.create(account_id=shop["account"], name=f"Contact {number}")

    report = crm.sync()

    assert (report.applied, report.rows_put) == (1, 50)
    push = next(headers for path, headers, message in http.log if path == "/sync/push")
    assert push["Content-Encoding"] == "gzip"
    assert push["Authorization"] == "Bearer access-1"
    assert 500 < report.bytes_sent < 6_000
    assert 500 < report.bytes_received < 10_000


@pytest.mark.parametrize("fault", ["drop", "lose", "cut", (502, b"<html>", ())])
def test_what_gets_lost_on_the_way_is_asked_for_again(crm, server, http, waits, fault):
    """Before the server, behind it, or half way back: one effect each."""
    shop = stock_shop(server)
    crm.sync()
    crm.contacts.create(account_id=shop["account"], name="Ann")
    rows = len(server.rows)
    http.faults.append(fault)

    report = crm.sync()

    assert (report.pushed, report.applied) == (1, 1)
    assert len(server.rows) == rows + 1
    assert waits == [1.0]


def test_s8_a_push_says_when_it_was_sent_before(crm, server, http):
    """Within a sync and after it: only so can the server find a mutation that it does not survive."""
    shop = stock_shop(server)
    crm.sync()
    crm.contacts.create(account_id=shop["account"], name="Ann")
    http.faults.extend(["drop"] * 5)
    with pytest.raises(Offline):
        crm.sync()
    crm.contacts.create(account_id=shop["account"], name="Bob")

    crm.sync()
    crm.contacts.create(account_id=shop["account"], name="Cid")
    crm.sync()

    pushed = [message for path, _, message in http.log if path == "/sync/push" and message["mutations"]]
    assert [message.get("again", False) for message in pushed] == [False, True, True, True, True, True, False]


def test_a_network_that_is_gone_is_given_up_in_bounded_time(crm, server, http, waits):
    """A person waits for seconds, not for minutes; and their work is kept."""
    shop = stock_shop(server)
    crm.sync()
    crm.contacts.create(account_id=shop["account"], name="Ann")
    http.faults.extend(["drop"] * 5)

    with pytest.raises(Offline, match="kept on this device"):
        crm.sync()

    assert waits == [1.0, 2.0, 4.0, 8.0]
    assert crm.status().pending == 1


def test_the_time_limit_ends_the_attempts_too(kept, clock, http, waits):
    """A limit on everything."""
    seconds = itertools.count(0, 40)
    transport = HttpTransport(kept, clock=clock, sleep=waits.append, timer=lambda: next(seconds))
    http.faults.extend(["drop"] * 5)

    with pytest.raises(Offline):
        transport.pull({"protocol": 1, "schema": 1, "cursor": 0, "position": None})
    transport.close()

    assert waits[-1] > 0


def test_a_busy_server_says_how_long_to_wait(crm, http, waits):
    """503 with Retry-After is a request, not a failure."""
    http.faults.append((503, {"code": "busy"}, [("Retry-After", "3")]))

    crm.sync()

    assert waits == [3.0]


def test_a_server_that_asks_for_much_patience_is_left_alone(crm, http, waits):
    """An app should not hang for an hour; it is told when to come back."""
    http.faults.append((503, {"code": "busy"}, [("Retry-After", "3600")]))

    with pytest.raises(ServerUnavailable, match="503 busy") as caught:
        crm.sync()

    assert caught.value.retry_after_s == 3600
    assert waits == []


def test_something_that_answers_in_the_servers_place_is_no_server(crm, http, waits):
    """A hotel's log-in page says 200 to everything."""
    http.faults.extend([(200, b"<html>Welcome to our hotel</html>", ())] * 5)

    with pytest.raises(Offline):
        crm.sync()


def test_an_expired_token_is_renewed_and_kept(crm, http, kept):
    """The person notices nothing."""
    http.access_token = "access-other"

    crm.sync()

    assert paths(http)[:3] == ["/sync/pull", "/t/acme/devices/token", "/sync/pull"]
    assert (kept.load().refresh_token, kept.load().access_token) == ("refresh-2", "access-2")


def test_a_lost_reply_of_the_renewal_is_repeated_with_the_old_token(crm, http, kept):
    """The server has rotated, the device doesn't know: proof of the secret gets the same successor."""
    http.access_token = "access-other"
    http.faults.extend([None, "lose"])

    crm.sync()

    assert http.refresh_tokens == ["refresh-1", "refresh-2"]
    assert kept.load().refresh_token == "refresh-2"


def test_a_renewal_lost_for_good_is_repeated_after_a_restart(crm, http, kept, make_transport):
    """The app was closed in the tunnel; what is on the disk is the old token."""
    http.access_token = "access-other"
    http.faults.extend([None, *["lose"] * 5])
    with pytest.raises(Offline):
        crm.sync()
    assert kept.load().refresh_token == "refresh-1"

    make_transport().pull({"protocol": 1, "schema": 1, "cursor": 0, "position": None})

    assert kept.load().refresh_token == "refresh-2"
    assert not http.revoked


def test_a_revoked_device_keeps_its_data(crm, server, http):
    """No pull any more; but what the person wrote is theirs to hand over."""
    shop = stock_shop(server)
    crm.sync()
    crm.contacts.edit(shop["contact"], name="Freda")
    http.revoked = True

    with pytest.raises(DeviceRevoked, match="kept"):
        crm.sync()

    assert crm.contacts.get(shop["contact"]).name == "Freda"
    assert crm.status().pending == 1


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((426, {"code": "client_too_old", "detail": "Version 2 is needed."}, ()), ClientTooOld),
        ((409, {"code": "position_odd", "detail": "?"}, ()), Rejected),
        ((413, {"code": "too_large"}, ()), Rejected),
        ((200, {"puts": {}}, ()), ProtocolViolation),
        ((302, {}, [("Location", "https://elsewhere.example/")]), Rejected),
    ],
)
def test_each_trouble_has_its_name(crm, http, answer, error):
    """A program decides by class and code, never by text."""
    http.faults.append(answer)

    with pytest.raises(error):
        crm.sync()


def test_s2_a_replica_that_may_not_begin_anew_says_that_it_forked(crm, http):
    """A person must enrol it again; until then it keeps everything, and asks again with each sync."""
    http.faults.extend([(409, {"code": "forked", "number": 7}, ()), (403, {"code": "proof_invalid"}, ())])

    with pytest.raises(ReplicaForked, match=r"kept here.*enrol this device again"):
        crm.sync()
    http.faults.append((403, {"code": "proof_invalid"}, ()))
    with pytest.raises(ReplicaForked):
        crm.sync()

    [first, again] = [body for path, _, body in http.log if path == "/devices/incarnations"]
    assert first == again
    assert first["proof"]


def test_skew_is_measured_on_the_wire(crm, server, http, clock):
    """Retries and pauses must not count as distance of the clocks."""
    server.time = EPOCH_US + 3_600_000_000
    http.faults.extend(["drop", "drop"])

    crm.sync()

    assert abs(crm.status().skew_us - 3_600_000_000) < 1_000


def test_enrolment_keeps_what_the_server_gave(tmp_path, open_replica, http, kept):
    """One code, once; the file is its owner's alone."""
    store = FileCredentials(tmp_path / "new.json")
    crm = open_replica("new.db", credentials=store, transport=None)

    made = crm.enrol(server=http.url, tenant="acme", code="GOOD", name="Pixel")

    assert store.load() == made
    assert (made.slug, made.number_prefix) == ("acme", "W7")
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600
    assert "secret" not in repr(made)
    assert len(http.log[0][2]["secret"]) == 43
    assert crm.status().device_id == made.device_id


def test_a_wrong_code_is_said_in_the_servers_words(tmp_path, http):
    """Used, expired or unknown: the same words."""
    store = FileCredentials(tmp_path / "new.json")

    with pytest.raises(Rejected, match="not valid") as caught:
        enrol(store, server=http.url, tenant="acme", code="BAD")

    assert caught.value.code == "code_invalid"
    assert store.load() is None


def test_tokens_do_not_travel_in_the_open(tmp_path):
    """Plain http is for this machine alone."""
    with pytest.raises(NotEnrolled, match="not an https"):
        enrol(FileCredentials(tmp_path / "x"), server="http://crm.example", tenant="acme", code="GOOD")
