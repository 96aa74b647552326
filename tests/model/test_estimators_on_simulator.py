"""Off-policy intervals hold the truth of simulated shops; `scripts/bench estimators` is the large run."""

import numpy as np
import pytest

from training.bootstrap import Bootstrap
from training.policies.estimators import DR, IPS, SNDR, SNIPS, Estimator, estimate
from training.policies.simulated import Simulated, campaigns, exploring

REPLICATIONS = 40
CUSTOMERS = 200
ESTIMATORS = {"ips": IPS, "snips": SNIPS, "dr": DR, "sndr": SNDR}


@pytest.fixture(scope="module", params=[campaigns, exploring], ids=["campaigns", "exploring"])
def shops(request: pytest.FixtureRequest) -> list[Simulated]:
    return [request.param(seed, CUSTOMERS) for seed in range(REPLICATIONS)]


def said(shops: list[Simulated], policy: str, estimator: Estimator) -> tuple[np.ndarray, float]:
    """Value, low and high of every shop, and the truth over all of them."""
    rows = []
    for seed, shop in enumerate(shops):
        bootstrap = Bootstrap(shop.log.units, seed, replicates=500)
        found = estimate(estimator, shop.policies()[policy], shop.log, bootstrap, model=shop.guess)
        rows.append((found.value, found.low, found.high))
    weights = [len(shop.log) for shop in shops]
    truth = np.average([shop.value(shop.policies()[policy]) for shop in shops], weights=weights)
    return np.array(rows), float(truth)


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("policy", ["best guess", "first action for all"])
def test_intervals_hold_the_truth_about_as_often_as_they_say(
    shops: list[Simulated], name: str, policy: str
) -> None:
    found, truth = said(shops, policy, ESTIMATORS[name])
    covered = ((found[:, 1] <= truth) & (truth <= found[:, 2])).mean()
    # of 40 intervals that hold it 95 times in 100, fewer than 33 would do so once in 1,000
    assert covered >= 0.82
    error = found[:, 0].std(ddof=1) / np.sqrt(len(shops))
    assert abs(found[:, 0].mean() - truth) < 4 * error


def test_a_model_alone_is_off_by_what_it_was_drawn_away(shops: list[Simulated]) -> None:
    found, truth = said(shops, "do nothing", Estimator("dm"))
    error = found[:, 0].std(ddof=1) / np.sqrt(len(shops))
    assert abs(found[:, 0].mean() - truth) > 4 * error
