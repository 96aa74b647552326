"""An operation of the service: one method on one path, described for routes and document."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from retain.keys import Scope

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A path, query or header parameter."""

    name: str
    place: str
    description: str
    schema: Mapping[str, Any]
    example: Any = None


@dataclass(frozen=True, slots=True)
class Reply:
    """One successful answer; ``schema`` is a model, or None for text.

    ``headers`` are described by name.
    """

    status: int
    description: str
    schema: type[BaseModel] | None
    examples: Mapping[str, Any] = field(default_factory=dict)
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Operation:
    """One method on one path; ``problems`` are the error statuses it can answer.

    ``scope`` is what an API key must have for it; None is open to everybody.
    """

    name: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    replies: tuple[Reply, ...]
    request: type[BaseModel] | str | None = None
    parameters: tuple[Parameter, ...] = ()
    problems: tuple[int, ...] = (500,)
    scope: Scope | None = field(kw_only=True)


BODY_PROBLEMS = (400, 413, 415, 422, 500, 503)
ID = {"type": "string", "minLength": 1, "maxLength": 200}
