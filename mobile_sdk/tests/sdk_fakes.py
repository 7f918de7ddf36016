"""A small, honest server in memory: it numbers, decides and remembers as docs/sync-protocol.md says.

It merges in the simplest legal way (a concurrent edit of another value keeps the server's), sees no scopes, and
serves one device, in as many incarnations as it takes. `FakeTransport` brings it to a replica without a network, and
loses replies where a test wants it to.
"""

# ruff: noqa: S106  (made-up tokens)

import copy
import json
from collections import deque
from types import SimpleNamespace
from uuid import UUID

from outrider_sdk import Credentials, Offline, Rejected, ReplicaForked
from outrider_sdk.protocol import ENTITIES, GENESIS_DIGEST, chain_digest

EPOCH_US = 1_700_000_000_000_000
DEVICE_ID = "0190a000-0000-7000-8000-00000000000d"
MEMBER_ID = "0190a000-0000-7000-8000-00000000000e"


def fixed_id(number):
    return str(UUID(int=0x0190A000_0000_7000_8000_000000000000 + number))


def credentials(server="https://fake.example"):
    return Credentials(
        server=server,
        slug="acme",
        device_id=DEVICE_ID,
        member_id=MEMBER_ID,
        incarnation=1,
        number_prefix="W7",
        secret="c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTMyYnk",
        refresh_token="refresh-1",
        access_token="access-1",
    )


class FakeClock:
    """Microseconds that go on by one at each look."""

    def __init__(self, now=EPOCH_US):
        self.now = now

    def __call__(self):
        self.now += 1
        return self.now


