"""`expand`: ids replaced by their objects, and fields that are left out unless asked for."""

from collections.abc import Callable
from typing import Any

import msgspec

from tests.stripe.blanks import page
from tests.stripe.errors import StripeProblem
from tests.stripe.world import Object, World

DEPTH_MAX = 4
Include = Callable[[World, Object], Any]


def _pages(kind: str, path: str, **by: str) -> Include:
    (field,) = by.values()

    def include(world: World, owner: Object) -> Object:
        found = list(world.select(kind, **{field: owner["id"]}))
        return page(path.replace("{}", owner["id"]), found[:10], has_more=len(found) > 10)

    return include


# What is absent unless asked for.
INCLUDABLE: dict[tuple[str, str], Include] = {
    ("customer", "tax_ids"): _pages("tax_id", "/v1/customers/{}/tax_ids", by="customer"),
    ("customer", "subscriptions"): _pages("subscription", "/v1/customers/{}/subscriptions", by="customer"),
    ("charge", "refunds"): _pages("refund", "/v1/charges/{}/refunds", by="charge"),
    ("invoice", "payments"): _pages("invoice_payment", "/v1/invoice_payments?invoice={}", by="invoice"),
    ("checkout.session", "line_items"): lambda world, owner: page(
        f"/v1/checkout/sessions/{owner['id']}/line_items",
        [each for each in world.kinds["item"] if each["id"] in world.line_items.get(owner["id"], ())],
    ),
}


def expanded(world: World, result: Object, paths: list[str]) -> Object:
    """A copy in which what was asked for is expanded; the object itself when nothing was."""
    if not paths:
        return result
    copy: Object = msgspec.json.decode(msgspec.json.encode(result))
    for path in paths:
        names = path.split(".")
        if len(names) > DEPTH_MAX + (names[0] == "data"):
            raise StripeProblem(f"You cannot expand more than {DEPTH_MAX} levels of a property", param="expand")
        _expand(world, copy, names, path)
    return copy


def _expand(world: World, into: Any, names: list[str], whole: str) -> None:
    if isinstance(into, list):
        for index, each in enumerate(into):
            if isinstance(each, str):
                into[index] = each = _object(world, each, whole)
            _expand(world, each, names, whole)
        return
    if not names or into is None:
        return
    if not isinstance(into, dict):
        raise StripeProblem(f"This property cannot be expanded ({whole}).", param="expand")
    if into.get("deleted") is True:  # nothing is left of it to expand
        return
    name, *rest = names
    include = INCLUDABLE.get((into.get("object", ""), name))
    if include is not None and name not in into:
        into[name] = msgspec.json.decode(msgspec.json.encode(include(world, into)))
    if name not in into:
        raise StripeProblem(f"This property cannot be expanded ({whole}).", param="expand")
    if isinstance(into[name], str):
        into[name] = _object(world, into[name], whole)
    if isinstance(into[name], list) or rest:
        _expand(world, into[name], rest, whole)


def _object(world: World, object_id: str, whole: str) -> Object:
    found = world.objects.get(object_id)
    if found is None:
        raise StripeProblem(f"This property cannot be expanded ({whole}).", param="expand")
    copy: Object = msgspec.json.decode(msgspec.json.encode(found))
    return copy
