"""The published document is OpenAPI 3.1, and its examples are what it says they are."""

import pytest
from jsonschema import Draft202012Validator

from retain.settings import load
from services.gate.layout import places
from services.openapi import document
from services.operations import OPERATIONS
from services.pools import Pools
from services.routes import application
from tests.contract.formats import FORMATS
from tests.unit.services.fakes import Service

DOCUMENT = document()
METHODS = {"get", "post", "put", "delete", "patch"}
DESCRIBED = [
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]


def validate(value: object, schema: dict) -> None:
    Draft202012Validator(
        {**schema, "components": DOCUMENT["components"]}, format_checker=FORMATS
    ).validate(value)


def contents():
    for path, method, operation in DESCRIBED:
        for status, reply in operation["responses"].items():
            for media_type, content in reply["content"].items():
                yield f"{method} {path} {status}", media_type, content


def schemas():
    for path, method, operation in DESCRIBED:
        body = operation.get("requestBody")
        if body:
            yield f"{method} {path} body", body["content"]["application/json"]["schema"]
    for where, _, content in contents():
        yield where, content["schema"]


def value_of(example: dict) -> object:
    """What an example shows, where it stands or among the components."""
    if "$ref" in example:
        example = DOCUMENT["components"]["examples"][example["$ref"].rsplit("/", 1)[1]]
    return example["value"]


def references(value: object):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_the_document_says_it_is_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert {"title", "version"} <= DOCUMENT["info"].keys()


@pytest.mark.parametrize(("path", "method", "operation"), DESCRIBED)
def test_every_operation_has_a_summary_an_id_and_answers(path, method, operation) -> None:
    assert path.startswith("/")
    assert method in METHODS
    assert operation["summary"]
    assert operation["description"]
    assert operation["operationId"]
    assert any(status.startswith("2") for status in operation["responses"])
    assert all(reply["description"] for reply in operation["responses"].values())


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for _, _, operation in DESCRIBED]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("path", "method", "operation"), DESCRIBED)
def test_every_name_in_a_path_is_a_declared_parameter(path, method, operation) -> None:
    inside = {part[1:-1] for part in path.split("/") if part.startswith("{")}
    declared = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "path"}
    assert inside == declared


def test_every_reference_leads_somewhere() -> None:
    for reference in references(DOCUMENT):
        root, components, kind, name = reference.split("/")
        assert (root, components) == ("#", "components")
        assert name in DOCUMENT["components"][kind]


@pytest.mark.parametrize(("name", "schema"), DOCUMENT["components"]["schemas"].items())
def test_every_schema_is_json_schema_and_described(name, schema) -> None:
    Draft202012Validator.check_schema(schema)
    assert schema.get("description")


@pytest.mark.parametrize(("name", "schema"), DOCUMENT["components"]["schemas"].items())
def test_every_example_of_a_schema_fits_it(name, schema) -> None:
    for example in schema.get("examples", ()):
        validate(example, {"$ref": f"#/components/schemas/{name}"})


@pytest.mark.parametrize(("where", "media_type", "content"), list(contents()))
def test_every_example_of_an_answer_fits_its_schema(where, media_type, content) -> None:
    for example in content.get("examples", {}).values():
        validate(value_of(example), content["schema"])


def test_a_problem_is_shown_as_one_of_the_status_it_is_answered_with() -> None:
    for where, media_type, content in contents():
        if media_type == "application/problem+json":
            status = int(where.rsplit(" ", 1)[1])
            shown = [value_of(one) for one in content["examples"].values()]
            assert {one["status"] for one in shown} == {status}, where


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_an_operation_names_the_scope_it_needs_and_how_it_refuses(operation) -> None:
    described = DOCUMENT["paths"][operation.path][operation.method.lower()]
    refusals = {"401", "403", "429"}
    if operation.scope is None:
        assert described["security"] == []
        assert not refusals & described["responses"].keys()
        return
    named = {name: scopes for one in described["security"] for name, scopes in one.items()}
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert named == {scheme: [operation.scope] for scheme in schemes}
    assert refusals <= described["responses"].keys()
    assert "WWW-Authenticate" in described["responses"]["401"]["headers"]
    assert "Retry-After" in described["responses"]["429"]["headers"]


def test_every_error_is_a_problem_document() -> None:
    for where, media_type, content in contents():
        status = int(where.rsplit(" ", 1)[1])
        if status >= 400 and not where.startswith("get /readyz"):
            assert media_type == "application/problem+json", where
            assert content["schema"] == {"$ref": "#/components/schemas/Problem"}, where


def test_every_route_is_in_the_document_and_the_other_way_round() -> None:
    app = application(Service().use_cases(), Pools())
    routed = {
        (route.path.replace(":path}", "}"), method.lower())
        for route in app.routes
        if route.include_in_schema
        for method in route.methods - {"HEAD"}
    }
    assert routed == {(path, method) for path, method, _ in DESCRIBED}
    assert len(routed) == len(OPERATIONS)


@pytest.mark.parametrize(("path", "method", "operation"), DESCRIBED)
def test_every_operation_takes_a_deadline_and_a_name_and_answers_with_it(
    path, method, operation
) -> None:
    names = {one["name"] for one in operation["parameters"] if one["in"] == "header"}
    assert {"X-Request-ID", "X-Request-Timeout-Ms"} <= names
    assert {"422", "431", "500", "504"} <= operation["responses"].keys()
    assert all("X-Request-ID" in one["headers"] for one in operation["responses"].values())


def test_who_is_told_to_come_back_is_told_when() -> None:
    for path, method, operation in DESCRIBED:
        for status in ("429", "503"):
            answer = operation["responses"].get(status)
            if answer and "application/problem+json" in answer["content"]:
                assert "Retry-After" in answer["headers"], (path, method, status)


def test_only_what_is_never_refused_for_pressure_says_no_503() -> None:
    found = {p.route: p.lane.name for p in all_places()}
    for path, _, operation in DESCRIBED:
        if found[path] != "probes":
            assert "503" in operation["responses"], path


def all_places():
    known, _ = places(load({}))
    for operation in OPERATIONS:
        path = operation.path.replace("{", "").replace("}", "")
        yield known.of(operation.method, path)
