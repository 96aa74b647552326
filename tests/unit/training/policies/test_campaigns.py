"""Campaign assignments as a log, and the policies on it."""

import numpy as np
import pytest

from training.assignments import Assignments
from training.policies import campaigns
from training.policies.campaigns import Economy
from training.policies.estimators import IPS, SNIPS, supported

ORDERS = Economy("orders", {"mail": 0.1})


class Knows:
    """A model that knows who is moved: the even ones, by a half."""

    class manifest:
        name = "response:knows"
        features = ()

    def response(self, matrix: np.ndarray, action_ids: list[str]) -> tuple[np.ndarray, np.ndarray]:
        control = np.full((len(matrix), len(action_ids)), 0.3)
        moved = (np.arange(len(matrix)) % 2 == 0)[:, np.newaxis]
        return control + 0.5 * moved, control


@pytest.fixture
def given() -> Assignments:
    rng = np.random.default_rng(1)
    rows = 8_000
    number = np.arange(rows)
    codes = (number // 2) % 2
    treated = (rng.random(rows) < np.where(codes == 0, 0.5, 0.8)).astype(float)
    moved = (number % 2 == 0).astype(float)
    responded = (rng.random(rows) < 0.3 + 0.5 * moved * treated).astype(float)
    return Assignments(
        customers=number.astype(str).astype(object),
        moments=number.astype(np.int64),
        actions=("mail", "push"),
        codes=codes,
        campaigns=codes,
        treated=treated,
        responded=responded,
        revenue=20.0 * responded,
        columns={"orders_30d": np.zeros(rows)},
    )


def test_the_chance_is_the_share_that_the_campaign_treated(given: Assignments) -> None:
    log = campaigns.log_of(given, ORDERS)
    assert log.chance[0, 1] == pytest.approx(0.5, abs=0.02)
    assert log.chance[2, 2] == pytest.approx(0.8, abs=0.02)
    assert log.chance[0, 2] == 0.0


def test_what_was_sent_costs_and_what_was_not_does_not(given: Assignments) -> None:
    log = campaigns.log_of(given, ORDERS)
    mailed = (given.treated > 0) & (given.codes == 0)
    np.testing.assert_allclose(log.reward[mailed], given.responded[mailed] - 0.1)
    np.testing.assert_allclose(log.reward[~mailed], given.responded[~mailed])


def test_profit_is_the_margin_of_what_they_bought(given: Assignments) -> None:
    log = campaigns.log_of(given, Economy("profit", {"push": 2.0}, margin=0.25))
    push = (given.treated > 0) & (given.codes == 1)
    np.testing.assert_allclose(log.reward[push], 5.0 * given.responded[push] - 2.0)


def test_sending_where_it_pays_is_worth_more_than_sending_to_all(given: Assignments) -> None:
    log = campaigns.log_of(given, ORDERS)
    rules = {one.name: one for one in campaigns.rules(given, log)}
    pays = campaigns.following(given, log, Knows(), ORDERS)[0]
    assert pays.model == "response:knows"
    assert IPS.value(rules["logged (by chance)"].policy, log) == pytest.approx(log.reward.mean())
    assert SNIPS.value(rules["do nothing"].policy, log) == pytest.approx(0.3, abs=0.03)
    assert SNIPS.value(rules["only mail"].policy, log) == pytest.approx(0.4, abs=0.03)
    assert SNIPS.value(pays.policy, log) == pytest.approx(0.525, abs=0.03)
    every = [one.policy for one in rules.values()]
    assert all(supported(policy, log) == 1.0 for policy in every)


def test_the_reward_model_expects_what_the_model_says_less_costs(given: Assignments) -> None:
    log = campaigns.log_of(given, ORDERS)
    guess = campaigns.reward_model(given, log, Knows(), ORDERS)
    assert guess[0].tolist() == pytest.approx([0.3, 0.7, 0.0])
    assert guess[2].tolist() == pytest.approx([0.3, 0.0, 0.8])


def test_a_campaign_without_a_hold_out_teaches_no_effect(given: Assignments) -> None:
    all_treated = np.where(given.codes == 1, 1.0, given.treated)
    from dataclasses import replace

    found = replace(given, treated=all_treated).randomised()
    assert found.actions == ("mail",)
    assert set(found.codes.tolist()) == {0}
    assert len(found) == int((given.codes == 0).sum())
