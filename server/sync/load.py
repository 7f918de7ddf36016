"""Load: everything that a batch of mutations may touch or ask, in a handful of set-based reads.

The source of rows is a parameter, so that the simulator's memory is loaded by the same code as PostgreSQL.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from outrider_sdk.protocol.entities import (
    ACCOUNT,
    AGREEMENT,
    ASSIGNMENT,
    CONFLICT,
    CONTACT_CHANNEL,
    ENTITIES,
    MERGED_ENTITIES,
    ORDER,
    ORDER_LINE,
    OUTLET,
    PAYMENT,
    PAYMENT_ALLOCATION,
    PRICE_LIST,
    PRODUCT,
    PRODUCT_UNIT,
    RECEIVABLE,
    RETURN_LINE,
    RETURN_ORDER,
    STOCK,
    STOCK_MOVEMENT,
    Entity,
    Kind,
)

from server.crm.erasure.redact import ids_of
from server.crm.order.rules import Credit
from server.sync.scopes import FOLLOWERS
from server.sync.state import PARENT_COLUMNS, Device, Facts, PriceKey, PriceSteps, Row, State
from server.sync.values import is_id, is_storable


@dataclass(slots=True)
class Asked:
    """What the mutations make worth knowing beside rows."""

    custom_of: set[str] = field(default_factory=set)
    """Entities whose `custom` is written."""
    phones: bool = False
    tax_ids: set[str] = field(default_factory=set)
    """As they were typed."""
    new_outlets: set[str] = field(default_factory=set)
    edited: set[str] = field(default_factory=set)
    """Entities whose rows are changed: of them the masters of fields count."""


class Past(NamedTuple):
    """What may have become of rows that a batch names. Most tenants have none of it, and then nothing is asked."""

    merges: bool
    """Rows were merged."""
    erasures: bool
    """People were erased."""
    refusals: bool
    """Mutations of the device, under any id, were refused."""


class Source(Protocol):
    """Where rows come from."""

    async def load(self, entity: Entity, column: str, ids: Iterable[str], *, device: Device) -> list[Row]:
        """Rows whose id column has one of the values, with what the device's member sees of them."""

    async def load_prices(self, lists: Sequence[str], products: Sequence[str]) -> dict[PriceKey, PriceSteps]:
        """The prices of products in lists, from least quantities on, with their history."""

    async def load_credits(self, agreement_ids: Collection[str]) -> dict[str, Credit]:
        """Agreement → its credit; only of those that have a limit."""

    async def load_past(self, device: Device) -> Past:
        """What there is to ask for at all."""

    async def load_merged(self, ids: Iterable[str]) -> dict[str, str]:
        """Those of the ids that were merged away → the ids of the rows that they go on as."""

    async def load_facts(self, asked: Asked, *, device: Device) -> Facts:
        """What is asked of the tenant beside rows."""

    async def load_refused(self, device: Device, ids: Sequence[str]) -> dict[str, int]:
        """Ids that the device's refused mutations would have created → the number of the mutation."""

    async def load_erased(self, ids: Sequence[str]) -> set[str]:
        """Those of the ids that are rows of people who were erased."""


async def load_state(
    mutations: list[dict[str, Any]],
    device: Device,
    *,
    revision: int,
    now: int,
    price_window: int,
    source: Source,
) -> State:
    """Load what the mutations name, and what orders among it need to be judged."""
    state = State(device, revision, now, price_window)
    changes, past = list(_changes(mutations)), await source.load_past(device)
    named, asked = _named_ids(changes), _asked(changes)
    if CONFLICT.name in named:
        await _add_conflicts(state, source, named)
        asked.custom_of |= named.keys()
        asked.edited |= named.keys()
    if past.merges:
        await _follow_merges(state, source, named)
    state.facts = await source.load_facts(asked, device=device)
    await _add(state, source, named)
    foreign = [i for name in state.facts.masters for i in named.get(name, ())]
    state.add(await source.load(CONFLICT, "row_id", foreign, device=device))
    await _add(state, source, {ACCOUNT.name: {i for ids in state.facts.accounts_by_tax_id.values() for i in ids}})
    await _add(state, source, _parents(state, named))
    if named.keys() & {"order", "order_line", "return_order", "return_line"}:
        await _add_orders(state, source)
    await _add_related(state, source, named, changes)
    if past.refusals:
        state.refused |= await source.load_refused(device, [i for ids in named.values() for i in ids])
    if past.erasures:
        state.erased |= await source.load_erased(sorted(_mentioned_ids(changes)))
    return state


