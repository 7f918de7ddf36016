"""Every operation of the pinned API, read from the SDK's services: method, path, parameters, response."""

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import Any

from tests.stripe.annotations import resolve
from tests.stripe.params import Convert, params_of
from tests.stripe.responses import Check, response_of

SERVICES = (
    "_balance_transaction", "_charge", "_credit_note", "_credit_note_line_item", "_customer",
    "_customer_balance_transaction", "_customer_payment_method", "_customer_tax_id", "_dispute", "_event", "_invoice",
    "_invoice_item", "_invoice_line_item", "_invoice_payment", "_payment_intent", "_payment_method", "_price", "_product",
    "_refund", "_setup_intent", "_subscription", "_subscription_item", "_subscription_schedule", "_tax_id",
    "_webhook_endpoint", "billing._meter", "billing._meter_event", "billing._meter_event_adjustment",
    "billing._meter_event_summary", "billing_portal._configuration", "billing_portal._session", "checkout._session",
    "checkout._session_line_item", "test_helpers._test_clock", "v2.core._event",
)  # fmt: skip


@dataclass
class Operation:
    """One call of the API, with the SDK's own words for what it takes and gives."""

    method: str
    path: str  # placeholders without names: /v1/customers/{}
    params: str | None
    returns: str
    module: str

    @cached_property
    def convert(self) -> Convert | None:
        if self.params is None:
            return None
        return params_of(resolve(self.params, self.module))

    @cached_property
    def check(self) -> Check:
        return response_of(self.returns, self.module)


def load_operations() -> dict[tuple[str, str], Operation]:
    """The operations of `SERVICES`, by method and path."""
    return {(each.method, each.path): each for name in SERVICES for each in _operations(f"stripe.{name}_service")}


def _operations(module: str) -> Iterator[Operation]:
    tree = ast.parse(inspect.getsource(import_module(module)))
    for service in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        for function in (node for node in service.body if isinstance(node, ast.FunctionDef)):
            for call in (node for node in ast.walk(function) if _is_request(node)):
                yield _operation(call, function, module)


def _is_request(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "_request"


def _operation(call: Any, function: ast.FunctionDef, module: str) -> Operation:
    method, path = call.args[0].value, call.args[1]
    template = path.value if isinstance(path, ast.Constant) else path.func.value.value
    arguments = {each.arg: each.annotation for each in (*function.args.args, *function.args.posonlyargs)}
    params = arguments.get("params")
    text = ast.unparse(params) if params is not None else ""
    assert function.returns is not None
    return Operation(
        method=method,
        path="/".join("{}" if part.startswith("{") else part for part in template.split("/")),
        params=text.split("'")[1] if "'" in text else None,
        returns=ast.literal_eval(function.returns) if isinstance(function.returns, ast.Constant) else "",
        module=module,
    )
