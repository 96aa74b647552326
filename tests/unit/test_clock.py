"""Times as callers write them."""

import pytest

from retain.clock import iso, parse_utc
from retain.errors import InvalidInput


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_time_that_utc_has_no_year_for_is_refused_like_any_other_that_is_none(text: str) -> None:
    with pytest.raises(InvalidInput, match="not an ISO 8601 time") as raised:
        parse_utc(text, field="as_of")
    assert raised.value.field == "as_of"


def test_a_time_is_told_in_utc_whatever_zone_it_was_written_in() -> None:
    assert iso(parse_utc("2026-11-21T20:00:00+09:00", field="")) == "2026-11-21T11:00:00Z"
    assert iso(parse_utc("2026-11-21", field="")) == "2026-11-21T00:00:00Z"
