"""Which events go where, how they are signed, and when they are tried again."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.webhooks.addresses import AddressRefused, Target, check_addresses, read_url
from server.webhooks.rules import (
    DISABLED_AFTER,
    PAUSE_MAX,
    SCHEDULE,
    SECRET_OVERLAP,
    Answer,
    Event,
    derive_secret,
    entities_of,
    event_types,
    find_idle,
    judge_webhook,
    matches,
    next_attempt,
    pause_after,
    secrets_in_force,
    sign,
    write_payload,
)

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
ID = UUID(int=5)
KEY = b"k" * 32


def test_the_signature_is_that_of_the_published_example():
    """Receivers verify with the libraries of Standard Webhooks, and this is the vector that those are tested with."""
    headers = sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
    )

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_for_a_day_after_a_rotation_both_secrets_sign():
    """The receiver changes its secret whenever it likes within that day, and misses nothing."""
    old, new = derive_secret(ID, 1, KEY), derive_secret(ID, 2, KEY)

    assert secrets_in_force(ID, 1, None, KEY, now=NOW) == [old]
    assert secrets_in_force(ID, 2, NOW, KEY, now=NOW + SECRET_OVERLAP - timedelta(seconds=1)) == [new, old]
    assert secrets_in_force(ID, 2, NOW, KEY, now=NOW + SECRET_OVERLAP) == [new]
    assert len(sign([new, old], "msg_1", NOW, b"{}")["webhook-signature"].split()) == 2
    assert len({old, new, derive_secret(UUID(int=6), 1, KEY), derive_secret(ID, 1, b"x" * 32)}) == 4


@pytest.mark.parametrize(
    ("pattern", "hits", "misses"),
    [
        ("*", ["order.created", "product.deleted"], []),
        ("order.*", ["order.created", "order.submitted"], ["order_line.created"]),
        ("*.deleted", ["order.deleted", "stock.deleted"], ["order.created"]),
        ("order.submitted", ["order.submitted"], ["order.changed", "order.accepted"]),
    ],
)
def test_patterns_match_what_they_say(pattern: str, hits: list[str], misses: list[str]):
    """A pattern that catches too much sends a receiver what it did not ask for."""
    assert all(matches([pattern], each) for each in hits)
    assert not any(matches([pattern], each) for each in misses)
    assert set(hits + misses) <= set(event_types())


def test_a_pattern_that_waits_for_nothing_is_found():
    """A typing error would be noticed only by the silence."""
    assert find_idle(["order.*", "oder.*", "order.submited", "*.created", "account.submitted", "", "*.*"]) == [
        "oder.*",
        "order.submited",
        "account.submitted",
        "",
        "*.*",
    ]
    assert entities_of(["order.*", "order.created", "*.deleted", "account.changed"]) == ["*", "account", "order"]


@given(st.sampled_from(event_types()), st.lists(st.sampled_from(["*", "order.*", "*.deleted", "account.created"])))
def test_an_event_that_a_pattern_takes_in_is_watched_for(event_type: str, patterns: list[str]):
    """The triggers look at the entities alone: they must never overlook an event."""
    watched = entities_of(patterns)

    if matches(patterns, event_type):
        assert "*" in watched or event_type.partition(".")[0] in watched


def test_the_payload_says_what_has_happened_and_no_value():
    """The receiver reads the row with rights of its own."""
    event = Event(ID, "order.changed", "order", UUID(int=9), 118, ["note"], NOW)

    assert msgspec.json.decode(write_payload(event)) == {
        "type": "order.changed",
        "timestamp": "2026-11-25T12:00:00Z",
        "data": {"entity": "order", "id": str(UUID(int=9)), "revision": 118, "changed": ["note"]},
    }


def test_attempts_are_spread_over_three_days():
    """A receiver that is down over a weekend gets everything."""
    pauses = [next_attempt(n, NOW) for n in range(1, len(SCHEDULE) + 1)]

    assert None not in pauses
    assert sum(SCHEDULE, timedelta()) > timedelta(days=3)
    assert next_attempt(len(SCHEDULE) + 1, NOW) is None


def test_a_dead_receiver_is_left_alone_for_longer_and_longer():
    """One that hangs at once, one that answers badly after three times."""
    assert [pause_after(n, timed_out=False) for n in (1, 2)] == [None, None]
    pauses = [pause_after(n, timed_out=True) for n in range(1, 60)]
    assert pauses == sorted(pauses)  # type: ignore[type-var]
    assert pauses[-1] == PAUSE_MAX
    assert pause_after(3, timed_out=False) == pauses[2]


def test_a_webhook_is_disabled_after_days_or_when_the_receiver_says_so():
    """410 means: stop."""
    bad, gone = Answer(500, None, 1), Answer(410, None, 1)

    assert judge_webhook(bad, NOW, NOW) is None
    assert judge_webhook(bad, NOW, NOW + DISABLED_AFTER - timedelta(seconds=1)) is None
    assert judge_webhook(bad, NOW, NOW + DISABLED_AFTER) == "failing"
    assert judge_webhook(gone, None, NOW) == "gone"


PUBLIC = ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]
PRIVATE = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.5.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0",
    "255.255.255.255", "224.0.0.1", "240.0.0.1", "198.18.0.1", "192.0.2.1",
    "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2001:0:7f00:1::", "::127.0.0.1",
    "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_no_private_address_is_gone_to(address: str):
    """Neither as it stands in the URL nor as what a name leads to."""
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(AddressRefused):
        read_url(f"https://{host}/hook", ())
    target = Target(True, "evil.example", 443, "/")
    with pytest.raises(AddressRefused):
        check_addresses(target, [ip_address(address)], ())
    with pytest.raises(AddressRefused, match="private"):
        check_addresses(target, [ip_address(PUBLIC[0]), ip_address(address)], ())


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_gone_to(address: str):
    """The guard of the inner network must not shut out the world."""
    check_addresses(Target(True, "good.example", 443, "/"), [ip_address(address)], ())


NO_URLS = [
    "http://good.example/", "ftp://good.example/", "//good.example/", "good.example", "", "https://", "https:///x",
    "https://user@good.example/", "https://user:pw@good.example/", "https://good.example/#part", "javascript:alert(1)",
    "https://good.example:0x50/", "https://good.example:99999/", "https://a b.example/", "https://good.example/\\evil",
    "https://good.example\r\nHost: x/", "https://127.1/", "https://0x7f000001/", "https://2130706433/",
    "https://0177.0.0.1/", "https://x.0x7f/", "https://[::1/", "https://\uff11\uff12\uff17.0.0.1/",
    "https://good.example/" + "x" * 2000, "https://" + "a" * 64 + ".example/",
]  # fmt: skip


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_url_for_a_webhook_is_refused(url: str):
    """When it is typed, and not at the first event."""
    with pytest.raises(AddressRefused):
        read_url(url, ())


def test_an_operator_may_let_webhooks_into_a_network_of_theirs():
    """The ERP next door; and nowhere else, nor over plain http elsewhere."""
    allowed = [ip_network("10.1.2.0/24")]

    assert read_url("http://10.1.2.3:8080/hook?x=1", allowed) == Target(False, "10.1.2.3", 8080, "/hook?x=1")
    with pytest.raises(AddressRefused):
        read_url("https://10.1.3.3/", allowed)
    plain = read_url("http://erp.example/", allowed)
    check_addresses(plain, [ip_address("10.1.2.3")], allowed)
    with pytest.raises(AddressRefused, match="https"):
        check_addresses(plain, [ip_address(PUBLIC[0])], allowed)


def test_names_keep_their_port_and_are_written_in_ascii():
    """The name that was checked is the name that is dialled, and told in the Host header."""
    target = read_url("https://bücher.example:8443", ())

    assert target == Target(True, "xn--bcher-kva.example", 8443, "/")
    assert target.host_header == "xn--bcher-kva.example:8443"
    assert read_url("https://Good.Example./x", ()).host_header == "good.example"
