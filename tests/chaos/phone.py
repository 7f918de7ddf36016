"""What a person does with a phone, in a process that is killed at any moment: work, and now and then a sync."""

import contextlib
import random
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from outrider_sdk import InvalidValue, NotFound, Offline, Replica, ServerUnavailable

LINES: Final = 3
SHARED: Final = 5
"""So many contacts everybody edits: conflicts are wanted."""
SYNC_SHARE: Final = 0.35


def work(path: Path, name: str, pipe: Connection) -> None:
    """Work until somebody kills the process.

    Says `("did", kind, token, row)` after each transaction that the SDK returned from, and `("wrong", text)` where
    the SDK does or shows what it must not.
    """
    chance = random.Random(name)
    try:
        with Replica.open(path) as crm:
            for count in range(1_000_000):
                act = chance.choice(list(ACTS)) if crm.contacts.count() else None
                token = f"{name}.{count}"
                if act is not None and (row := ACTS[act](crm, chance, token)):
                    pipe.send(("did", act, token, row))
                if act is None or chance.random() < SYNC_SHARE:
                    _sync(crm, pipe)
    except Exception as error:  # whatever it is, the run must hear of it
        pipe.send(("wrong", f"{type(error).__name__}: {error}"))


def _sync(crm: Replica, pipe: Connection) -> None:
    with contextlib.suppress(Offline, ServerUnavailable):  # it comes again
        crm.sync()
    for wrong in check(crm):
        pipe.send(("wrong", wrong))


def check(crm: Replica) -> list[str]:
    """What a replica shows and must not: broken rules of the file, or an order without all of its lines (S4)."""
    torn = crm.query(
        'SELECT o.note, count(l.id) AS lines FROM "order" o LEFT JOIN order_line l ON l.order_id = o.id'
        " WHERE o.note LIKE 'chaos.%' GROUP BY o.id HAVING count(l.id) <> ?",
        (LINES,),
    )
    return [*map(str, crm.verify()), *(f"S4: order {row['note']} shows {row['lines']} lines" for row in torn)]


def _create_contact(crm: Replica, chance: random.Random, token: str) -> str:
    account = chance.choice(crm.accounts.list(limit=20))
    made = crm.contacts.create(account_id=account.id, name=token)
    return _shown(made.id, crm.contacts.get(made.id).name, token)


def _edit_contact(crm: Replica, chance: random.Random, token: str) -> str:
    row = chance.choice(crm.contacts.list(order_by="id", limit=SHARED))
    crm.contacts.edit(row.id, description=token)
    return _shown(row.id, crm.contacts.get(row.id).description, token)


def _comment(crm: Replica, chance: random.Random, token: str) -> str:
    outlet = chance.choice(crm.outlets.list(limit=20))
    made = crm.comments.create(entity="outlet", row_id=outlet.id, body=token)
    return _shown(made.id, crm.comments.get(made.id).body, token)


def _order(crm: Replica, chance: random.Random, token: str) -> str:
    outlet = chance.choice(crm.outlets.list(limit=20))
    goods = crm.products.list(where={"active": True}, limit=30)
    try:
        with crm.transaction():
            order = crm.orders.create(outlet_id=outlet.id, note=token)
            for product in chance.sample(goods, LINES):
                crm.order_lines.create(order_id=order.id, product_id=product.id, quantity=chance.randrange(1, 4))
            crm.orders.submit(order.id)
    except (InvalidValue, NotFound):
        return ""  # no agreement with this customer, or no price: nothing was captured
    return _shown(order.id, crm.orders.get(order.id).note, token)


def _shown(row: str, shown: Any, token: str) -> str:
    """The row, unless somebody does not see what they have just done (S4)."""
    if shown != token:
        raise AssertionError(f"S4: shows {shown!r} where {token!r} was typed")
    return row


ACTS: Final[dict[str, Callable[[Replica, random.Random, str], str]]] = {
    "create": _create_contact, "edit": _edit_contact, "comment": _comment, "order": _order,
}  # fmt: skip
