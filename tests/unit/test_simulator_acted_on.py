"""A simulated shop that is acted on: it answers as its response functions say."""

from datetime import timedelta

import numpy as np
import pytest

from retain.clock import from_micros
from retain.simulator.acted_on import ARMS, open_shop
from retain.simulator.columns import DAY
from retain.simulator.timeline import Timeline

CUSTOMERS = 4_000


@pytest.fixture
def shop():
    return open_shop(CUSTOMERS, seed=3)


def standing(shop):
    now = from_micros(shop.world.plan.end) - timedelta(days=100)
    everybody = shop.stand(now)
    return everybody.where(everybody.orders > 0)


def ordered(shop, situation):
    times = Timeline(shop.orders.customer, shop.orders.ts, shop.world.plan.start)
    who, at = situation.customer, situation.at
    return times.any_within(who, at, at + 14 * DAY)


def test_doing_nothing_changes_no_order(shop):
    situation, before = standing(shop), shop.orders.ts.copy()
    shop.act(situation, np.zeros(len(situation.customer), dtype=np.int64))
    assert np.array_equal(shop.orders.ts, before)


def test_the_same_actions_get_the_same_answer():
    answers = []
    for _ in range(2):
        shop = open_shop(300, seed=3)
        situation = standing(shop)
        shop.act(situation, np.full(len(situation.customer), 2))
        answers.append(shop.orders.ts)
    assert np.array_equal(*answers)


@pytest.mark.parametrize("arm", range(1, len(ARMS)))
def test_as_many_order_as_the_true_chances_say(shop, arm):
    situation = standing(shop)
    chances = shop.chances(situation)
    shop.act(situation, np.full(len(situation.customer), arm))
    came = ordered(shop, situation)
    expected = chances[:, arm]
    error = np.sqrt((expected * (1 - expected)).sum()) / len(came)
    assert abs(came.mean() - expected.mean()) < 4 * error


def test_what_an_action_does_differs_between_customers(shop):
    chances = shop.chances(standing(shop))
    effects = chances[:, 1:] - chances[:, :1]
    assert (effects.std(axis=0) > 0.02).all()
    assert ((effects < 0).any(axis=0) & (effects > 0).any(axis=0)).all()
    assert ((chances >= 0) & (chances <= 1)).all()


def test_nobody_stands_by_what_comes_later(shop):
    situation = standing(shop)
    shop.act(situation, np.full(len(situation.customer), 1))
    again = standing(shop)
    assert np.array_equal(again.orders, situation.orders)
