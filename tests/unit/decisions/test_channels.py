"""The weights of channels: what was compiled says what Python says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retain import native
from retain.decisions.channels import ChannelPreference

PREFERENCE = ChannelPreference({"email": 0.3, "sms": 0.0, "카카오 톡": 0.9})
counts = st.one_of(st.integers(0, 10**16).map(str), st.sampled_from(["1.5", "2e3", "nan", "1_0"]))
lines = st.builds(
    "{} {} {}".format,
    st.sampled_from(["email", "sms", "push", "카카오 톡", "", "web \x00"]),
    st.sampled_from(["sent", "opened", "clicked", "sen", "bounced", ""]),
    st.one_of(st.integers(0, 40).map(str), counts),
)


@pytest.mark.skipif(native.compiled("channels") is None, reason="there is no C compiler")
@settings(max_examples=500, deadline=None)
@given(st.lists(lines, min_size=1, max_size=9))
def test_a_customer_prefers_in_c_what_they_prefer_in_python(history):
    weights, plain = PREFERENCE.weights(history), PREFERENCE.plain_weights(history)
    assert repr(weights) == repr(plain)


@pytest.mark.skipif(native.compiled("channels") is None, reason="there is no C compiler")
def test_a_history_that_is_told_otherwise_is_left_to_python():
    made = native.compiled("channels").Preference({"email": 0.3}, 0.25, 10.0, 1.0, 0.5, 2.0)
    assert made.weights(["email sent 1"]) is not None
    for history in (
        ["email sent"],
        ["email sent "],
        ["email sent -1"],
        ["email sent 1234567890123456"],
        ["\ud800 sent 1"],
        [7],
        "email sent 1",
        [f"channel{number} sent 1" for number in range(40)],
    ):
        assert made.weights(history) is None
