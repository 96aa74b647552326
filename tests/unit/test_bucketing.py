from statistics import mean

from hypothesis import given
from hypothesis import strategies as st

from retain.bucketing import place


@given(st.text(), st.text())
def test_a_place_is_a_share_and_stays_the_same(salt: str, unit: str) -> None:
    assert 0.0 <= place(salt, unit) < 1.0
    assert place(salt, unit) == place(salt, unit)


def test_places_never_move_from_one_version_to_the_next() -> None:
    assert place("layer-1", "17850") == 0.11774783438167113


def test_places_are_uniform_over_customers() -> None:
    places = [place("salt", str(number)) for number in range(20_000)]
    assert abs(mean(places) - 0.5) < 0.01
    for tenth in range(10):
        share = mean(tenth / 10 <= one < (tenth + 1) / 10 for one in places)
        assert abs(share - 0.1) < 0.01


def test_two_salts_place_customers_independently() -> None:
    both = mean(
        place("one", str(number)) < 0.5 and place("two", str(number)) < 0.5
        for number in range(20_000)
    )
    assert abs(both - 0.25) < 0.01


def test_salt_and_unit_do_not_run_into_each_other() -> None:
    assert place("a", "bc") != place("ab", "c")
