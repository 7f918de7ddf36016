"""Webhook endpoints as the API registers them; `StripeSimulator.send_webhooks_to` is the short way."""

from tests.stripe.routes import readable, route
from tests.stripe.world import Object, World, merge_metadata

readable("webhook_endpoint", "/v1/webhook_endpoints", deletable=True)


@route("post /v1/webhook_endpoints", "url enabled_events description metadata api_version")
def create_endpoint(world: World, params: Object) -> Object:
    endpoint = world.add(
        "webhook_endpoint", url=params["url"], enabled_events=params["enabled_events"], status="enabled",
        description=params.get("description"), metadata=params.get("metadata", {}), api_version=params.get("api_version"),
    )  # fmt: skip
    secret = f"whsec_{world.token}{len(world.kinds['webhook_endpoint']):04d}"
    world.on_endpoint(endpoint, secret)
    return endpoint | {"secret": secret}  # shown once, as Stripe does


@route("post /v1/webhook_endpoints/{}", "url enabled_events description metadata disabled")
def update_endpoint(world: World, params: Object, endpoint_id: str) -> Object:
    endpoint = world.live("webhook_endpoint", endpoint_id)
    for key, value in params.items():
        if key == "metadata":
            endpoint["metadata"] = merge_metadata(endpoint["metadata"], value)
        elif key == "disabled":
            endpoint["status"] = "disabled" if value else "enabled"
        else:
            endpoint[key] = value
    world.on_endpoint(endpoint, "")
    return endpoint


@route("delete /v1/webhook_endpoints/{}")
def delete_endpoint(world: World, params: Object, endpoint_id: str) -> Object:
    endpoint = world.live("webhook_endpoint", endpoint_id)
    world.on_endpoint({**endpoint, "status": "disabled"}, "")
    gone = {"id": endpoint_id, "object": "webhook_endpoint", "deleted": True}
    endpoint.clear()
    endpoint |= gone
    return endpoint
