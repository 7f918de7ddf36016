"""Checks responses against the SDK's resource classes, whose annotations validate nothing by themselves."""

import inspect
import re
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any, Literal, get_args, get_origin

from stripe import ListObject, StripeObject
from stripe._search_result_object import SearchResultObject
from tests.stripe.annotations import alternatives_of, is_union, resolve

Check = Callable[[Any, str, list[str]], None]


def response_of(annotation: Any, module: str) -> Check:
    """A check of a JSON value against a return annotation of the SDK."""
    return _checker(annotation, module)


@cache
def fields_of(cls: type) -> dict[str, Any]:
    """The fields that a resource class describes, by their names on the wire."""
    remapped = dict(getattr(cls, "_field_remappings", {}).items())
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, StripeObject) and base is not StripeObject:
            for name, annotation in vars(base).get("__annotations__", {}).items():
                if not name.startswith("_") and name != "OBJECT_NAME":
                    found[remapped.get(name, name)] = resolve(annotation, base.__module__)
    return found


def is_optional(annotation: Any) -> bool:
    return is_union(annotation) and type(None) in get_args(annotation)


@cache
def object_of(cls: type) -> Check:
    """A check of a JSON object against a resource class: all its fields, and none besides."""
    checks: dict[str, Check] = {}
    required: list[str] = []
    for name, annotation in fields_of(cls).items():
        checks[name] = _Lazily(annotation, cls.__module__)
        if not is_optional(annotation):
            required.append(name)
    label = cls.__qualname__

    def check(value: Any, path: str, found: list[str]) -> None:
        if not isinstance(value, dict):
            found.append(f"{path}: {label} expected, got {value!r}")
            return
        if value.get("deleted") is True and set(value) <= {"id", "object", "deleted"}:
            return
        for key, each in value.items():
            known = checks.get(key)
            if known is None:
                found.append(f"{path}.{key}: {label} has no such field")
            else:
                known(each, f"{path}.{key}", found)
        for key in required:
            if key not in value:
                found.append(f"{path}.{key}: required by {label}, and missing")

    return check


class _Lazily:
    """A check that is compiled when first asked: classes refer to half of the API."""

    __slots__ = ("annotation", "check", "module")

    def __init__(self, annotation: Any, module: str) -> None:
        self.annotation = annotation
        self.module = module
        self.check: Check | None = None

    def __call__(self, value: Any, path: str, found: list[str]) -> None:
        if self.check is None:
            self.check = _checker(self.annotation, self.module)
        self.check(value, path, found)


def _plain(kind: str, test: Callable[[Any], bool]) -> Check:
    def check(value: Any, path: str, found: list[str]) -> None:
        if not test(value):
            found.append(f"{path}: {kind} expected, got {value!r}")

    return check


def _is_decimal(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value) is not None


_PLAIN: dict[Any, Check] = {
    int: _plain("int", lambda value: type(value) is int),
    bool: _plain("bool", lambda value: type(value) is bool),
    str: _plain("str", lambda value: type(value) is str),
    float: _plain("number", lambda value: type(value) in (int, float)),
    Decimal: _plain("decimal in text", _is_decimal),
    Any: lambda value, path, found: None,
}


def _checker(annotation: Any, module: str) -> Check:
    annotation = resolve(annotation, module)
    origin = get_origin(annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin is Literal:
        allowed = get_args(annotation)
        return _plain(f"one of {', '.join(map(str, allowed))[:80]}", lambda value: value in allowed)
    if origin is list:
        return _list_check(_Lazily(get_args(annotation)[0], module))
    if origin in (ListObject, SearchResultObject):
        return _page_check(origin, _Lazily(get_args(annotation)[0], module))
    if is_union(annotation):
        return _union_check(alternatives_of(annotation, module), module)
    if origin is not None and issubclass(origin, StripeObject):  # UntypedStripeObject[value]
        return _mapping_check(_Lazily(get_args(annotation)[0], module))
    if inspect.isclass(annotation) and issubclass(annotation, StripeObject):
        return object_of(annotation)
    raise TypeError(f"no check for responses of type {annotation!r}")


def _list_check(item: Check) -> Check:
    def check(value: Any, path: str, found: list[str]) -> None:
        if not isinstance(value, list):
            found.append(f"{path}: list expected, got {value!r}")
            return
        for index, each in enumerate(value):
            item(each, f"{path}[{index}]", found)

    return check


def _mapping_check(item: Check) -> Check:
    def check(value: Any, path: str, found: list[str]) -> None:
        if not isinstance(value, dict):
            found.append(f"{path}: object expected, got {value!r}")
            return
        for key, each in value.items():
            item(each, f"{path}.{key}", found)

    return check


def _page_check(cls: type, item: Check) -> Check:
    items = _list_check(item)
    known = {"object", "data", "has_more", "url", "next_page"}

    def check(value: Any, path: str, found: list[str]) -> None:
        if not isinstance(value, dict) or value.get("object") != cls.OBJECT_NAME or not set(value) <= known:  # type: ignore[attr-defined]
            found.append(f"{path}: a page expected, got {value!r}"[:200])
            return
        items(value.get("data"), f"{path}.data", found)
        if type(value.get("has_more")) is not bool or type(value.get("url")) is not str:
            found.append(f"{path}: a page needs has_more and url")

    return check


def _union_check(alternatives: list[Any], module: str) -> Check:
    nullable = type(None) in alternatives
    checks = [_Lazily(each, module) for each in alternatives if each is not type(None)]

    def check(value: Any, path: str, found: list[str]) -> None:
        if value is None and nullable:
            return
        complaints: list[str] = []
        for each in checks:
            mine: list[str] = []
            each(value, path, mine)
            if not mine:
                return
            complaints = mine  # classes stand last: theirs say most
        found.extend(complaints or [f"{path}: null"])

    return check
