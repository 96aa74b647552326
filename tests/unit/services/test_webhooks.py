"""Calling webhooks: whatever the other side does comes back as an answer, in time."""

import socket
from datetime import timedelta

import pytest

from services.webhooks import call
from tests.webhook_receiver import DRIP, DROP, SLOW, Receiver, receiving

TIMEOUT = timedelta(seconds=0.5)


@pytest.fixture
def receiver():
    with receiving() as one:
        yield one


def posted(receiver: Receiver):
    return call(receiver.url, b'{"a": 1}', {"webhook-id": "d-1"}, TIMEOUT)


def test_a_2xx_is_accepted_and_the_body_and_headers_arrive(receiver) -> None:
    receiver.always = 204
    assert posted(receiver).accepted
    [one] = receiver.received
    assert (one.path, one.body) == ("/hooks?from=retain", b'{"a": 1}')
    assert one.headers["webhook-id"] == "d-1"
    assert one.headers["content-type"] == "application/json"


@pytest.mark.parametrize("status", [302, 307, 400, 404, 500])
def test_anything_else_is_a_failure_and_no_redirect_is_followed(receiver, status) -> None:
    receiver.always = (status, {"location": receiver.url})
    told = posted(receiver)
    assert (told.accepted, told.status) == (False, status)
    assert str(status) in told.why
    assert len(receiver.received) == 1


def test_gone_and_retry_after_are_told(receiver) -> None:
    receiver.answers = [410, (503, {"retry-after": "7"}), (503, {"retry-after": "Sat, 1 Jan 2028"})]
    assert posted(receiver).gone
    assert posted(receiver).retry_after == timedelta(seconds=7)
    assert posted(receiver).retry_after is None


@pytest.mark.parametrize("told", [DROP, SLOW, DRIP])
def test_a_connection_that_breaks_or_never_ends_is_no_answer(receiver, told) -> None:
    receiver.always = told
    answered = posted(receiver)
    assert (answered.accepted, answered.status) == (False, None)
    assert answered.why


def test_nobody_there_is_no_answer() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    assert call(f"http://127.0.0.1:{port}/", b"{}", {}, TIMEOUT).status is None
    assert call("http://nowhere.invalid/", b"{}", {}, TIMEOUT).status is None


def test_a_certificate_nobody_vouches_for_is_refused(receiver) -> None:
    assert call(receiver.url.replace("http:", "https:"), b"{}", {}, TIMEOUT).status is None


def test_no_proxy_of_the_environment_is_used(receiver, monkeypatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert posted(receiver).accepted
