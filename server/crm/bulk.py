"""Up to 1,000 creates, changes and deletes of one resource in one request.

Each operation may fail alone (a savepoint), and gets a result of its own. With `atomic` all are one transaction, the
first failure is everybody's, and all failures are named; without, they commit in parts, so that other writers of the
tenant need not wait for the last. Creates of a resource without rules of its own are one INSERT.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, Meta, UnsetType
from outrider_sdk.protocol.entities import INTEGER_MAX

from server.crm import service
from server.crm.bodies import read_body
from server.crm.models import Models, Row, show
from server.crm.resource import Resource
from server.crm.rights import Viewer, require_writer
from server.db import Revision, savepoint
from server.errors import AppError, Conflict, Forbidden, InvalidInput, explain_validation

OPERATIONS_MAX: Final = 1_000
PART_S: Final = 0.5
"""After so long a part commits: writers of the same tenant give up after two seconds."""

_Seen = Annotated[int, Meta(ge=0, le=INTEGER_MAX, description="The row's revision as you saw it (like If-Match).")]


class BulkRefused(Conflict):
    """At least one operation of an atomic bulk request failed, so none was carried out."""

    code = "bulk_refused"


class ActMissing(AppError):
    """The API does not do this to rows of the resource."""

    status = 405
    code = "act_missing"


class Create(msgspec.Struct, tag_field="op", tag="create", forbid_unknown_fields=True):
    """Create a row."""

    data: msgspec.Raw


class Change(msgspec.Struct, tag_field="op", tag="change", forbid_unknown_fields=True):
    """Change fields of a row."""

    id: UUID
    data: msgspec.Raw
    revision: _Seen | None = None


class Delete(msgspec.Struct, tag_field="op", tag="delete", forbid_unknown_fields=True):
    """Delete a row."""

    id: UUID
    revision: _Seen | None = None


Operation = Create | Change | Delete


class BulkRequest(msgspec.Struct, forbid_unknown_fields=True):
    """Operations, carried out in their order. Their `data` are judged one by one."""

    operations: Annotated[list[Operation], Meta(min_length=1, max_length=OPERATIONS_MAX)]
    atomic: bool = False


class Result(msgspec.Struct, omit_defaults=True):
    """What became of one operation: the status that it would have had alone, and its row or its problem."""

    status: int
    row: Any | UnsetType = UNSET
    problem: dict[str, Any] | UnsetType = UNSET


class BulkReply(msgspec.Struct):
    """One result for each operation, in the order of the request."""

    succeeded: int
    failed: int
    results: list[Result]


@dataclass(frozen=True, slots=True)
class _Bulk:
    """For whom, and in which revision, operations on which resource are carried out."""

    resource: Resource
    viewer: Viewer
    revision: Revision

    @property
    def models(self) -> Models:
        """The structs as the viewer knows them."""
        return self.resource.models_without(self.viewer.hidden(self.resource.entity))

    def show(self, row: Row) -> Any:
        """The row as the viewer sees it."""
        return show(self.models, row)


async def run_bulk(
    resource: Resource, request: BulkRequest, *, done: Sequence[Result], viewer: Viewer, revision: Revision
) -> list[Result]:
    """Carry out operations in the open transaction: all, or where they need not be one, as many as half a second holds.

    Args:
        done: results of the first operations, which an earlier part carried out.

    Returns:
        `done` and the results of the following operations.

    Raises:
        Forbidden: the role may not write such rows.
        BulkRefused: the request is atomic, and some operations failed; `results` has those, by their `index`.
    """
    _require_some(resource, request, viewer)
    bulk, results = _Bulk(resource, viewer, revision), list(done)
    deadline = math.inf if request.atomic else time.monotonic() + PART_S
    for _, run in groupby(request.operations[len(done) :], type):
        operations = list(run)
        together = await _create_together(bulk, operations)
        results += together
        for operation in operations[len(together) :]:
            results.append(await _run_alone(bulk, operation))
            if time.monotonic() > deadline:
                return results
    if request.atomic:
        _require_success(results)
    return results


_ACTIONS: Final[dict[type[Operation], str]] = {Create: "create", Change: "edit", Delete: "delete"}


def _require_some(resource: Resource, request: BulkRequest, viewer: Viewer) -> None:
    """Refuse the whole where the role may do nothing of it; else each operation finds out by itself."""
    refusals = []
    kinds = {type(operation) for operation in request.operations}
    for kind in kinds:
        try:
            require_writer(viewer, resource.entity, _ACTIONS[kind])
        except Forbidden as refusal:
            refusals.append(refusal)
    if len(refusals) == len(kinds):
        raise refusals[0]


def _require_success(results: Sequence[Result]) -> None:
    failed = [index for index, result in enumerate(results) if result.problem is not UNSET]
    if failed:
        raise BulkRefused(
            f"{len(failed)} of {len(results)} operations failed, so none was carried out. Correct them and send all.",
            results=[{"index": index, "problem": results[index].problem} for index in failed],
        )


def reply_to(request: BulkRequest, results: Sequence[Result], *, unfinished: AppError | None = None) -> BulkReply:
    """The reply; operations without a result were not begun, for the reason given."""
    missing = len(request.operations) - len(results)
    filled = [*results, *([_failed(unfinished)] * missing if unfinished else ())]
    failed = sum(result.problem is not UNSET for result in filled)
    return BulkReply(len(filled) - failed, failed, filled)


def read_results(body: bytes | None) -> list[Result]:
    """The results in a reply that was stored when a part of its request committed."""
    return msgspec.json.decode(body, type=BulkReply).results if body else []


async def _run_alone(bulk: _Bulk, operation: Operation) -> Result:
    try:
        async with savepoint():
            return await _carry_out(bulk, operation)
    except AppError as error:
        return _failed(error)
    except msgspec.ValidationError as error:
        return _failed(InvalidInput([explain_validation(str(error))]))


def _failed(error: AppError) -> Result:
    return Result(error.status, problem=error.problem())


async def _carry_out(bulk: _Bulk, operation: Operation) -> Result:
    resource, by = bulk.resource, {"viewer": bulk.viewer, "revision": bulk.revision}
    act = type(operation).__name__.lower()
    if act not in resource.acts:
        raise ActMissing(f"Nobody can {act} a {resource.noun}: what is recorded stays.")
    match operation:
        case Create():
            data = read_body(bytes(operation.data), bulk.models.create)
            row = await service.create_row(resource, data, **by)  # type: ignore[arg-type]
            return Result(201, row=bulk.show(row))
        case Change():
            data = read_body(bytes(operation.data), bulk.models.patch)
            row = await service.change_row(resource, operation.id, data, seen=_seen(operation), **by)  # type: ignore[arg-type]
            return Result(200, row=bulk.show(row))
        case Delete():
            await service.delete_row(resource, operation.id, seen=_seen(operation), **by)  # type: ignore[arg-type]
            return Result(204)


def _seen(operation: Change | Delete) -> frozenset[str] | None:
    return None if operation.revision is None else frozenset({str(operation.revision)})


async def _create_together(bulk: _Bulk, operations: Sequence[Operation]) -> list[Result]:
    """The results of creates in one statement; none where they must be carried out one by one."""
    creates = [bytes(operation.data) for operation in operations if isinstance(operation, Create)]
    if not creates or not bulk.resource.is_plain:
        return []
    try:
        decoded = [read_body(data, bulk.models.create) for data in creates]
        async with savepoint():
            rows = await service.create_rows(bulk.resource, decoded, viewer=bulk.viewer)
    except (AppError, msgspec.ValidationError, asyncpg.IntegrityConstraintViolationError):
        return []  # one of them fails: to learn which, and to keep the others, they go alone
    return [Result(201, row=bulk.show(row)) for row in rows]
