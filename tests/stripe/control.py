"""The simulator's own calls over HTTP, for a product that runs in another process: `POST /_simulator/advance`."""

from threading import Thread
from typing import TYPE_CHECKING, Any

import msgspec

from tests.stripe.deliveries import Policy
from tests.stripe.errors import StripeProblem
from tests.stripe.http import Request, Response

if TYPE_CHECKING:
    from tests.stripe.simulator import StripeSimulator

CALLS = {"advance", "complete_checkout", "save_card", "card_fails", "card_works", "fail_next", "hang_next", "cut_next",
         "send_webhooks_to", "dispute", "close_dispute", "authenticate", "charge_of", "deliveries", "deliver", "report", "set_outage"}  # fmt: skip


def control(simulator: "StripeSimulator", request: Request) -> Response:
    """Call a method of the simulator by name, with the body's fields as arguments."""
    name = request.path.removeprefix("/_simulator/")
    if name not in CALLS:
        return Response(404, msgspec.json.encode({"error": f"no such call; there are {', '.join(sorted(CALLS))}"}))
    given: dict[str, Any] = msgspec.json.decode(request.body or b"{}")
    if name == "deliveries":
        given = {"policy": msgspec.convert(given, Policy)}
    if name == "deliver":  # not here: what receives it may ask Stripe, which is this thread
        Thread(target=simulator.deliver, kwargs=given, daemon=True).start()
        return Response(200, msgspec.json.encode({"result": None, "now": simulator.now}))
    try:
        result = getattr(simulator, name)(**given)
    except StripeProblem as problem:
        return Response(problem.status, msgspec.json.encode({"error": problem.body}))
    return Response(200, msgspec.json.encode({"result": result, "now": simulator.now}))
