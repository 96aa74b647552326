"""Signatures are those of the Standard Webhooks."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest

from retain.errors import InvalidInput
from services.signatures import headers, keys_of

AT = datetime.fromtimestamp(1_614_265_330, UTC)


def test_the_example_of_the_specification_is_signed_as_it_says() -> None:
    # the test vector of the reference libraries (github.com/standard-webhooks/standard-webhooks)
    keys = keys_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", name="RETAIN_WEBHOOK_SECRET")
    told = headers("msg_p5jXN8AQM9LWM0D4loKWxJek", AT, b'{"test": 2432232314}', keys)
    assert told == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_each_of_several_secrets_signs() -> None:
    keys = keys_of("a" * 24 + " " + "b" * 24, name="RETAIN_X")
    signed = headers("id", AT, b"{}", keys)["webhook-signature"].split(" ")
    expected = [
        base64.b64encode(hmac.new(key, b"id.1614265330.{}", hashlib.sha256).digest()).decode()
        for key in (b"a" * 24, b"b" * 24)
    ]
    assert signed == [f"v1,{one}" for one in expected]


@pytest.mark.parametrize(
    "secret", ["", "  ", "hunter2", "whsec_not base64", "whsec_!!!!", "whsec_YWJj"]
)
def test_a_missing_or_weak_secret_is_refused_without_being_shown(secret) -> None:
    with pytest.raises(InvalidInput) as told:
        keys_of(secret, name="RETAIN_WEBHOOK_SECRET")
    assert "RETAIN_WEBHOOK_SECRET" in told.value.message
    assert told.value.remedy
    assert not secret.strip() or secret not in told.value.message + told.value.remedy
