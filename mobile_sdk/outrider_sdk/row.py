"""A row as an application reads it."""

from typing import TYPE_CHECKING, Any, ClassVar


class Row(dict[str, Any]):
    """A row as it was when it was read: a dict whose fields are attributes too (`row.name`).

    `outrider_sdk.rows` has a class for each entity, whose fields an editor completes and a type checker knows. A field
    that the user's role hides is None, whatever its type says.
    """

    __slots__ = ()
    entity_name: ClassVar[str] = ""
    """Name of the entity, where the row is one of an entity's own class."""
    id: str

    if not TYPE_CHECKING:  # the classes of `rows` say which fields there are; a misspelt one is to be found

        def __getattr__(self, name: str) -> Any:
            try:
                return self[name]
            except KeyError:
                raise AttributeError(name) from None
