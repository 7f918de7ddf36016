"""The search endpoints, with the part of Stripe's query language that is equality and `AND`.

Stripe's own index lags behind by up to a minute; here what was written is found at once.
"""

import re
from collections.abc import Callable

from tests.stripe.errors import StripeProblem, Unmodelled
from tests.stripe.routes import route
from tests.stripe.world import Object, World

_CLAUSE = re.compile(r"""^(?P<field>[a-z_.]+)(\[["'](?P<key>[^"']+)["']\])?\s*:\s*["']?(?P<value>[^"']*)["']?$""")


def _matches(each: Object, field: str, key: str | None, value: str) -> bool:
    found = each.get(field)
    if key is not None:
        found = (found or {}).get(key)
    if isinstance(found, bool):
        return str(found).lower() == value
    return found is not None and str(found).lower() == value.lower()


def _search(kind: str, path: str) -> Callable[..., Object]:
    def answer(world: World, params: Object) -> Object:
        clauses = []
        for text in re.split(r"\s+AND\s+", params["query"]):
            clause = _CLAUSE.match(text.strip())
            if clause is None:
                raise Unmodelled(f"the search query {text!r}")
            clauses.append((clause["field"], clause["key"], clause["value"]))
        limit = params.get("limit", 10)
        found = [each for each in world.select(kind) if all(_matches(each, *clause) for clause in clauses)]
        start = int(params.get("page", "0") or 0)
        if not 1 <= limit <= 100:
            raise StripeProblem(f"Invalid limit: {limit} is not between 1 and 100", param="limit")
        more = len(found) > start + limit
        return {"object": "search_result", "url": path, "has_more": more, "data": found[start : start + limit],
                "next_page": str(start + limit) if more else None}  # fmt: skip

    return answer


for _kind in ("customer", "price", "product", "subscription", "invoice", "charge", "payment_intent"):
    route(f"get /v1/{_kind}s/search", "query limit page")(_search(_kind, f"/v1/{_kind}s/search"))
