"""The OpenAPI document is valid, recorded, and true to what the routes take and give."""

import importlib
import json
import pkgutil
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from litestar import Litestar
from openapi_spec_validator import validate

import server.auth
import server.billing
import server.crm
import server.sync
import server.webhooks
from server.api_document import describe_api
from server.api_problems import OWN_PROBLEMS
from server.app import create_app
from server.crm.expand import links_of
from server.crm.resources import MERGES, RESOURCES

RECORDED = Path(__file__).parents[2] / "docs" / "openapi.json"
PACKAGES = (server.auth, server.billing, server.crm, server.sync, server.webhooks)
REGENERATE = "python -m tests.contract.test_openapi"


def make_app() -> Litestar:
    return create_app(SimpleNamespace(secret_key=b"k" * 32), connect=False)  # type: ignore[arg-type]


def described() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(msgspec.json.encode(describe_api(make_app())))
    return document


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return described()


def test_the_document_is_openapi_3_1(document: dict[str, Any]):
    """Generators and consoles read it without help."""
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"


def test_the_document_is_the_recorded_one(document: dict[str, Any]):
    """A change of the API is seen in review, where the record changes with it."""
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else None

    assert document == recorded, f"The API has changed. If that is meant, run: {REGENERATE}"


def test_every_problem_that_a_route_can_answer_with_is_described(document: dict[str, Any]):
    """Also those of modules that nobody has imported so far: or the record would depend on who did."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)

    assert described()["components"]["responses"] == document["components"]["responses"]
    codes = {code for reply in document["components"]["responses"].values() for code in examples_of(reply)}
    assert {"invalid_input", "precondition_failed", "idempotency_key_reused", "busy", "internal"} <= codes


def test_every_operation_names_its_problems(document: dict[str, Any]):
    """“Some 4XX” is nothing to write a client against: a new route needs a line in server/api_problems.py."""
    vague = [
        f"{method.upper()} {path}"
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if "4XX" in operation["responses"] or not any(code >= "4" for code in operation["responses"])
    ]

    assert vague == []


def test_every_route_of_the_application_is_described(document: dict[str, Any]):
    """Also a bare ASGI one, of which the framework says nothing: an integrator reads this and no code."""
    undescribed = {"/schema"}  # the document itself
    routes = {re.sub(r":\w+}", "}", route.path) for route in make_app().routes}

    assert {path for path in routes if not path.startswith(tuple(undescribed))} <= document["paths"].keys()


def test_no_line_of_problems_is_of_a_route_that_is_gone(document: dict[str, Any]):
    """A table that nobody reads grows wrong."""
    routes = {f"{method.upper()} {path}" for path, operations in document["paths"].items() for method in operations}

    assert OWN_PROBLEMS.keys() <= routes


def examples_of(reply: dict[str, Any]) -> list[str]:
    [media] = reply["content"].values()
    return list(media.get("examples", {}))


def test_every_reference_leads_somewhere(document: dict[str, Any]):
    """The validator does not follow all of them."""
    text = json.dumps(document)
    for kind, name in set(re.findall(r'"#/components/(\w+)/([^"]+)"', text)):
        assert name in document["components"][kind]


def test_operations_have_names_of_their_own(document: dict[str, Any]):
    """Generated clients make methods of them."""
    names = [o["operationId"] for path in document["paths"].values() for o in path.values()]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.entity.name)
def test_every_resource_is_described_with_its_problems(document: dict[str, Any], resource: Any):
    """What comes in is closed, what goes out may grow."""
    many, one = document["paths"][resource.path], document["paths"][resource.path + "/{row_id}"]
    methods = {"create": "post", "change": "patch", "delete": "delete"}
    acts = {methods[act] for act in resource.acts}
    if resource.entity.name == "merge":
        acts.add("post")  # an act of its own makes one

    made_by_an_act = {"post"} if resource is MERGES else set()
    assert many.keys() == {"get"} | acts & {"post"} | made_by_an_act
    assert one.keys() == {"get"} | acts - {"post"}
    for operation in [*many.values(), *one.values()]:
        assert operation["responses"]["403"] == {"$ref": "#/components/responses/Forbidden"}
        assert operation["security"] == [{"bearer": []}]
    schemas = document["components"]["schemas"]
    name = resource.models.view.__name__
    columns = resource.entity.columns
    assert list(schemas[name]["properties"]) == [*columns, *links_of(resource.entity.name)]
    if "create" in resource.acts:
        assert schemas[f"{name}Create"]["additionalProperties"] is False
    if "change" in resource.acts:
        assert not schemas[f"{name}Patch"]["properties"].keys() & resource.fixed


def test_every_schema_has_an_example_that_fits_it(document: dict[str, Any]):
    """People copy examples before they read descriptions."""
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        whole = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
        for example in schema["examples"]:
            errors = [f"{name}: {e.message}" for e in Draft202012Validator(whole).iter_errors(example)]
            assert errors == []


def test_every_operation_says_what_it_is_and_shows_what_goes_in_and_out(document: dict[str, Any]):
    """A body without an example is one that somebody has to guess."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("summary"), (method, path)
            for body in [operation.get("requestBody", {}), *operation["responses"].values()]:
                for kind, media in body.get("content", {}).items():
                    is_file = kind == "text/csv" or media["schema"].get("format") == "binary"
                    assert is_file or "example" in media or "examples" in media, (method, path)


def test_headers_that_matter_to_integrators_are_described(document: dict[str, Any]):
    """Idempotency keys, conditions, tags, and the rate limit."""
    change = document["paths"]["/accounts/{row_id}"]["patch"]
    given = {parameter["$ref"].rpartition("/")[2] for parameter in change["parameters"] if "$ref" in parameter}

    assert given == {"If-Match", "Idempotency-Key"}
    assert {"ETag", "Idempotency-Replayed", "RateLimit-Remaining"} <= change["responses"]["200"]["headers"].keys()
    assert {"304", "404"} <= document["paths"]["/accounts/{row_id}"]["get"]["responses"].keys()
    assert "Retry-After" in document["components"]["responses"]["TooManyRequests"]["headers"]


if __name__ == "__main__":
    RECORDED.write_text(json.dumps(described(), indent=1, ensure_ascii=False, sort_keys=True) + "\n")
