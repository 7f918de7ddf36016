"""From a request to its answer: key, faults, idempotency, checked parameters, the operation, checked response."""

import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import msgspec

from stripe import ErrorObject
from stripe.events._event_classes import get_v2_event_class
from tests.stripe.errors import StripeProblem, Unmodelled
from tests.stripe.expand import expanded
from tests.stripe.faults import Fault, failure
from tests.stripe.form import decode_form
from tests.stripe.http import Request, Response
from tests.stripe.limits import IDEMPOTENCY_KEY_MAX, check_limits
from tests.stripe.operations import Operation, load_operations
from tests.stripe.responses import object_of
from tests.stripe.routes import ROUTES, find
from tests.stripe.world import API_VERSION, TOTALS, Object, World

KEY_KEPT_SECONDS = 86_400
_OPERATIONS: dict[tuple[str, str], Operation] = {}


def operations() -> dict[tuple[str, str], Operation]:
    """The SDK's operations, read once in a process."""
    if not _OPERATIONS:
        _OPERATIONS.update(load_operations())
    return _OPERATIONS


@dataclass
class Saved:
    """What an idempotency key was used for, and what was answered."""

    request: tuple[str, str, bytes]
    response: Response
    at: int


@dataclass
class Api:
    """Answers requests about one world."""

    world: World
    faults: list[Fault] = field(default_factory=list)
    requests: int = 0
    responses: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    _saved: dict[str, Saved] = field(default_factory=dict)

    def answer(self, request: Request) -> Response:
        """Answer an API request."""
        method = request.method.lower()
        fault = next((each for each in self.faults if each.matches(method, request.path)), None)
        if fault is not None:
            fault.times -= 1
            if not fault.after_effect:
                return failure(fault, b'{"object": "half of something that never came"}')
        response = self._once(method, request)
        return response if fault is None else failure(fault, response.body)

    def _once(self, method: str, request: Request) -> Response:
        key = request.headers.get("idempotency-key")
        if key is None or method == "get":
            return self._perform(method, request)
        if len(key) > IDEMPOTENCY_KEY_MAX:
            return _problem(StripeProblem(f"Idempotency keys have {IDEMPOTENCY_KEY_MAX} characters at most."))
        mine = (method, request.path, request.body or request.query.encode())
        saved = self._saved.get(key)
        if saved is not None and self.world.now() - saved.at < KEY_KEPT_SECONDS:
            if saved.request == mine:
                replayed = {**saved.response.headers, "Idempotent-Replayed": "true"}
                return Response(saved.response.status, saved.response.body, replayed)
            return _problem(
                StripeProblem(
                    "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                    f"Try using a key other than '{key}' if you meant to execute a different request.",
                    type="idempotency_error",
                )
            )
        response = self._perform(method, request)
        if response.status in (200, 402):  # what was refused before anything happened is not kept
            self._saved[key] = Saved(mine, response, self.world.now())
        return response

    def _perform(self, method: str, request: Request) -> Response:
        self.requests += 1
        TOTALS["requests"] += 1
        request_id = f"req_{self.world.token}{self.requests:08d}"
        self.world.request = {"id": request_id, "idempotency_key": request.headers.get("idempotency-key")}
        try:
            _authenticate(request)
            response = Response(200, msgspec.json.encode(self._result(method, request)))
        except StripeProblem as problem:
            self._check_error(problem)
            response = _problem(problem)
        except Exception:  # a bug of the simulator's: told by the test that met it
            self.world.violations.append(f"{method} {request.path}: {traceback.format_exc(limit=-4)}")
            response = _problem(StripeProblem("An unknown error occurred.", status=500, type="api_error"))
        finally:
            self.world.request = None
        response.headers |= {"Request-Id": request_id, "Stripe-Version": API_VERSION}
        return response

    def _result(self, method: str, request: Request) -> Object:
        known = find(method, request.path, operations())
        if known is None:
            self.world.violations.append(
                f"{method} {request.path}: Stripe has no such operation, or the simulator's table"
            )
            raise StripeProblem(f"Unrecognized request URL ({method.upper()}: {request.path}).", status=404)
        template, ids = known
        self.calls[f"{method} {template}"] += 1
        operation = operations()[method, template]
        params = self._params(operation, request)
        if (method, template) not in ROUTES:
            self.world.violations.append(f"{method} {template} is not modelled")
            raise Unmodelled(f"{method.upper()} {template}")
        check_limits(params)
        wanted = params.pop("expand", [])
        try:
            result = ROUTES[method, template].call(self.world, params, ids)
        except Unmodelled as problem:
            self.world.violations.append(problem.body["message"])
            raise
        result = expanded(self.world, result, wanted)
        self.responses += 1
        TOTALS["responses"] += 1
        check = object_of(get_v2_event_class(result["type"])) if template.startswith("/v2/") else operation.check
        check(result, f"{method} {template}", self.world.violations)
        return result

    def _check_error(self, problem: StripeProblem) -> None:
        object_of(ErrorObject)(problem.body, "error", self.world.violations)
        self.responses += 1
        TOTALS["responses"] += 1

    def _params(self, operation: Operation, request: Request) -> dict[str, Any]:
        text = request.query if request.method in ("GET", "DELETE") else request.body.decode()
        if request.path.startswith("/v2/") and request.method == "POST":
            given = msgspec.json.decode(text or "{}")
        else:
            given = decode_form(text)
        try:
            if operation.convert is None:
                return dict(given)
            return dict(operation.convert(given, ""))
        except StripeProblem as problem:
            self.world.violations.append(f"{operation.method} {operation.path}: {problem.body['message']}")
            raise


def _authenticate(request: Request) -> None:
    kind, _, key = request.headers.get("authorization", "").partition(" ")
    if kind != "Bearer" or not key.startswith(("sk_test_", "rk_test_")):
        raise StripeProblem("Invalid API Key provided: the simulator takes keys that begin with sk_test_.", status=401)
    version = request.headers.get("stripe-version", API_VERSION)
    if version != API_VERSION:
        raise StripeProblem(f"Invalid Stripe API version: {version}; the simulator answers as of {API_VERSION}.")


def _problem(problem: StripeProblem) -> Response:
    body = msgspec.json.encode({"error": problem.body})
    headers = {"Stripe-Should-Retry": "false"} if problem.status in (400, 402, 404) else {}
    return Response(problem.status, body, headers)
