"""Which function answers which operation; `models` lists the parameters that it takes into account."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.stripe.errors import Unmodelled
from tests.stripe.world import Object, World, listed

Answer = Callable[..., Object]


@dataclass
class Route:
    """A function of the simulator, and what it models."""

    method: str
    path: str
    models: frozenset[str]
    answer: Answer

    def call(self, world: World, params: dict[str, Any], ids: list[str]) -> Object:
        """Answer, unless something is asked that the simulator would ignore."""
        for name in params:
            if name not in self.models:
                raise Unmodelled(f"the parameter {name} of {self.method.upper()} {self.path}")
        return self.answer(world, params, *ids)


ROUTES: dict[tuple[str, str], Route] = {}
LISTING = "limit starting_after ending_before"


def route(method_and_path: str, models: str = "") -> Callable[[Answer], Answer]:
    """Register the function for `method /v1/path/{}`."""
    method, path = method_and_path.split(" ")

    def register(answer: Answer) -> Answer:
        ROUTES[method, path] = Route(method, path, frozenset(models.split()), answer)
        return answer

    return register


def readable(kind: str, path: str, fields: str = "", *, dated: bool = False, deletable: bool = False) -> None:
    """Register how one such object is read, and how they are listed, where a list is by equal fields alone.

    Args:
        dated: they can be listed by when they were made.
        deletable: one that was deleted is not found.
    """

    @route(f"get {path}/{{}}")
    def get(world: World, params: Object, object_id: str) -> Object:
        return world.live(kind, object_id) if deletable else world.get(kind, object_id)

    @route(f"get {path}", f"{LISTING} {fields} {'created' if dated else ''}")
    def list_all(world: World, params: Object) -> Object:
        return listed(world.select(kind, **{name: params.get(name) for name in fields.split()}), params, path)


def find(method: str, path: str, known: Any) -> tuple[str, list[str]] | None:
    """The template of a path among the known operations, and the ids in it."""
    if (method, path) in known:
        return path, []
    parts = path.split("/")
    for template in _templates(method, len(parts), known):
        pairs = list(zip(template, parts, strict=True))
        if all(wanted in ("{}", part) for wanted, part in pairs):
            return "/".join(template), [part for wanted, part in pairs if wanted == "{}"]
    return None


_BY_LENGTH: dict[tuple[str, int], list[list[str]]] = {}


def _templates(method: str, length: int, known: Any) -> list[list[str]]:
    if not _BY_LENGTH:
        for each, path in known:
            parts = path.split("/")
            _BY_LENGTH.setdefault((each, len(parts)), []).append(parts)
        for templates in _BY_LENGTH.values():
            templates.sort(key=lambda parts: parts.count("{}"))
    return _BY_LENGTH.get((method, length), [])
