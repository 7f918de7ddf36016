"""Compiles the SDK's annotations, which validate nothing by themselves, into checks.

`params` come from forms, so that all is text: checking them also converts them. Responses are compared as they
are. Where the SDK says `Literal[...] | str` (it must accept values newer than itself), only the literals count.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib import import_module
from typing import Any, ForwardRef, Literal, NotRequired, Required, Union, get_args, get_origin

from typing_extensions import is_typeddict

from stripe import ListObject, StripeObject
from stripe._request_options import RequestOptions
from stripe._search_result_object import SearchResultObject
from stripe._stripe_object import UntypedStripeObject
from tests.stripe.errors import StripeProblem

Convert = Callable[[Any, str], Any]
Check = Callable[[Any, str, list[str]], None]


class Names(dict[str, Any]):
    """The names that annotations of a module may use: also those imported for type checkers only."""

    def __init__(self, module: str) -> None:
        super().__init__(vars(sys.modules[module]))
        self._imports: dict[str, tuple[str, str]] = {}
        for node in ast.walk(ast.parse(inspect.getsource(sys.modules[module]))):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    self._imports[alias.asname or alias.name] = (node.module, alias.name)

    def __missing__(self, name: str) -> Any:
        source, original = self._imports[name]
        self[name] = value = getattr(import_module(source), original)
        return value


@cache
def names_of(module: str) -> Names:
    return Names(module)


def resolve(annotation: Any, module: str) -> Any:
    """The type that an annotation, or text of one, stands for."""
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        return resolve(eval(annotation, {}, names_of(module)), module)
    return annotation


def _alternatives(annotation: Any, module: str) -> list[Any]:
    """What a union is made of, flat; open enumerations closed."""
    found: list[Any] = []
    for each in get_args(annotation):
        each = resolve(each, module)
        if get_origin(each) is Union or type(each).__name__ == "UnionType":
            found.extend(_alternatives(each, module))
        else:
            found.append(each)
    literals = [value for each in found if get_origin(each) is Literal for value in get_args(each)]
    if str in found and any(isinstance(value, str) and value for value in literals):
        found.remove(str)
    return found


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) is Union or type(annotation).__name__ == "UnionType"


# --- parameters: text in, values out ---------------------------------------------------------------------------------


def _invalid(kind: str, path: str, value: Any) -> StripeProblem:
    return StripeProblem(f"Invalid {kind}: {value}", code=f"parameter_invalid_{kind}", param=path)


def _to_int(value: Any, path: str) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _invalid("integer", path, value)


def _to_bool(value: Any, path: str) -> bool:
    if value in ("true", "false"):
        return bool(value == "true")
    if isinstance(value, bool):
        return value
    raise _invalid("boolean", path, value)


def _to_float(value: Any, path: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise _invalid("number", path, value) from None


def _to_decimal(value: Any, path: str) -> str:
    try:
        Decimal(value)
    except (TypeError, ValueError, InvalidOperation):
        raise _invalid("decimal", path, value) from None
    return str(value)


def _to_text(value: Any, path: str) -> str:
    if isinstance(value, str):
        return value
    raise _invalid("string", path, value)


_SCALARS: dict[Any, Convert] = {
    int: _to_int, bool: _to_bool, float: _to_float, Decimal: _to_decimal, str: _to_text, Any: lambda value, _: value,
}  # fmt: skip
_ORDER = (bool, int, float, Decimal)


@cache
def params_of(typed_dict: type) -> Convert:
    """Converts the decoded form of a request to what its TypedDict describes, or raises Stripe's error."""
    module = typed_dict.__module__
    fields: dict[str, Convert] = {}
    required: list[str] = []
    for name, hint in typed_dict.__annotations__.items():
        if name in RequestOptions.__annotations__:  # inherited by some; sent as headers
            continue
        hint = resolve(hint, module)
        if get_origin(hint) is NotRequired:
            (hint,) = get_args(hint)
        else:
            required.append(name)
            if get_origin(hint) is Required:
                (hint,) = get_args(hint)
        fields[name] = _converter(hint, module)

    def convert(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _invalid("object", path, value)
        result = {}
        for key, each in value.items():
            inner = f"{path}[{key}]" if path else str(key)
            if key not in fields:
                raise StripeProblem(f"Received unknown parameter: {inner}", code="parameter_unknown", param=inner)
            result[key] = fields[key](each, inner)
        for key in required:
            if key not in value:
                inner = f"{path}[{key}]" if path else key
                raise StripeProblem(f"Missing required param: {inner}.", code="parameter_missing", param=inner)
        return result

    return convert


def _converter(hint: Any, module: str) -> Convert:
    hint = resolve(hint, module)
    origin = get_origin(hint)
    if hint in _SCALARS:
        return _SCALARS[hint]
    if is_typeddict(hint):
        return lambda value, path: params_of(hint)(value, path)
    if origin is Literal:
        return _literal_converter(get_args(hint))
    if origin is list:
        return _list_converter(_converter(get_args(hint)[0], module))
    if origin in (dict, UntypedStripeObject):
        return _dict_converter(_converter(get_args(hint)[-1], module))
    if _is_union(hint):
        return _union_converter(_alternatives(hint, module), module)
    raise TypeError(f"no check for parameters of type {hint!r}")


def _literal_converter(allowed: tuple[Any, ...]) -> Convert:
    def convert(value: Any, path: str) -> Any:
        if value in allowed:
            return value
        if value == "true" and True in allowed:
            return True
        wanted = ", ".join(map(str, allowed))
        raise StripeProblem(f"Invalid {path}: must be one of {wanted}, and is {value!r}", param=path)

    return convert


def _list_converter(item: Convert) -> Convert:
    def convert(value: Any, path: str) -> list[Any]:
        if isinstance(value, Mapping) and all(str(key).isdigit() for key in value):
            value = [value[key] for key in sorted(value, key=int)]
        if not isinstance(value, list):
            raise _invalid("array", path, value)
        return [item(each, f"{path}[{index}]") for index, each in enumerate(value)]

    return convert


def _dict_converter(item: Convert) -> Convert:
    def convert(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, Mapping):
            raise _invalid("object", path, value)
        return {key: item(each, f"{path}[{key}]") for key, each in value.items()}

    return convert


def _union_converter(alternatives: list[Any], module: str) -> Convert:
    def rank(alternative: Any) -> int:
        if get_origin(alternative) is Literal:
            return 0
        return 1 + _ORDER.index(alternative) if alternative in _ORDER else 9 if alternative is str else 8

    kept = [each for each in alternatives if each is not type(None)]
    converters = [_converter(each, module) for each in sorted(kept, key=rank)]

    def convert(value: Any, path: str) -> Any:
        first: StripeProblem | None = None
        for each in converters:
            try:
                return each(value, path)
            except StripeProblem as problem:
                if first is None or isinstance(value, Mapping):
                    first = problem  # of a mapping, the deepest complaint is the last one's
        assert first is not None
        raise first

    return convert


# --- responses: compared as they are -----------------------------------------------------------------------------------


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
    return _is_union(annotation) and type(None) in get_args(annotation)


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
    if _is_union(annotation):
        return _union_check(_alternatives(annotation, module), module)
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
