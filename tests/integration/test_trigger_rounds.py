"""Rounds over the customers: states entered, moments that come near."""

import numpy as np
import pytest

from retain.clock import to_micros
from retain.database import connect
from retain.triggers.rounds import Rounds
from tests.triggered import Shop

RISK = {
    "id": "risk",
    "becomes": "churn_probability >= 0.7",
    "rearms": "churn_probability < 0.6",
    "goal": ["order_completed"],
    "cool_down": "1d",
}
ORDER = {
    "id": "order",
    "before": "expected_order",
    "lead": "2d",
    "goal": ["order_completed"],
    "cool_down": "1d",
}


class Going:
    """Rounds over one customer after the other."""

    def __init__(self, engine, *triggers) -> None:
        self.shop = Shop(engine, *triggers)
        self.rounds = Rounds(engine, self.shop.triggers)

    def round(self, complete: bool = True, **columns: list[float]) -> int:
        """One round in which customers c0, c1, … have these columns."""
        values = {name: np.array(column, dtype=float) for name, column in columns.items()}
        ids = [f"c{n}" for n in range(len(next(iter(values.values()))))]
        fired = self.rounds.take(ids, values, to_micros(self.shop.clock.now))
        if complete:
            self.rounds.complete()
        return fired


@pytest.fixture
def going(tmp_path):
    made = []

    def make(*triggers) -> Going:
        made.append(Going(connect(f"sqlite:///{tmp_path / 'retain.db'}"), *triggers))
        return made[-1]

    yield make
    for one in made:
        one.shop.engine.dispose()


def test_who_is_over_the_threshold_at_the_first_look_has_not_crossed_it(going) -> None:
    one = going(RISK)
    assert one.round(churn_probability=[0.9, 0.1]) == 0
    assert one.round(churn_probability=[0.9, 0.8]) == 1
    assert one.shop.fired() == [("risk", "c1", "fired")]


def test_somebody_new_over_the_threshold_has_crossed_it(going) -> None:
    one = going(RISK)
    one.round(churn_probability=[0.1])
    assert one.round(churn_probability=[0.1, 0.9]) == 1


def test_a_round_that_was_never_finished_is_no_first_look(going) -> None:
    one = going(RISK)
    assert one.round(complete=False, churn_probability=[0.1]) == 0
    assert one.round(churn_probability=[0.9]) == 0


def test_hovering_about_the_threshold_crosses_it_once(going) -> None:
    one = going({**RISK, "cool_down": "0"})
    one.round(churn_probability=[0.1])
    fired = 0
    for probability in (0.71, 0.69, 0.72, 0.65, 0.9, 0.59, 0.71):
        one.shop.clock.move(minutes=1)
        fired += one.round(churn_probability=[probability])
    assert fired == 2


def test_a_restart_between_two_rounds_forgets_nothing(going) -> None:
    one = going(RISK)
    one.round(churn_probability=[0.1])
    assert one.round(churn_probability=[0.9]) == 1
    again = going(RISK)
    assert again.round(churn_probability=[0.9]) == 0


def test_another_threshold_is_learned_anew(going) -> None:
    one = going(RISK)
    one.round(churn_probability=[0.65])
    lower = going({**RISK, "becomes": "churn_probability >= 0.6", "rearms": None})
    assert lower.round(churn_probability=[0.65]) == 0


def test_an_unknown_probability_is_no_crossing(going) -> None:
    one = going(RISK)
    one.round(churn_probability=[0.1])
    assert one.round(churn_probability=[np.nan]) == 0


def test_a_timer_is_set_shortly_before_the_expected_order(going) -> None:
    one = going(ORDER)
    one.round(days_to_expected_order=[3.0, 30.0, np.nan, -1.0])
    assert one.shop.timers() == {("order", "c0"): pytest.approx(1_440, abs=1)}
    one.shop.clock.move(hours=25)
    assert one.shop.look() == 1


def test_a_moment_that_moves_moves_its_timer(going) -> None:
    one = going(ORDER)
    one.round(days_to_expected_order=[3.0])
    one.round(days_to_expected_order=[3.5])
    assert one.shop.timers() == {("order", "c0"): pytest.approx(2_160, abs=1)}
    one.round(days_to_expected_order=[60.0])
    assert one.shop.timers() == {}


def test_an_order_takes_the_timer_away_and_a_new_cycle_fires_again(going) -> None:
    one = going(ORDER)
    one.round(days_to_expected_order=[2.5])
    one.shop.clock.move(hours=1)
    one.shop.happens("order_completed", "c0")
    one.shop.look()
    assert one.shop.timers() == {}
    # a round while the order comes in may have missed it: what it set is taken away again
    one.round(days_to_expected_order=[1.0])
    assert one.shop.look() == 0
    one.shop.clock.move(minutes=2)
    one.round(days_to_expected_order=[1.0])
    assert one.shop.look() == 1
    # the same cycle, however the prediction moves
    one.shop.clock.move(days=3)
    one.round(days_to_expected_order=[1.5])
    assert one.shop.look() == 0
    one.shop.happens("order_completed", "c0")
    one.shop.clock.move(days=10)
    one.round(days_to_expected_order=[1.5])
    assert one.shop.look() == 1


def test_a_moment_near_at_its_first_look_fires_at_once(going) -> None:
    one = going({**ORDER, "before": "term_end"})
    one.round(days_to_term_end=[0.5])
    assert one.shop.look() == 1
