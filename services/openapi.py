"""The OpenAPI 3.1 document, generated from the operations and their models."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from services import openapi_gate, openapi_problems, problems
from services.operation import JSON, Operation, Parameter, Reply
from services.operations import OPERATIONS
from services.schemas.event_forms import BATCH_SCHEMA, event_schema
from services.schemas.problems import Problem

_REF = "#/components/schemas/{model}"
_TAGS = {
    "scores": "What a customer will do.",
    "decisions": "What to do about it.",
    "events": "What happened.",
    "customers": "What is known.",
    "service": "Models, metrics, health and documentation.",
}
_TITLES = {
    400: "The body is not JSON.",
    401: "No API key came with the request, or none that is good.",
    403: "The API key has not the scope this needs.",
    404: "There is no such thing.",
    409: "The key was used for something else.",
    413: "The body is too large.",
    415: "The body is compressed; it is read as it is.",
    422: "A field or header cannot be used as it is; `field` names it.",
    429: "The API key asks more often than its rate allows; try again after `Retry-After`.",
    431: "Path, query and headers are too long.",
    500: "Something unexpected went wrong.",
    503: "There is too much to do, or a store or model is not there at the moment; nothing was "
    "done, unless `detail` says so. Try again after `Retry-After`.",
    504: "The request's time was over; `remedy` says what may have been done.",
}

_GUARDED = (401, 403, 429)
"""What every operation can answer that needs a key."""
_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key, made with `retain keys add`. A service that only its own "
        "machine reaches asks for none until the first is made.",
    },
    "header": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same key, where `Authorization` is taken.",
    },
}


@cache
def document() -> dict[str, Any]:
    """The document; every path, parameter, body, answer and problem of the service."""
    schemas = _schemas()
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        described = _operation(operation)
        if operation.request is not None:
            described["requestBody"] = _body(operation.request, schemas)
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": {
            "title": "Retain",
            "version": _version(),
            "summary": "Customer scores and the next best action, with reasons and receipts.",
            "description": "Events in; calibrated churn, next-purchase and lifetime-value scores, "
            "a segment, and a ranked, explained, capped action out. Errors are RFC 9457 problem "
            "details. Times are ISO 8601 in UTC.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "examples": openapi_problems.EXAMPLES,
            "securitySchemes": _SCHEMES,
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    scope = operation.scope
    guarded = () if scope is None else (*_GUARDED, *openapi_gate.WITH_ROOM)
    statuses = sorted({*operation.problems, *openapi_gate.EVERY, *guarded})
    return {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "description": operation.description,
        "responses": {
            **{str(reply.status): _reply(reply) for reply in operation.replies},
            **{str(status): _problem(status, operation.path) for status in statuses},
        },
        "security": [] if scope is None else [{name: [scope.value]} for name in _SCHEMES],
        "parameters": [*map(_parameter, operation.parameters), *openapi_gate.PARAMETERS],
    }


def _body(request: type[BaseModel] | str, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a request, which its schema describes and shows."""
    name = _name(request)
    return {
        "description": schemas[name]["description"],
        "required": True,
        "content": {JSON: {"schema": _reference(request)}},
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.place == "path",
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }
    if parameter.example is not None:
        described["example"] = parameter.example
    return described


def _reply(reply: Reply) -> dict[str, Any]:
    content: dict[str, Any] = {
        "schema": _reference(reply.schema) if reply.schema else _plain_schema(reply)
    }
    if reply.examples:
        content["examples"] = {name: {"value": value} for name, value in reply.examples.items()}
    own = {
        name: {"description": text, "schema": {"type": "string"}}
        for name, text in reply.headers.items()
    }
    return {
        "description": reply.description,
        "headers": {**own, **openapi_gate.headers()},
        "content": {reply.media_type: content},
    }


def _plain_schema(reply: Reply) -> dict[str, Any]:
    return {"type": "object" if reply.media_type == JSON else "string"}


def _problem(status: int, path: str) -> dict[str, Any]:
    shown = openapi_problems.examples(status, path)
    return {
        "description": _TITLES[status],
        "headers": openapi_gate.headers(problem=status),
        "content": {problems.MEDIA_TYPE: {"schema": _reference(Problem), "examples": shown}},
    }


def _reference(schema: type[BaseModel] | str) -> dict[str, str]:
    return {"$ref": _REF.format(model=_name(schema))}


def _name(schema: type[BaseModel] | str) -> str:
    return schema if isinstance(schema, str) else schema.__name__


def _schemas() -> Mapping[str, Any]:
    modes: dict[type[BaseModel], JsonSchemaMode] = {Problem: "serialization"}
    for operation in OPERATIONS:
        modes |= {reply.schema: "serialization" for reply in operation.replies if reply.schema}
        if isinstance(operation.request, type):
            modes[operation.request] = "validation"
    _, generated = models_json_schema(list(modes.items()), ref_template=_REF)
    return {"Event": event_schema(), "EventBatch": BATCH_SCHEMA, **generated["$defs"]}


def _version() -> str:
    try:
        return version("retain")
    except PackageNotFoundError:
        return "0"
