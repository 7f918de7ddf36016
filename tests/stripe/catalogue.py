"""Products and prices. A price never changes but for its name, metadata, lookup key and whether it is in use."""

from decimal import Decimal
from typing import Any

from tests.stripe.errors import StripeProblem
from tests.stripe.money import check_amount
from tests.stripe.routes import LISTING, route
from tests.stripe.world import Object, World, listed, merge_metadata


@route("post /v1/products", "id name active description metadata unit_label tax_code statement_descriptor url images")
def create_product(world: World, params: Object) -> Object:
    if "id" in params and params["id"] in world.objects:
        raise StripeProblem("Product already exists.", code="resource_already_exists", param="id")
    params = {"metadata": {}, "active": True, "type": "service", "updated": world.now(), **params}
    product = world.add("product", **params)
    world.emit("product.created", product)
    return product


@route("get /v1/products/{}")
def get_product(world: World, params: Object, product_id: str) -> Object:
    return world.live("product", product_id)


@route(
    "post /v1/products/{}",
    "name active description metadata unit_label tax_code statement_descriptor url images default_price",
)
def update_product(world: World, params: Object, product_id: str) -> Object:
    with world.changing(world.live("product", product_id)) as product:
        _assign(product, params)
        product["updated"] = world.now()
    return product


@route("delete /v1/products/{}")
def delete_product(world: World, params: Object, product_id: str) -> Object:
    product = world.live("product", product_id)
    if next(world.select("price", product=product_id), None):
        raise StripeProblem(f"This product cannot be deleted because it has one or more prices: {product_id}")
    return world.delete(product)


@route("get /v1/products", f"{LISTING} active ids created")
def list_products(world: World, params: Object) -> Object:
    found = world.select("product", active=params.get("active"))
    if "ids" in params:
        found = (each for each in found if each["id"] in params["ids"])
    return listed(found, params, "/v1/products")


@route(
    "post /v1/prices",
    "currency product product_data unit_amount unit_amount_decimal recurring lookup_key transfer_lookup_key nickname"
    " metadata active tax_behavior billing_scheme",
)
def create_price(world: World, params: Object) -> Object:
    if "product" in params:
        product_id = world.live("product", params["product"], "product", status=400)["id"]
    elif "product_data" in params:
        product_id = create_product(world, dict(params["product_data"]))["id"]
    else:
        raise StripeProblem("Must specify either `product_data` or `product`.", param="product")
    amount = Decimal(params.get("unit_amount_decimal", params.get("unit_amount", 0)))
    whole = int(amount) if amount == int(amount) else None
    if whole is not None:
        check_amount(whole, params["currency"], "unit_amount")
    recurring = params.get("recurring")
    price = world.add(
        "price", product=product_id, currency=params["currency"].lower(), unit_amount=whole,
        unit_amount_decimal=f"{amount.normalize():f}", type="recurring" if recurring else "one_time",
        billing_scheme=params.get("billing_scheme", "per_unit"), active=params.get("active", True),
        nickname=params.get("nickname"), metadata=params.get("metadata", {}),
        tax_behavior=params.get("tax_behavior", "unspecified"), recurring=_recurring(recurring),
    )  # fmt: skip
    _name(world, price, params)
    world.emit("price.created", price)
    return price


def _recurring(given: Object | None) -> Object | None:
    if given is None:
        return None
    return {
        "interval": given["interval"], "interval_count": given.get("interval_count", 1), "meter": given.get("meter"),
        "trial_period_days": None, "usage_type": given.get("usage_type", "licensed"),
    }  # fmt: skip


def _name(world: World, price: Object, params: Object) -> None:
    """Give a price its lookup key, taking it from another if that is asked."""
    key = params.get("lookup_key")
    if key is None:
        return
    other = next((each for each in world.select("price", lookup_key=key) if each is not price), None)
    if other is not None:
        if not params.get("transfer_lookup_key"):
            raise StripeProblem(
                f"A price (`{other['id']}`) already uses that lookup key.", code="resource_already_exists",
                param="lookup_key",
            )  # fmt: skip
        with world.changing(other):
            other["lookup_key"] = None
    price["lookup_key"] = key or None


@route("get /v1/prices/{}")
def get_price(world: World, params: Object, price_id: str) -> Object:
    return world.live("price", price_id)


@route("post /v1/prices/{}", "active lookup_key transfer_lookup_key nickname metadata tax_behavior")
def update_price(world: World, params: Object, price_id: str) -> Object:
    price = world.live("price", price_id)
    with world.changing(price):
        _name(world, price, params)
        _assign(price, {k: v for k, v in params.items() if k not in ("lookup_key", "transfer_lookup_key")})
    return price


@route("get /v1/prices", f"{LISTING} active lookup_keys product currency type recurring created")
def list_prices(world: World, params: Object) -> Object:
    found = world.select(
        "price", active=params.get("active"), product=params.get("product"), currency=params.get("currency"),
        type=params.get("type"),
    )  # fmt: skip
    if len(params.get("lookup_keys", ())) > 10:
        raise StripeProblem("lookup_keys takes 10 keys at most.", param="lookup_keys")
    if "lookup_keys" in params:
        found = (each for each in found if each["lookup_key"] in params["lookup_keys"])
    if "recurring" in params:
        found = (each for each in found if (params["recurring"].items() <= (each["recurring"] or {}).items()))
    return listed(found, params, "/v1/prices")


def _assign(into: Object, params: dict[str, Any]) -> None:
    for key, value in params.items():
        if key == "metadata":
            into["metadata"] = merge_metadata(into["metadata"], value)
        else:
            into[key] = None if value == "" else value
