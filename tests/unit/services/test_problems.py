"""One mapping from errors to problem documents, and it knows every error there is."""

import json

import pytest

from retain import errors
from services import problems


def render(error: Exception) -> tuple[int, dict]:
    response = problems.response(error, "/predict")
    assert response.media_type == "application/problem+json"
    return response.status_code, json.loads(response.body)


def every_error() -> list[type[errors.RetainError]]:
    found = [errors.RetainError]
    for cls in found:
        found += [sub for sub in cls.__subclasses__() if sub.__module__ == errors.__name__]
    return found[1:]


@pytest.mark.parametrize("cls", every_error())
def test_no_domain_error_is_an_unexpected_one(cls) -> None:
    status, body = render(cls("what happened", remedy="what to do", field="a"))
    assert status != 500
    assert body["status"] == status
    assert body["remedy"]


def test_types_are_stable_and_unique() -> None:
    kinds = [*problems.KINDS.values(), problems.INTERNAL, problems.NO_SUCH_PATH]
    types = [kind.type for kind in kinds]
    assert len(types) == len(set(types))
    assert "urn:retain:problem:unknown-customer" in types


def test_a_subclass_is_answered_like_its_base() -> None:
    assert render(errors.UnreadableFile("x"))[0] == 422


def test_what_a_store_said_stays_inside() -> None:
    status, body = render(errors.StoreUnavailable("password=secret"))
    assert status == 503
    assert "secret" not in json.dumps(body)


def test_an_unexpected_error_tells_nothing_of_itself() -> None:
    status, body = render(ZeroDivisionError("secret"))
    assert status == 500
    assert "secret" not in json.dumps(body)
    assert "ZeroDivisionError" not in json.dumps(body)
