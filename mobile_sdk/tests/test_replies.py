"""Replies that are none: whatever JSON comes in a reply's place is refused whole, and changes nothing on the device."""

import pytest
from outrider_sdk import DeviceRevoked, FileCredentials, HttpTransport, ProtocolViolation, ReplicaForked, enrol
from outrider_sdk.errors import WipeOrdered
from sdk_fakes import credentials
from sdk_http import HttpServer

JUNK = {
    "text": "x", "less than nothing": -1, "more than 64 bits": 2**63, "a fraction": 1.5, "true": True,
    "a list": [None], "an object": {"a": None}, "null": None,
}  # fmt: skip
PAGE = {
    "applied_through": int, "server_time": int, "cursor": int, "incarnation": int, "complete": bool, "anew": bool,
    "outcomes": list, "puts": dict, "drops": dict, "view": str, "durable_through": int, "erased": list,
}  # fmt: skip
MAY_BE_NULL = {"durable_through", "erased"}
"""What a page may lack, it may also say nothing by."""


def fits(kind, name, value):
    return (type(value) is kind and value not in (-1, 2**63, [None], {"a": None})) or (
        value is None and name in MAY_BE_NULL
    )


@pytest.mark.parametrize("name", PAGE)
def test_a_page_with_a_member_that_is_something_else_changes_nothing(crm, shop, server, monkeypatch, name):
    """S4: a proxy that mends what it does not know must not leave half a page, nor an error that nobody expects."""
    crm.accounts.edit(shop["account"], name="Mine")
    before = crm.status().cursor, crm.status().pending, crm.accounts.get(shop["account"]).name
    pull = server.pull
    refused = []
    for junk in JUNK.values():
        if fits(PAGE[name], name, junk):
            continue
        monkeypatch.setattr(server, "pull", lambda request, junk=junk: pull(request) | {name: junk})
        monkeypatch.setattr(server, "push", lambda request: {"outcomes": [], "applied_through": 0, "server_time": 1})
        with pytest.raises(ProtocolViolation):
            crm.sync()
        refused.append(junk)

    assert len(refused) >= 5
    assert (crm.status().cursor, crm.status().pending, crm.accounts.get(shop["account"]).name) == before


@pytest.mark.parametrize("name", ["applied_through", "server_time", "outcomes"])
@pytest.mark.parametrize("junk", JUNK)
def test_an_answer_to_a_push_that_is_something_else_is_no_answer(crm, shop, server, monkeypatch, name, junk):
    """S1: the change is pending as before, and the next sync hands it in."""
    crm.accounts.edit(shop["account"], name="Mine")
    with monkeypatch.context() as patched:
        push = server.push
        patched.setattr(server, "push", lambda request: push(request) | {name: JUNK[junk]})
        with pytest.raises(ProtocolViolation):
            crm.sync()
        pending = crm.status().pending

    crm.sync()

    assert (pending, crm.status().pending, server.rows["account", shop["account"]]["name"]) == (1, 0, "Mine")


ENROLMENT = ("device_id", "member_id", "incarnation", "number_prefix", "refresh_token", "access_token", "lease")


@pytest.mark.parametrize("name", ENROLMENT)
def test_an_enrolment_that_is_something_else_leaves_no_credentials(tmp_path, http, monkeypatch, name):
    """Half of an identity would be found out at the first sync, far from whoever could draw another code."""
    store = FileCredentials(tmp_path / "credentials.json")
    enrolled = http._enrol
    for junk in JUNK.values():
        if name == "lease" and junk is None:  # a server without leases
            continue
        if junk == "x" and name not in ("incarnation", "lease"):  # any text may be one
            continue
        monkeypatch.setattr(http, "_enrol", lambda message, junk=junk: (201, enrolled(message)[1] | {name: junk}))
        with pytest.raises(ProtocolViolation):
            enrol(store, server=http.url, tenant="acme", code="GOOD")

    assert store.load() is None


@pytest.mark.parametrize("name", ["refresh_token", "access_token", "lease"])
def test_a_renewal_that_is_something_else_keeps_the_token_that_there_is(tmp_path, http, monkeypatch, name):
    """A device without its refresh token is locked out."""
    store = FileCredentials(tmp_path / "credentials.json")
    store.save(credentials(http.url))
    held, renewed = store.load(), http._token
    transport = HttpTransport(store)
    for junk in ([None], {"a": None}, 1.5, True):
        monkeypatch.setattr(http, "_token", lambda message, junk=junk: (200, renewed(message)[1] | {name: junk}))
        with pytest.raises(ProtocolViolation):
            transport._renew()
    transport.close()

    assert store.load() == held


@pytest.mark.parametrize("junk", ["", "later", None, True, 1, ["now"], {"now": True}], ids=repr)
def test_an_order_to_wipe_that_cannot_be_read_erases_nothing(tmp_path, server, junk):
    """What was erased by mistake is gone."""
    http = HttpServer(server)
    store = FileCredentials(tmp_path / "credentials.json")
    store.save(credentials(http.url))
    transport = HttpTransport(store)
    http.faults.extend([(401, {"code": "device_revoked", "wipe": junk}), (403, {"code": "wipe_ordered", "now": "no"})])

    with pytest.raises(DeviceRevoked) as revoked:
        transport.push({"protocol": 1, "incarnation": 1, "acked_through": 0, "mutations": []})
    with pytest.raises(WipeOrdered) as ordered:
        transport.push({"protocol": 1, "incarnation": 1, "acked_through": 0, "mutations": []})
    transport.close()
    http.close()

    assert (revoked.value.wipe, ordered.value.now) == (None, False)


@pytest.mark.parametrize("junk", JUNK)
def test_a_fork_whose_number_cannot_be_read_is_one_all_the_same(http, tmp_path, junk):
    """The device goes on as another one; that does not hang on the number."""
    store = FileCredentials(tmp_path / "credentials.json")
    store.save(credentials(http.url))
    transport = HttpTransport(store)
    http.faults.append((409, {"code": "forked", "number": JUNK[junk]}))

    with pytest.raises(ReplicaForked):
        transport.push({"protocol": 1, "incarnation": 1, "acked_through": 0, "mutations": []})
    transport.close()
