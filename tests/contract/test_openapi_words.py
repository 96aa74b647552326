"""The published document leaves nothing to guess: it describes and shows all there is."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from services import problems
from services.openapi import document
from tests.contract.formats import FORMATS

DOCUMENT = document()
COMPONENTS = DOCUMENT["components"]
OPERATIONS = [
    (f"{method} {path}", operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
NEVER_ANSWERED = {
    "malformed-request": "what is no HTTP is of no operation",
    "request-too-slow": "nor is a request whose head never came",
    "no-model": "without models no service starts",
    "model-unusable": "nor with damaged ones",
    "not-enough-data": "of training",
    "leakage": "of training",
}
"""Kinds of problem that no operation answers, and why."""
LARGEST_BYTES = 250_000


def schemas_in(schema: Any, where: str) -> Iterator[tuple[str, dict]]:
    """A schema and every one inside it, with the place each stands at."""
    if not isinstance(schema, dict):
        return
    yield where, schema
    for name, inner in schema.get("properties", {}).items():
        yield from schemas_in(inner, f"{where}.{name}")
    for name in ("items", "additionalProperties", "not"):
        yield from schemas_in(schema.get(name), f"{where}.{name}")
    for name in ("anyOf", "oneOf", "allOf"):
        for number, inner in enumerate(schema.get(name, ())):
            yield from schemas_in(inner, f"{where}.{name}[{number}]")


def silent(schema: dict, where: str) -> list[str]:
    """The properties that say no more than their names, by their places.

    A condition on properties, a branch of their own schema's ``oneOf``, describes none again.
    """
    told = schema.get("properties", {})
    return [
        f"{place}.{name}"
        for place, inner in schemas_in(schema, where)
        for name, field in inner.get("properties", {}).items()
        if not is_told(field) and not ("oneOf" in place and is_told(told.get(name, {})))
    ]


def is_told(thing: dict) -> bool:
    return bool(thing.get("description", "").strip())


def bodies() -> Iterator[tuple[str, dict]]:
    """What is sent and answered, by operation and status."""
    for where, operation in OPERATIONS:
        if "requestBody" in operation:
            yield f"{where} body", operation["requestBody"]
        for status, reply in operation["responses"].items():
            yield f"{where} {status}", reply


def media() -> Iterator[tuple[str, dict]]:
    for where, body in bodies():
        for media_type, content in body["content"].items():
            yield f"{where} {media_type}", content


def parameters() -> Iterator[tuple[str, dict]]:
    for where, operation in OPERATIONS:
        for one in operation["parameters"]:
            yield f"{where} {one['name']}", one


def of_component(thing: dict) -> dict:
    """Itself, or the component it refers to."""
    if "$ref" not in thing:
        return thing
    _, _, kind, name = thing["$ref"].split("/")
    return COMPONENTS[kind][name]


def shown(content: dict) -> list:
    """The examples of a body: its own, else those of its schema."""
    own = [of_component(one)["value"] for one in content.get("examples", {}).values()]
    return own or of_component(content["schema"]).get("examples", [])


def misfits(values: list, schema: dict) -> list[str]:
    whole = {**schema, "components": COMPONENTS}
    checker = Draft202012Validator(whole, format_checker=FORMATS)
    return [error.message for value in values for error in checker.iter_errors(value)]


@pytest.mark.parametrize(("name", "schema"), COMPONENTS["schemas"].items())
def test_every_field_is_described_however_deep_it_stands(name, schema) -> None:
    assert silent(schema, name) == []


def test_the_walk_finds_a_field_that_is_not_described_and_names_it() -> None:
    field = {"type": "object", "properties": {"inner": {"type": "string"}}}
    told = {"description": "Of two.", **field}
    schema = {"properties": {"a": {"anyOf": [told, {"type": "null"}], "description": " "}}}
    assert silent(schema, "S") == ["S.a", "S.a.anyOf[0].inner"]


def test_every_list_of_fields_that_are_named_freely_says_what_they_hold() -> None:
    loose = [
        where
        for name, schema in COMPONENTS["schemas"].items()
        for where, inner in schemas_in(schema, name)
        if inner.get("additionalProperties") is True and not is_told(inner)
    ]
    # a place and a visit in a receipt: their fields are those of the request
    assert loose == ["Moment.place.anyOf[0]", "Moment.session.anyOf[0]"]


def test_every_parameter_is_described_and_has_an_example_that_fits() -> None:
    named = [where for where, one in parameters() if not is_told(one) or "example" not in one]
    assert named == []
    wrong = {where: misfits([one["example"]], one["schema"]) for where, one in parameters()}
    assert {where: found for where, found in wrong.items() if found} == {}


def test_every_body_answer_and_header_is_described() -> None:
    named = [where for where, body in bodies() if not is_told(body)]
    named += [
        f"{where} {name}"
        for where, body in bodies()
        for name, header in body.get("headers", {}).items()
        if not is_told(header)
    ]
    assert named == []


def test_every_body_and_answer_has_examples_and_they_fit() -> None:
    assert [where for where, content in media() if not shown(content)] == []
    wrong = {where: misfits(shown(content), content["schema"]) for where, content in media()}
    assert {where: found for where, found in wrong.items() if found} == {}


@pytest.mark.parametrize("told", ["soon", "2026-11-21", "2026-11-21T20:00:00"])
def test_an_example_whose_time_is_none_does_not_fit(told) -> None:
    time = {"type": "string", "format": "date-time"}
    assert misfits([told], time)
    assert not misfits(["2026-11-21T20:00:00Z"], time)


def test_every_example_of_a_field_fits_it() -> None:
    wrong = {
        where: misfits(inner.get("examples", []), inner)
        for name, schema in COMPONENTS["schemas"].items()
        for where, inner in schemas_in(schema, name)
    }
    assert {where: found for where, found in wrong.items() if found} == {}


def test_every_kind_of_problem_is_shown_as_it_is_answered() -> None:
    kinds = {kind.slug: kind for kind in (*problems.KINDS.values(), problems.INTERNAL)}
    examples = {name: one["value"] for name, one in COMPONENTS["examples"].items()}
    assert examples.keys() | NEVER_ANSWERED.keys() == kinds.keys()
    assert examples.keys().isdisjoint(NEVER_ANSWERED)
    for name, value in examples.items():
        kind = kinds[name]
        told = value["type"], value["title"], value["status"]
        assert told == (kind.type, kind.title, kind.status)


def test_every_problem_is_shown_where_it_can_be_answered() -> None:
    used = {
        one["$ref"].rsplit("/", 1)[1]
        for _, content in media()
        for one in content.get("examples", {}).values()
        if "$ref" in one
    }
    assert used == COMPONENTS["examples"].keys()


def test_the_document_stays_of_a_size_to_load_and_to_read() -> None:
    assert len(json.dumps(DOCUMENT)) < LARGEST_BYTES