class FakeServer:
    """One tenant, one device."""

    def __init__(self, page_size=1_000):
        self.page_size = page_size
        self.revision = 0
        self.rows = {}
        self.stamps = {}
        self.tombstones = {}
        self.known = {}
        self.digests = {0: GENESIS_DIGEST}
        self.applied_through = 0
        self.acked_through = 0
        self.incarnation = 1
        self.view = "all"
        self.time = EPOCH_US
        self.refusing = {}
        self.choices = {}
        self.later = {}
        self.lost = []

    def backup(self):
        """All that it knows, as of now."""
        kept = ("rows", "stamps", "tombstones", "known", "digests", "revision", "applied_through", "acked_through")
        return {name: copy.deepcopy(getattr(self, name)) for name in kept}

    def restore(self, backup):
        """Begin again where the backup was made; revisions go on beyond those that were given out."""
        beyond = self.revision + 1_000
        self.__dict__.update(copy.deepcopy(backup))
        self.revision = beyond

    def life(self, incarnation):
        """Numbers, digests and outcomes of an incarnation; those of the first are the server's own attributes."""
        return self if incarnation == self.incarnation else self.later[incarnation]

    def begin_incarnation(self, request):
        """The device goes on from the newest point that is known, or the oldest one."""
        made = next((life for life in self.later.values() if life.key == request["key"]), None)
        if made is None:
            lives = [self, *self.later.values()]
            points = [(p["number"], p["digest"]) for p in request["points"]]
            known = [p for p in points if any(life.digests.get(p[0]) == p[1] for life in lives)]
            after, digest = known[0] if known else points[-1]
            made = SimpleNamespace(key=request["key"], applied_through=after, acked_through=after, known={})
            made.digests, made.after, made.number = {after: digest}, after, len(self.later) + 2
            self.later[made.number] = made
            self.lost += [request["lost"]] if "lost" in request else []
        identity = {"device_id": fixed_id(0xD00 + made.number), "incarnation": made.number}
        return identity | {"number_prefix": f"X{made.number}", "after": made.after}

    def put(self, entity, /, **fields):
        """Write a row as somebody else would, in a revision of its own; the id."""
        self.revision += 1
        return self._put(entity, fields, "other")

    def remove(self, entity, row_id):
        self.revision += 1
        self._remove(entity, row_id)

    def _put(self, entity, fields, writer):
        row_id = fields.setdefault("id", fixed_id(len(self.rows) + 1))
        row = self.rows.get((entity, row_id))
        if row is None:
            row = dict.fromkeys(ENTITIES[entity].columns)
            row |= {"created_at": EPOCH_US, "updated_at": EPOCH_US, "custom": "{}", "id": row_id}
        self.rows[entity, row_id] = row | fields | {"revision": self.revision}
        for name in fields:
            self.stamps[entity, row_id, name] = (self.revision, writer)
        self.tombstones.pop((entity, row_id), None)
        return row_id

    def _remove(self, entity, row_id):
        self.rows.pop((entity, row_id), None)
        self.tombstones[entity, row_id] = self.revision

    def push(self, request):
        if request["incarnation"] not in (self.incarnation, *self.later):
            raise Rejected(409, "incarnation_unknown", "another incarnation")
        life = self.life(request["incarnation"])
        life.acked_through = max(life.acked_through, request["acked_through"])
        outcomes = []
        for mutation in request["mutations"]:
            number = mutation["number"]
            if number in life.known:
                if life.known[number]["digest"] != mutation["digest"]:
                    raise ReplicaForked(number)
                outcomes.append(life.known[number])
                continue
            expected = life.applied_through + 1
            if number != expected:
                raise Rejected(409, "number_gap", "gap", {"expected": expected})
            body = {key: value for key, value in mutation.items() if key != "redacted"}
            if "redacted" not in mutation and chain_digest(life.digests[number - 1], body) != mutation["digest"]:
                raise ReplicaForked(number)
            outcome = self._recognised(mutation) or self._apply(mutation)
            life.known[number] = outcome
            life.digests[number] = mutation["digest"]
            life.applied_through = number
            outcomes.append(outcome)
        return {"outcomes": outcomes, "applied_through": life.applied_through, "server_time": self.time}

    def _recognised(self, mutation):
        known = [life.known.get(mutation["number"]) for life in (self, *self.later.values())]
        return next((each for each in known if each and each["digest"] == mutation["digest"]), None)

    def _apply(self, mutation):
        outcome = {"number": mutation["number"], "digest": mutation["digest"], "status": "applied"}
        undo = self._undo_of(mutation["changes"])
        self.revision += 1
        conflicts = []
        for change in mutation["changes"]:
            code = self.refusing.get(mutation["number"]) or self._change(change, conflicts)
            if code:
                undo()
                told = {"code": code, "explanation": f"It was {code}."}
                choices = self.choices.get(mutation["number"], [{"code": "discard", "label": "Discard"}])
                return outcome | {"status": "refused", "choices": choices, **told}
        return outcome | ({"status": "merged", "conflicts": conflicts} if conflicts else {})

    def _undo_of(self, changes):
        keys = [(c.get("entity") or "order", c["id"]) for c in changes]
        stamps = [(*key, column) for key in keys for column in ENTITIES[key[0]].columns]
        before = [
            (held, {key: held.get(key) for key in of})
            for held, of in ((self.rows, keys), (self.tombstones, keys), (self.stamps, stamps))
        ]

        def undo():
            for held, values in before:
                for key, value in values.items():
                    if value is None:
                        held.pop(key, None)
                    else:
                        held[key] = value

        return undo

    def _change(self, change, conflicts):
        if change["op"] == "intent":
            return self._intent(change)
        entity, row_id = change["entity"], change["id"]
        row = self.rows.get((entity, row_id))
        if change["op"] == "create":
            if row is not None:
                return "already_exists"
            self._put(entity, self._defaults(entity, change["fields"]) | {"id": row_id}, "device")
            return None
        if row is None:
            return "not_found"
        if change["op"] == "delete":
            self._remove(entity, row_id)
            return None
        for name, edit in change["fields"].items():
            revision, writer = self.stamps.get((entity, row_id, name), (0, "other"))
            if revision > edit["base"] and writer != "device" and row[name] != edit["value"]:
                told = {"entity": entity, "row_id": row_id, "field": name, "kept": row[name], "lost": edit["value"]}
                conflicts.append({"id": fixed_id(999), "yours": "lost", "explanation": "Someone else did."} | told)
            else:
                self._put(entity, {"id": row_id, name: edit["value"]}, "device")
        return None

    def _defaults(self, entity, fields):
        if entity == "order":
            agreement = self.rows["agreement", fields["agreement_id"]]
            copied = {n: agreement[n] for n in ("account_id", "legal_entity_id", "price_list_id", "currency")}
            return {"status": "draft", "total_minor": 0, "price_list_version": 1, **copied, **fields}
        if entity == "order_line":
            return {"adjustments": "[]", "amount_minor": 1, "factor": "1", **fields}
        return fields

    def _intent(self, change):
        if ("order", change["id"]) not in self.rows:
            return "not_found"
        status = {"order.submit": "accepted", "order.cancel": "cancelled"}[change["name"]]
        total = change["seen"].get("total_minor", 0)
        self._put("order", {"id": change["id"], "status": status, "total_minor": total}, "device")
        return None

    def pull(self, request):
        anew = self.view != request.get("view") and request["cursor"] > 0
        start = [0 if anew else request["cursor"], "\uffff", ""]
        position = json.loads(request["position"]) if request["position"] else start
        news = [([row["revision"], *key], row) for key, row in self.rows.items()]
        news += [([revision, *key], None) for key, revision in self.tombstones.items()]
        news = sorted((item for item in news if item[0] > position), key=lambda item: item[0])
        page, complete = news[: self.page_size], len(news) <= self.page_size
        puts, drops = {}, {}
        for (_, entity, row_id), row in page:
            if row is None:
                drops.setdefault(entity, []).append(row_id)
            else:
                columns = puts.setdefault(entity, {name: [] for name in row})
                for name, value in row.items():
                    columns[name].append(value)
        life = self.life(request.get("incarnation", self.incarnation))
        unacknowledged = [outcome for number, outcome in life.known.items() if number > life.acked_through]
        return {
            "puts": puts,
            "drops": drops,
            "cursor": self.revision,
            "view": self.view,
            "anew": anew,
            "complete": complete,
            "position": None if complete else json.dumps(page[-1][0]),
            "applied_through": life.applied_through,
            "incarnation": request.get("incarnation", self.incarnation),
            "outcomes": unacknowledged if complete else [],
            "server_time": self.time,
        }


