"""Checks requests against the SDK's parameter types (TypedDicts). Forms are all text: checking also converts."""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, NotRequired, Required, get_args, get_origin

from typing_extensions import is_typeddict

from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject
from tests.stripe.annotations import alternatives_of, is_union, resolve
from tests.stripe.errors import StripeProblem

Convert = Callable[[Any, str], Any]


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
    if is_union(hint):
        return _union_converter(alternatives_of(hint, module), module)
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
