"""The customer portal: what it may do is configured; what a person does there, a test does through the API."""

from tests.stripe.blanks import part
from tests.stripe.errors import StripeProblem
from tests.stripe.routes import LISTING, route
from tests.stripe.world import Object, World, listed, merge_metadata

_CONFIGURATION = "business_profile features default_return_url login_page metadata name"


def _features(old: Object | None, given: Object) -> Object:
    features = old or {
        "customer_update": {"allowed_updates": [], "enabled": False},
        "invoice_history": {"enabled": False},
        "payment_method_update": {"enabled": False, "payment_method_configuration": None},
        "subscription_cancel": {
            "enabled": False, "mode": "at_period_end", "proration_behavior": "none",
            "cancellation_reason": {"enabled": False, "options": [], "feedback_options": None},
        },
        "subscription_pause": {"enabled": False, "duration": {"type": "indefinite", "interval_options": []}},
        "subscription_update": {
            "billing_cycle_anchor": None, "default_allowed_updates": [], "enabled": False, "products": None,
            "proration_behavior": "none", "schedule_at_period_end": {"conditions": []}, "trial_update_behavior": "end_trial",
        },
    }  # fmt: skip
    return {
        name: {**feature, **{key: _whole(feature.get(key), value) for key, value in given.get(name, {}).items()}}
        for name, feature in features.items()
    }


def _whole(old: object, new: object) -> object:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **new}
    return [] if new == "" else new


@route("post /v1/billing_portal/configurations", _CONFIGURATION)
def create_configuration(world: World, params: Object) -> Object:
    configuration = world.add(
        "billing_portal.configuration", active=True, updated=world.now(), features=_features(None, params["features"]),
        business_profile=part("billing_portal.configuration", "business_profile") | params.get("business_profile", {}),
        login_page={"enabled": False, "url": None, **params.get("login_page", {})}, metadata=params.get("metadata", {}),
        default_return_url=params.get("default_return_url"), name=params.get("name"),
        is_default=not world.kinds["billing_portal.configuration"],
    )  # fmt: skip
    world.emit("billing_portal.configuration.created", configuration)
    return configuration


@route("post /v1/billing_portal/configurations/{}", f"{_CONFIGURATION} active")
def update_configuration(world: World, params: Object, configuration_id: str) -> Object:
    with world.changing(world.get("billing_portal.configuration", configuration_id)) as configuration:
        for key, value in params.items():
            if key == "features":
                configuration["features"] = _features(configuration["features"], value)
            elif key == "metadata":
                configuration["metadata"] = merge_metadata(configuration["metadata"], value)
            elif isinstance(configuration.get(key), dict):
                configuration[key] = {**configuration[key], **value}
            else:
                configuration[key] = None if value == "" else value
        configuration["updated"] = world.now()
    return configuration


@route("get /v1/billing_portal/configurations/{}")
def get_configuration(world: World, params: Object, configuration_id: str) -> Object:
    return world.get("billing_portal.configuration", configuration_id)


@route("get /v1/billing_portal/configurations", f"{LISTING} active is_default")
def list_configurations(world: World, params: Object) -> Object:
    found = world.select(
        "billing_portal.configuration", active=params.get("active"), is_default=params.get("is_default")
    )  # fmt: skip
    return listed(found, params, "/v1/billing_portal/configurations")


@route("post /v1/billing_portal/sessions", "customer configuration return_url locale flow_data")
def create_session(world: World, params: Object) -> Object:
    if "customer" not in params:
        raise StripeProblem("Missing required param: customer.", code="parameter_missing", param="customer")
    customer = world.live("customer", params["customer"], "customer", status=400)
    configuration = params.get("configuration") or next(
        (each["id"] for each in world.select("billing_portal.configuration", is_default=True)), None
    )
    if configuration is None:
        raise StripeProblem(
            "No configuration provided and your test mode default configuration has not been created. Provide a "
            "configuration or create your default."
        )
    found = world.get("billing_portal.configuration", configuration, "configuration", status=400)
    if not found["active"]:
        raise StripeProblem("The configuration is inactive.", param="configuration")
    session = world.add(
        "billing_portal.session", of=customer, customer=customer["id"], configuration=configuration,
        return_url=params.get("return_url") or found["default_return_url"], locale=params.get("locale"),
        flow=_flow(params.get("flow_data")), url="",
    )  # fmt: skip
    session["url"] = f"{world.base_url}/portal/{session['id']}"
    world.emit("billing_portal.session.created", session)
    return session


def _flow(given: Object | None) -> Object | None:
    if given is None:
        return None
    flow = part("billing_portal.session", "flow", **given)
    completion = given.get("after_completion", {"type": "portal_homepage"})
    flow["after_completion"] = {"hosted_confirmation": None, "redirect": None, **completion}
    if flow["subscription_cancel"]:
        flow["subscription_cancel"] = {"retention": None, **flow["subscription_cancel"]}
    return flow
