"""Reads the SDK's annotations: names imported for type checkers only, unions, enumerations.

Where the SDK says `Literal[...] | str` (it must accept values newer than itself), only the literals count.
"""

import ast
import inspect
import sys
from functools import cache
from importlib import import_module
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin


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


def alternatives_of(annotation: Any, module: str) -> list[Any]:
    """What a union is made of, flat; open enumerations closed."""
    found: list[Any] = []
    for each in get_args(annotation):
        each = resolve(each, module)
        if get_origin(each) is Union or type(each).__name__ == "UnionType":
            found.extend(alternatives_of(each, module))
        else:
            found.append(each)
    literals = [value for each in found if get_origin(each) is Literal for value in get_args(each)]
    if str in found and any(isinstance(value, str) and value for value in literals):
        found.remove(str)
    return found


def is_union(annotation: Any) -> bool:
    return get_origin(annotation) is Union or type(annotation).__name__ == "UnionType"
