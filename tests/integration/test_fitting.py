import numpy as np
import pytest

from retain import segments, settings
from retain.scoring import Scorer
from retain.segments import Segmenter
from tests.tiny_shop import END, EngineSource, shop
from training import pipeline

HORIZON_DAYS = 30


@pytest.fixture(scope="module")
def source():
    return EngineSource(shop(customers=600), END)


@pytest.fixture(scope="module")
def run(source):
    return pipeline.fit_heads(source, END, HORIZON_DAYS)


def test_heads_are_fitted_without_a_home(run):
    assert [head.head for head in run.heads] == list(pipeline.HEADS)
    assert run.data.plan.every[-1] < END
    assert not run.skipped
    assert not run.exclusion.customers


def test_fitted_heads_answer_as_the_service_would(source, run):
    here = settings.load({})
    champions = run.champions()
    segmenter = Segmenter(segments.load(here.config / "segments.yaml"), champions.rfm)
    scorer = Scorer(champions, segmenter)
    scores = scorer.score(source.training_table([END]))
    bought = np.array([status != "insufficient_data" for status in scores.status])
    assert bought.any()
    assert np.isfinite(scores.churn_probability[bought]).all()
    assert (scores.purchase_7d[bought] <= scores.purchase_30d[bought]).all()
    assert np.isfinite(scores.ltv_value[bought]).all()


def test_only_the_heads_asked_for_are_fitted(source):
    run = pipeline.fit_heads(source, END, HORIZON_DAYS, heads=("rfm",))
    assert [head.head for head in run.heads] == ["rfm"]
    assert run.champions().rfm is not None