class FakeTransport:
    """Straight to a `FakeServer`.

    `faults` says per request what goes wrong: "before" it arrives, "after" (its reply is lost), or None.
    """

    def __init__(self, server):
        self.server = server
        self.faults = deque()
        self.requests = []
        self.contact_time = None
        self.bytes_sent = self.bytes_received = 0
        self.before_pull = None
        self.incarnation = server.incarnation

    def push(self, request):
        return self._call("push", request)

    def pull(self, request):
        if self.before_pull:
            self.before_pull()
        return self._call("pull", request, incarnation=self.incarnation)

    def begin_incarnation(self, request):
        reply = self._call("begin_incarnation", request)
        self.incarnation = reply["incarnation"]
        return reply

    def _call(self, name, request, **more):
        fault = self.faults.popleft() if self.faults else None
        if fault == "before":
            raise Offline("The network is gone.")
        self.requests.append((name, json.loads(json.dumps(request))))
        reply = json.loads(json.dumps(getattr(self.server, name)(json.loads(json.dumps({**request, **more})))))
        if fault == "after":
            raise Offline("The reply is gone.")
        return reply

    def close(self):
        pass


def stock_shop(server):
    """What an order needs: an account with an outlet and an agreement, a price list, two products, two warehouses."""
    ids = {"legal": server.put("legal_entity", name="Outrider Ltd", currency="EUR")}
    ids["prices"] = server.put("price_list", name="Retail", currency="EUR", version=3)
    ids["tea"] = server.put("product", sku="TEA", name="Tea", names="{}", base_unit="pc", active=True)
    ids["jam"] = server.put("product", sku="JAM", name="Jam", names="{}", base_unit="pc", active=True)
    server.put("product_unit", product_id=ids["tea"], unit="box", factor="12", multiple="1")
    priced = {"price_list_id": ids["prices"], "unit": "pc"}
    server.put("price_item", product_id=ids["tea"], price="2.50", minimum_quantity="0", **priced)
    server.put("price_item", product_id=ids["tea"], price="2.00", minimum_quantity="100", **priced)
    server.put("price_item", product_id=ids["jam"], price="3.00", minimum_quantity="0", ends_on="2001-01-01", **priced)
    ids["van"] = server.put("warehouse", name="Van", warehouse_kind="van")
    ids["depot"] = server.put("warehouse", name="Depot", warehouse_kind="depot", legal_entity_id=ids["legal"])
    ids["account"] = server.put("account", name="Wilma", roles='["customer"]', tags="[]")
    terms = {"legal_entity_id": ids["legal"], "price_list_id": ids["prices"], "currency": "EUR", "discount_max": "0.1"}
    ids["agreement"] = server.put("agreement", account_id=ids["account"], **terms)
    ids["outlet"] = server.put("outlet", account_id=ids["account"], name="Wilma's", tags="[]", address='{"city":"Ulm"}')
    ids["contact"] = server.put("contact", account_id=ids["account"], name="Fred", job_title="Buyer")
    return ids


def mutations(crm):
    """What waits in the outbox of a replica, or has gone out from it, by number."""
    rows = crm.query("SELECT number, digest, captured_at, skew, changes FROM sync_outbox ORDER BY number")
    return [row | {"changes": json.loads(row["changes"])} for row in rows]
