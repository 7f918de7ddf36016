"""What a resource of the REST API is: an entity, its table and its models, and the rules of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from outrider_sdk.protocol.entities import ENTITIES, Entity

from server.crm.models import Models, Row, create_models
from server.crm.rights import Viewer
from server.db import Revision, SyncedTable


@dataclass(slots=True)
class Write:
    """One row about to be written, or just written. Rules read it, and may change `values`."""

    viewer: Viewer
    revision: Revision
    before: Row | None
    """The row as it was; None in a create."""
    values: dict[str, Any]
    """Column values to write. In a delete: none."""
    row_id: UUID
    deletes: bool = False

    def value(self, name: str) -> Any:
        """The value that the column will have; None where neither the write nor the row has one."""
        return self.values.get(name, self.before[name] if self.before else None)


Rule = Callable[[Write], Awaitable[None]]


async def no_rule(write: Write) -> None:
    """No rule of its own."""


@dataclass(frozen=True, eq=False)
class Resource:
    """One entity under a path. `rule` runs before the row is written, `then` after; both in its transaction."""

    path: str
    table: type[SyncedTable]
    derived: frozenset[str] = frozenset()
    """Fields that the server alone decides."""
    fixed: frozenset[str] = frozenset()
    """Fields that nothing changes after the create."""
    completed: frozenset[str] = frozenset()
    """Required fields that the rule fills in where a create leaves them out."""
    acts: frozenset[str] = frozenset({"create", "change", "delete"})
    """What the API does to its rows, beside showing them."""
    owns: str | None = None
    """The entity whose rows live and die with one of this; others that refer to a row keep it from being deleted."""
    rule: Rule = no_rule
    then: Rule = no_rule
    entity: Entity = field(init=False)
    models: Models = field(init=False)

    def __post_init__(self) -> None:
        entity = ENTITIES[self.table._meta.tablename]
        object.__setattr__(self, "entity", entity)
        object.__setattr__(self, "models", self.models_without(frozenset()))

    @lru_cache(maxsize=4_096)  # noqa: B019 - resources live as long as the process
    def models_without(self, hidden: frozenset[str]) -> Models:
        """The structs as those know them from whom fields are hidden: such a field is unknown, in and out."""
        return create_models(
            self.entity, self.table, derived=self.derived, fixed=self.fixed, completed=self.completed, hidden=hidden
        )

    @property
    def takes_bulk(self) -> bool:
        """Whether bulk requests are for it."""
        return "create" in self.acts

    @property
    def is_plain(self) -> bool:
        """Whether it has no rules of its own, so that many rows can be written in one statement."""
        return self.rule is no_rule and self.then is no_rule

    @property
    def noun(self) -> str:
        """The entity's name for people."""
        return self.entity.name.replace("_", " ")


REFERRED_BY: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    name: tuple(
        (other, column) for other in ENTITIES for column, target in ENTITIES[other].references.items() if target == name
    )
    for name in ENTITIES
}
"""For each entity, the columns (entity, name) that refer to it."""
