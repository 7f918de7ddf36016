"""Load: everything that a batch of mutations may touch or ask, in a handful of set-based reads.

The source of rows is a parameter, so that the simulator's memory is loaded by the same code as PostgreSQL.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from outrider_sdk.protocol.entities import (
    AGREEMENT,
    ASSIGNMENT,
    CONFLICT,
    ENTITIES,
    ORDER,
    ORDER_LINE,
    OUTLET,
    PRICE_LIST,
    PRODUCT,
    PRODUCT_UNIT,
    STOCK,
    Entity,
)

from server.sync.state import Device, Price, Row, State
from server.sync.values import is_id


class Source(Protocol):
    """Where rows come from."""

    async def load(self, entity: Entity, column: str, ids: Iterable[str], *, device: Device) -> list[Row]:
        """Rows whose id column has one of the values, with what the device's member sees of them."""

    async def load_prices(self, lists: Sequence[str], products: Sequence[str]) -> dict[tuple[str, str, str], Price]:
        """(price list, product, unit) → price with its history."""

    async def load_refused(self, device: Device, ids: Sequence[str]) -> dict[str, int]:
        """Ids that the device's refused mutations would have created → the number of the mutation."""


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
    named = _named_ids(mutations)
    if CONFLICT.name in named:
        await _add_conflicts(state, source, named)
    await _add(state, source, named)
    await _add(state, source, _referred(state, named))
    if "order" in named or "order_line" in named:
        await _add_orders(state, source)
    state.refused |= await source.load_refused(device, [i for ids in named.values() for i in ids])
    return state


def _named_ids(mutations: list[dict[str, Any]]) -> dict[str, set[str]]:
    """Ids by entity, as far as the mutations are well-formed: those of changed rows, and those in created fields."""
    named: dict[str, set[str]] = {}
    for mutation in mutations:
        for change in mutation["changes"] if isinstance(mutation["changes"], list) else ():
            if isinstance(change, dict):
                _collect(named, change)
    return named


def _collect(named: dict[str, set[str]], change: dict[str, Any]) -> None:
    about = str(change.get("name")).partition(".")[0] if change.get("op") == "intent" else str(change.get("entity"))
    entity = ENTITIES.get(about)
    if entity is None or not is_id(change.get("id")):
        return
    named.setdefault(entity.name, set()).add(change["id"])
    fields = change.get("fields")
    if change.get("op") != "create" or not isinstance(fields, dict):
        return
    for name, value in fields.items():
        target = entity.references.get(name)
        if target and is_id(value):
            named.setdefault(target, set()).add(value)
    if entity is OUTLET:
        named.setdefault(ASSIGNMENT.name, set())


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


def _referred(state: State, named: dict[str, set[str]]) -> dict[str, set[str]]:
    """Orders of the lines, which are needed to change a line."""
    lines = [row for row in state.rows.values() if row.entity is ORDER_LINE]
    orders = {str(row.values["order_id"]) for row in lines}
    if orders:
        named.setdefault("order", set()).update(orders)
    return {"order": orders} if orders else {}


async def _add_orders(state: State, source: Source) -> None:
    """What changing, judging or cancelling an order takes: its lines, terms, products, units, prices and stock."""
    device = state.device
    orders = [row for row in state.rows.values() if row.entity is ORDER]
    state.add(await source.load(ORDER_LINE, "order_id", [o.id for o in orders], device=device))
    referred: dict[str, set[str]] = {}
    for row in list(state.rows.values()):
        if row.entity in (ORDER, ORDER_LINE, OUTLET):
            for name, target in row.entity.references.items():
                if target in ("outlet", "agreement", "product", "price_list") and row.values[name]:
                    referred.setdefault(target, set()).add(row.values[name])
    await _add(state, source, referred)
    agreements = [row for row in state.rows.values() if row.entity is AGREEMENT]
    await _add(state, source, {PRICE_LIST.name: {str(a.values["price_list_id"]) for a in agreements}})
    products = [row.id for row in state.rows.values() if row.entity is PRODUCT]
    state.add(await source.load(PRODUCT_UNIT, "product_id", products, device=device))
    state.add(await source.load(STOCK, "product_id", products, device=device))
    lists = [row.id for row in state.rows.values() if row.entity is PRICE_LIST]
    state.prices |= await source.load_prices(lists, products)
