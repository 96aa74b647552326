"""The body of ``POST /rank``: the short way reads what the model of it says, or leaves it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.errors import InvalidInput
from services import bodies, rank_body
from services.schemas.ranking import RankRequest

TEXTS = st.one_of(
    st.none(), st.sampled_from(["", "KR", "KR\n", "kr", "x" * 201, "a\u0000", "ü", 3, "search"])
)
NUMBERS = st.one_of(
    st.none(), st.sampled_from([0, 1, 2.0, -1, 1.5, 1_000_000, 1_000_001, 1e7, 2e9, True, "4"])
)
PLACES = st.fixed_dictionaries({}, optional=dict.fromkeys(("country", "region", "store"), TEXTS))
SESSIONS = st.fixed_dictionaries(
    {},
    optional={
        "source": TEXTS,
        **dict.fromkeys(("views", "searches", "seconds", "cart_items", "cart_value"), NUMBERS),
    },
)
CONTEXTS = st.fixed_dictionaries(
    {},
    optional={
        "channel": st.sampled_from([None, "web", "app", "none", "letter"]),
        "device": st.sampled_from([None, "mobile", "fridge"]),
        "page": st.sampled_from([None, "cart", "Cart"]),
        "place": st.one_of(st.none(), PLACES),
        "session": st.one_of(st.none(), SESSIONS),
        "local_time": st.sampled_from([None, "2026-11-21T20:15:00+09:00", "2026-11-21T20:15:00Z"]),
    },
)
BODIES = st.fixed_dictionaries(
    {},
    optional={
        "customer_id": TEXTS,
        "anonymous_id": TEXTS,
        "context": st.one_of(st.none(), CONTEXTS),
        "limit": st.sampled_from([None, 0, 1, 3, 3.0, 20, 21, "3", True]),
        "receipt": st.sampled_from([True, False, None, "true", 1]),
        "further": st.just(1),
    },
)


def outcome(read, body: bytes):
    try:
        return read(body)
    except (ValueError, InvalidInput) as error:
        return type(error), str(error)


@given(BODIES, st.booleans())
def test_every_body_is_read_as_its_model_reads_it(given_body, escaped) -> None:
    body = json.dumps(given_body, ensure_ascii=escaped).encode()
    long = outcome(lambda text: rank_body.of(bodies.parse(RankRequest, text)), body)
    assert outcome(rank_body.decoded, body) == long


@pytest.mark.parametrize("context", [{}, {"context": None}, {"context": {"place": None}}])
def test_a_request_that_says_nothing_of_its_moment_is_the_same_request(context) -> None:
    body = json.dumps({"customer_id": "c", **context}).encode()
    assert rank_body.decoded(body).told == rank_body.decoded(b'{"customer_id":"c"}').told


def test_a_common_body_needs_no_model(monkeypatch) -> None:
    monkeypatch.setattr(RankRequest, "model_validate", None)
    told = {"channel": "web", "place": {"country": "GB"}, "session": {"views": 4, "seconds": 9}}
    asked = rank_body.decoded(json.dumps({"customer_id": "c", "context": told}).encode())
    assert (asked.moment.place.country, asked.moment.session.seconds) == ("GB", 9.0)
