import numpy as np

from training.bootstrap import Bootstrap, accelerated, interval
from training.metrics import AUC, BRIER

rng = np.random.default_rng(2)
SIGNAL = rng.normal(size=600)
TRUTH = (SIGNAL + rng.normal(size=600) > 0).astype(float)
CUSTOMERS = np.array([f"c{at // 2}" for at in range(600)], dtype=object)


def test_an_interval_holds_its_value():
    found = Bootstrap(CUSTOMERS, 7).measured(AUC, TRUTH, SIGNAL)
    assert found.low < found.value < found.high


def test_a_better_score_beats_a_worse_one():
    noise = rng.normal(size=600)
    assert Bootstrap(CUSTOMERS, 7).compare(AUC, TRUTH, SIGNAL, noise).beats


def test_a_score_does_not_beat_itself():
    compared = Bootstrap(CUSTOMERS, 7).compare(AUC, TRUTH, SIGNAL, SIGNAL)
    assert compared.difference.value == 0.0
    assert not compared.beats


def test_lower_is_better_for_a_loss():
    close, far = np.where(TRUTH > 0, 0.8, 0.2), np.full(600, 0.5)
    assert Bootstrap(CUSTOMERS, 7).compare(BRIER, TRUTH, close, far).beats


def test_the_same_seed_gives_the_same_interval():
    one, other = (Bootstrap(CUSTOMERS, 7).measured(AUC, TRUTH, SIGNAL) for _ in range(2))
    assert one == other


def test_repeating_a_customers_rows_does_not_narrow_its_interval():
    once = Bootstrap(np.arange(300), 7).measured(AUC, TRUTH[:300], SIGNAL[:300])
    ids, truth, score = (np.tile(x, 8) for x in (np.arange(300), TRUTH[:300], SIGNAL[:300]))
    repeated = Bootstrap(ids, 7).measured(AUC, truth, score)
    assert repeated.high - repeated.low > 0.8 * (once.high - once.low)


def test_the_interval_of_a_skewed_mean_reaches_further_on_its_long_side():
    values = np.random.default_rng(3).exponential(size=60) ** 2
    bootstrap = Bootstrap(np.arange(60), seed=1, replicates=2_000)
    whole, replicates = (each / 60 for each in bootstrap.sums(values[:, np.newaxis]))
    without = (values.sum() - values) / 59

    plain = interval(whole[0], replicates[:, 0])
    corrected = accelerated(whole[0], replicates[:, 0], without)

    assert plain.low < corrected.low < whole[0]
    assert plain.high < corrected.high


def test_a_statistic_that_no_replicate_moves_has_no_width():
    same = accelerated(2.0, np.full(50, 2.0), np.full(9, 2.0))
    assert (same.low, same.high) == (2.0, 2.0)
