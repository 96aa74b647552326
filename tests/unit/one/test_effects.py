"""What an action adds for one customer alone is, to the last bit, what it adds among many."""

import numpy as np
import pytest

from retain.columns import ACTION_RULES
from retain.decisions.worth import Appraiser
from retain.features.ageing import NUMBERS
from retain.features.sheet import PLACES
from retain.manifest import Manifest, ModelFeature, TrainingWindow
from retain.one.columns import OneColumns
from retain.one.features import One
from retain.predictors.effects import MODELS, Effects, Level, columns
from tests.catalogues import NOW, action, catalogue

WIDTH, ACTIONS = 5, 3
LEVEL = Level(0.7, np.array([0.01, -0.2, 0.03]))


class Weighed:
    """A model of which every column counts, row by row alike."""

    def __init__(self, width: int) -> None:
        self.weights = np.linspace(-0.3, 0.8, width)

    def __call__(self, rows):
        total = rows[:, 0] * self.weights[0]
        for place in range(1, rows.shape[1]):
            total = total + rows[:, place] * self.weights[place]
        return 1.0 / (1.0 + np.exp(-total))


@pytest.mark.parametrize("learner", list(MODELS))
@pytest.mark.parametrize("separate", [True, False])
@pytest.mark.parametrize("codes", [[0], [2, 0], [0, 1, 2]])
def test_outcomes_of_a_customer_alone_are_those_among_others(learner, separate, codes):
    effects = Effects(
        learner,
        ACTIONS,
        separate,
        {
            name: Weighed(WIDTH + len(columns(name, ACTIONS, separate=separate)))
            for name in MODELS[learner]
        },
        LEVEL,
        factors=np.array([0.1, 0.2, 0.3]) if learner == "proportional" else None,
    )
    rows = np.random.default_rng(3).normal(size=(6, WIDTH))
    together = effects.outcomes(rows, codes)
    for place in range(len(rows)):
        alone = effects.outcomes(rows[place : place + 1], codes)
        for mine, all_of_them in zip(alone, together, strict=True):
            np.testing.assert_array_equal(mine[0], all_of_them[place])


class Texts:
    """What is stored of one customer."""

    def raw(self, name):
        return {"country": b"KR", "region": None}[name]

    def text(self, name):
        found = self.raw(name)
        return None if found is None else found.decode()


class Echo:
    """A response model that says what its matrix holds."""

    def __init__(self, *features: ModelFeature) -> None:
        training = TrainingWindow(as_of=NOW)
        self.manifest = Manifest(
            head="response", horizon_days=30, features=features, training=training
        )
        self.action_ids = ("offer",)

    def response(self, matrix, action_ids):
        assert list(action_ids) == ["offer"]
        return matrix, matrix


def category(name: str, *known: str) -> ModelFeature:
    return ModelFeature(name=name, dtype="category", categories=known)


def test_a_model_reads_of_one_customer_numbers_words_scores_and_segments_as_of_many():
    features = (
        ModelFeature(name="orders_90d", null_default=0.0),
        ModelFeature(name="order_recency_days"),
        ModelFeature(name="churn_probability"),
        category("country", "DE", "KR"),
        category("region", "north"),
        category("segment", "lost", "champions"),
        category("stage", "use"),
    )
    vector = np.full(len(NUMBERS), np.nan)
    vector[PLACES["order_recency_days"]] = 12.5
    one = One(vector, Texts())
    one.update(churn_probability=0.25, segment="champions", stage="lapsed")
    appraiser = Appraiser(catalogue(action("offer")), Echo(*features))
    place = appraiser.ids.index("offer")
    told, _ = appraiser.measured_of(one, [place])
    np.testing.assert_array_equal(told, [[0.0, 12.5, 0.25, 1.0, np.nan, 1.0, np.nan]])
    np.testing.assert_array_equal(told, appraiser.measured(OneColumns(one), [place])[0])


def test_a_model_of_features_that_nobody_computes_knows_nothing_of_one_customer():
    appraiser = Appraiser(catalogue(action("offer")), Echo(ModelFeature(name="shoe_size")))
    assert "shoe_size" not in ACTION_RULES
    assert appraiser.measured_of(One(np.zeros(len(NUMBERS)), Texts()), [0]) is None