def _changes(mutations: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The changes, as far as they have the form of one."""
    for mutation in mutations:
        for change in mutation["changes"] if isinstance(mutation["changes"], list) else ():
            if isinstance(change, dict):
                yield change


def _fields(change: dict[str, Any]) -> dict[str, Any]:
    fields = change.get("fields")
    return fields if isinstance(fields, dict) else {}


def _asked(changes: list[dict[str, Any]]) -> Asked:
    asked = Asked()
    for change in changes:
        entity, op, fields = str(change.get("entity")), change.get("op"), _fields(change)
        if entity not in ENTITIES:
            continue
        if "custom" in fields or op == "create":  # some may be required
            asked.custom_of.add(entity)
        if op == "edit":
            asked.edited.add(entity)
        asked.phones = asked.phones or entity == CONTACT_CHANNEL.name
        if entity == OUTLET.name and op == "create" and is_id(change.get("id")):
            asked.new_outlets.add(change["id"])
        if entity == ACCOUNT.name and isinstance(fields.get("tax_id"), str):
            asked.tax_ids |= {fields["tax_id"]} if is_storable(fields["tax_id"]) else set()
    return asked


def _mentioned_ids(changes: list[dict[str, Any]]) -> set[str]:
    """All ids that stand anywhere in the changes: a comment names its person in a field that refers to no entity."""
    return {i for change in changes for i in ids_of(change) if is_id(i)}


def _named_ids(changes: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Ids by entity, as far as the changes are well-formed: those of changed rows, and those in created fields."""
    named: dict[str, set[str]] = {}
    for change in changes:
        _collect(named, change)
    return named


def _collect(named: dict[str, set[str]], change: dict[str, Any]) -> None:
    about = str(change.get("name")).partition(".")[0] if change.get("op") == "intent" else str(change.get("entity"))
    entity = ENTITIES.get(about)
    if entity is None or not is_id(change.get("id")):
        return
    named.setdefault(entity.name, set()).add(change["id"])
    fields, references = _fields(change), entity.references
    for name, value in fields.items():
        if name not in references:
            continue
        wanted = value.get("value") if isinstance(value, dict) else value  # of an edit, or of a create
        if is_id(wanted):
            named.setdefault(references[name], set()).add(str(wanted))
    if entity.name in FOLLOWERS and str(fields.get("entity")) in ENTITIES and is_id(fields.get("row_id")):
        named.setdefault(str(fields["entity"]), set()).add(fields["row_id"])
    if entity is OUTLET and change.get("op") == "create":
        named.setdefault(ASSIGNMENT.name, set())


async def _follow_merges(state: State, source: Source, named: dict[str, set[str]]) -> None:
    """Rows that go on under another id count as named with that one."""
    losers = {i for entity in MERGED_ENTITIES for i in named.get(entity, ())}
    if losers:
        state.merged = await source.load_merged(losers)
    for entity in MERGED_ENTITIES:
        found = named.get(entity, set())
        found |= {state.merged[i] for i in found if i in state.merged}


async def _add_conflicts(state: State, source: Source, named: dict[str, set[str]]) -> None:
    """Conflicts to settle with all others of their rows; the rows count as named, with whatever changing them asks."""
    found = await source.load(CONFLICT, "id", named[CONFLICT.name], device=state.device)
    for conflict in found:
        if conflict.values["entity"] in ENTITIES:
            named.setdefault(conflict.values["entity"], set()).add(conflict.values["row_id"])
    state.add(found)
    state.add(await source.load(CONFLICT, "row_id", {c.values["row_id"] for c in found}, device=state.device))


async def _add(state: State, source: Source, ids: dict[str, set[str]]) -> None:
    for name, wanted in ids.items():
        missing = [i for i in wanted if (name, i) not in state.rows]
        if missing:
            state.add(await source.load(ENTITIES[name], "id", missing, device=state.device))


def _parents(state: State, named: dict[str, set[str]]) -> dict[str, set[str]]:
    """Orders and returns of the lines, which are needed to change a line."""
    parents: dict[str, set[str]] = {}
    for row in state.rows.values():
        if row.entity in (ORDER_LINE, RETURN_LINE):
            column = PARENT_COLUMNS[row.entity.name]
            parents.setdefault(row.entity.references[column], set()).add(str(row.values[column]))
    for name, ids in parents.items():
        named.setdefault(name, set()).update(ids)
    return parents


async def _add_related(state: State, source: Source, named: dict[str, set[str]], changes: list[dict[str, Any]]) -> None:
    """What new orders, payments, movements and channels are held against."""
    created: dict[str, list[dict[str, Any]]] = {}
    for change in changes:
        if change.get("op") == "create" and isinstance(change.get("entity"), str):
            created.setdefault(change["entity"], []).append(_fields(change))

    async def add(entity: Entity, column: str, values: Iterable[Any]) -> None:
        is_key = is_storable if entity.by_name[column].kind is Kind.TEXT else is_id
        wanted = {str(value) for value in values if is_key(value)}
        state.add(await source.load(entity, column, wanted, device=state.device))

    if CONFLICT.name in named:  # settling one about a payment's receipt lets it pay debts
        held = [state.rows[PAYMENT.name, i] for i in named.get(PAYMENT.name, ()) if (PAYMENT.name, i) in state.rows]
        await add(RECEIVABLE, "account_id", (row.values["account_id"] for row in held))
    if ORDER.name in created:
        await add(ORDER, "number", (o.get("number") for o in created[ORDER.name]))
    payments = created.get(PAYMENT.name)
    if payments:
        reversed_ids = [p.get("reversal_of_id") for p in payments]
        await add(RECEIVABLE, "account_id", (p.get("account_id") for p in payments))
        await add(PAYMENT, "receipt_number", (p.get("receipt_number") for p in payments))
        await add(PAYMENT, "reversal_of_id", reversed_ids)
        await add(PAYMENT_ALLOCATION, "payment_id", reversed_ids)
    if STOCK_MOVEMENT.name in created:
        await add(STOCK, "product_id", (m.get("product_id") for m in created[STOCK_MOVEMENT.name]))
    if CONTACT_CHANNEL.name in created:
        await add(CONTACT_CHANNEL, "contact_id", (c.get("contact_id") for c in created[CONTACT_CHANNEL.name]))


async def _add_orders(state: State, source: Source) -> None:
    """What changing, judging or cancelling an order takes: its lines, terms, products, units, prices and stock."""
    device = state.device
    for order, line in ((ORDER, ORDER_LINE), (RETURN_ORDER, RETURN_LINE)):
        ids = [row.id for row in state.rows.values() if row.entity is order]
        state.add(await source.load(line, PARENT_COLUMNS[line.name], ids, device=device))
    referred: dict[str, set[str]] = {}
    for row in list(state.rows.values()):
        if row.entity in (ORDER, ORDER_LINE, RETURN_ORDER, RETURN_LINE, OUTLET):
            for name, target in row.entity.references.items():
                if target in ("outlet", "agreement", "product", "price_list") and row.values[name]:
                    referred.setdefault(target, set()).add(row.values[name])
    await _add(state, source, referred)
    agreements = [row for row in state.rows.values() if row.entity is AGREEMENT]
    await _add(state, source, {PRICE_LIST.name: {str(a.values["price_list_id"]) for a in agreements}})
    products = [row.id for row in state.rows.values() if row.entity is PRODUCT]
    state.add(await source.load(PRODUCT_UNIT, "product_id", products, device=device))
    state.add(await source.load(STOCK, "product_id", products, device=device))
    if agreements:
        state.credits = await source.load_credits([row.id for row in agreements])
    lists = [row.id for row in state.rows.values() if row.entity is PRICE_LIST]
    state.prices |= await source.load_prices(lists, products)
