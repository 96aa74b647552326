"""Reasons: the largest parts of a score, told of the customer they are about."""

from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retain.columns import READ_TIME
from retain.manifest import Manifest, ModelFeature, TrainingWindow
from retain.predictors.contributions import Contributions, Season
from retain.quality.profile import profile_of_columns
from retain.reasons.explaining import LEAST_SHARE, MOST_PER_HEAD, Explainer, typical_of
from tests.unit.services.fakes import scores

NOW = datetime(2026, 11, 21, 20, tzinfo=UTC)
FEATURES = (
    "order_recency_days",
    "cycle_position",
    "orders_365d",
    "net_spend_365d",
    "return_rate",
    "country",
)
LATE = {
    "order_recency_days": 46.0,
    "order_gap_mean_days": 20.0,
    "order_gap_sd_days": 4.0,
    "cycle_position": 2.3,
    "orders_lifetime": 9.0,
    "orders_365d": 14.0,
    "net_spend_365d": 1234.0,
    "return_rate": 0.12,
    "country": "GB",
    "currency": "GBP",
}
TYPICAL = {"orders_365d": 3.0, "net_spend_365d": 400.0, "return_rate": 0.05}
ABSENT = {"number": np.nan, "text": None, "list": []}


def columns(*customers: dict) -> dict[str, np.ndarray]:
    made = {}
    for name, kind in READ_TIME.items():
        values = [customer.get(name, ABSENT[kind]) for customer in customers]
        column = np.empty(len(values), dtype=np.float64 if kind == "number" else object)
        column[:] = values
        made[name] = column
    return made


class Given:
    """A predictor whose contributions are given."""

    season_part = 0.0
    season_days = 30.0

    def __init__(self, head: str, *parts: dict[str, float]) -> None:
        features = tuple(
            ModelFeature(name=name, dtype="category", categories=("GB",))
            if name == "country"
            else ModelFeature(name=name)
            for name in FEATURES
        )
        window = TrainingWindow(as_of=NOW)
        self.manifest = Manifest(head=head, features=features, horizon_days=90, training=window)
        self._values = np.array([[one.get(name, 0.0) for name in FEATURES] for one in parts])
        self.asked: list[int] = []

    def season(self, matrix, as_of):
        return Season(
            np.full(len(matrix), self.season_part), np.full(len(matrix), 1.3), self.season_days
        )

    def contributions(self, matrix):
        self.asked.append(len(matrix))
        return Contributions(self._values[: len(matrix)], np.zeros(len(matrix)))


def explained(*parts, head="churn", customers=(LATE,), language="en", status=None, heads=None):
    made = scores([f"c{n}" for n in range(len(customers))], NOW, status)
    made.columns.clear()
    made.columns.update(columns(*customers))
    explainer = Explainer({head: Given(head, *parts)}, TYPICAL)
    return explainer.explain(made, heads or [head], language)


def only(*parts, **asked):
    (reasons,) = explained(*parts, **asked)
    (reason,) = reasons
    return reason


def test_a_late_customer_is_told_how_late_by_their_own_rhythm() -> None:
    reason = only({"cycle_position": 0.5, "order_recency_days": 0.2})
    assert (
        reason.text
        == "has not ordered for 2.3\N{MULTIPLICATION SIGN} their usual gap (46 days instead of 20 days)"
    )
    assert (reason.code, reason.group) == ("overdue", "purchase_rhythm")
    assert (reason.direction, reason.share) == ("raises", 1.0)
    assert (reason.value, reason.usual, reason.compared_with) == (46.0, 20.0, "own")
    assert reason.features == ("cycle_position", "order_recency_days")


def test_the_same_in_korean() -> None:
    reason = only({"cycle_position": 0.5}, language="ko")
    assert reason.text == "평소 주문 간격의 2.3배 동안 주문 없음 (마지막 주문 후 46일, 평소 20일)"


def test_a_sentence_of_leaving_is_not_said_where_the_score_says_staying() -> None:
    reason = only({"cycle_position": -0.5})
    assert (reason.code, reason.direction) == ("last_order", "lowers")


@pytest.mark.parametrize(
    ("head", "part", "code"),
    [
        ("churn", 0.5, "overdue"),
        ("next_purchase", -0.5, "overdue"),
        ("ltv", -0.5, "overdue"),
        ("next_purchase", 0.5, "last_order"),
        ("ltv", 0.5, "last_order"),
    ],
)
def test_leaving_raises_churn_and_lowers_the_other_heads(head, part, code) -> None:
    assert only({"cycle_position": part}, head=head).code == code


def test_what_is_not_compared_with_oneself_is_compared_with_other_customers() -> None:
    reason = only({"orders_365d": -0.5})
    assert reason.text == "orders in the last 365 days: 14 (typical: 3)"
    assert (reason.usual, reason.compared_with) == (3.0, "customers")


def test_money_is_told_in_the_customers_currency() -> None:
    reason = only({"net_spend_365d": -0.5})
    assert reason.text == "net spend of the last 365 days: 1,234 GBP (typical: 400 GBP)"


def test_a_category_is_told_as_it_is() -> None:
    reason = only({"country": 0.5})
    assert (reason.text, reason.value, reason.usual) == ("country: GB", "GB", None)


def test_a_value_that_is_missing_is_said_to_be_unknown() -> None:
    reason = only({"country": 0.5}, customers=[{**LATE, "country": None}])
    assert (reason.text, reason.value) == ("country: not known", None)


def test_an_only_order_has_no_rhythm_to_be_late_by() -> None:
    once = {"order_recency_days": 46.0, "orders_lifetime": 1.0, "currency": "GBP"}
    reason = only({"cycle_position": 0.5, "order_recency_days": 0.1}, customers=[once])
    assert reason.text == "placed their only order 46 days ago"


def test_features_of_one_meaning_are_one_reason() -> None:
    (reasons,) = explained({"cycle_position": 0.5, "order_recency_days": -0.2, "country": 0.3})
    assert [(one.group, one.share) for one in reasons] == [
        ("purchase_rhythm", 0.5),
        ("profile", 0.5),
    ]
    assert reasons[0].features == ("cycle_position",)


def test_a_withheld_head_gives_no_reasons_and_is_not_asked() -> None:
    given_ = Given("churn", {"country": 1.0}, {"country": 1.0})
    made = scores(["a", "b"], NOW, {"a": "already_churned"})
    made.columns.clear()
    made.columns.update(columns(LATE, LATE))
    first, second = Explainer({"churn": given_}, {}).explain(made, ["churn"], "en")
    assert first == []
    assert len(second) == 1
    assert given_.asked == [1]


TIMES = "\N{MULTIPLICATION SIGN}"


@pytest.mark.parametrize(
    ("head", "part", "days", "language", "text"),
    [
        (
            "churn",
            -0.2,
            90.0,
            "en",
            f"the next 90 days usually bring 1.3{TIMES} the orders of as many average days",
        ),
        (
            "next_purchase",
            0.2,
            30.0,
            "en",
            f"the next 30 days usually bring 1.3{TIMES} the orders of as many average days",
        ),
        (
            "ltv",
            0.2,
            90.0,
            "en",
            f"the next 90 days usually bring 1.3{TIMES} the revenue of as many average days",
        ),
        ("churn", -0.2, 90.0, "ko", "앞으로 90일 동안의 주문은 연중 평균의 1.3배"),
        ("ltv", 0.2, 90.0, "ko", "앞으로 90일 동안의 매출은 연중 평균의 1.3배"),
    ],
)
def test_the_time_of_year_is_a_reason_of_its_own_that_names_its_days(
    head, part, days, language, text
) -> None:
    given_ = Given(head, {"country": 0.2})
    given_.season_part, given_.season_days = part, days
    made = scores(["a"], NOW)
    made.columns.clear()
    made.columns.update(columns(LATE))
    ((*_, season),) = Explainer({head: given_}, {}).explain(made, [head], language)
    assert (season.code, season.text, season.share) == ("season", text, 0.5)
    assert (season.value, season.usual, season.compared_with) == (1.3, 1.0, "average")
    assert season.direction == ("raises" if part > 0 else "lowers")
    assert season.features == ()


def test_a_head_that_was_not_asked_for_gives_no_reasons() -> None:
    assert explained({"country": 1.0}, heads=["ltv"]) == [[]]


def test_a_model_in_which_nothing_moves_gives_no_reasons() -> None:
    assert explained({}) == [[]]


PARTS = st.fixed_dictionaries(dict.fromkeys(FEATURES, st.floats(-3, 3).map(lambda x: round(x, 3))))


@given(PARTS, st.sampled_from(["en", "ko"]), st.sampled_from(["churn", "next_purchase", "ltv"]))
def test_reasons_are_the_largest_groups_in_order_with_the_sign_of_their_sum(
    parts, language, head
) -> None:
    (reasons,) = explained(parts, head=head, language=language)
    sums = {
        "purchase_rhythm": parts["cycle_position"] + parts["order_recency_days"],
        "order_frequency": parts["orders_365d"],
        "spending": parts["net_spend_365d"],
        "returns": parts["return_rate"],
        "profile": parts["country"],
    }
    total = sum(map(abs, sums.values()))
    shares = [one.share for one in reasons]
    assert shares == sorted(shares, reverse=True)
    assert len(reasons) <= MOST_PER_HEAD
    for reason in reasons:
        assert (reason.direction == "raises") == (sums[reason.group] > 0)
        assert reason.share == pytest.approx(abs(sums[reason.group]) / total, abs=6e-4)
        assert reason.share >= LEAST_SHARE - 6e-4
        assert reason.text
        assert "{" not in reason.text
        assert reason.features
    told = {one.group for one in reasons}
    missing = [abs(sums[group]) / total for group in sums if group not in told and total]
    assert all(share < LEAST_SHARE for share in missing)


TELLABLE = [n for n, kind in READ_TIME.items() if kind != "list" and n != "currency"]


@pytest.mark.parametrize("customer", [LATE, {"currency": None}, {**LATE, "currency": None}])
@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("feature", TELLABLE)
def test_every_feature_can_be_told_of_everybody(feature, language, customer) -> None:
    given_ = SimpleNamespace(
        manifest=Manifest(
            head="churn",
            features=(ModelFeature(name="orders_lifetime"),),
            horizon_days=90,
            training=TrainingWindow(as_of=NOW),
        ).model_copy(update={"features": (ModelFeature(name=feature, dtype="category"),)}),
        contributions=lambda _matrix: Contributions(np.ones((1, 1)), np.zeros(1)),
        season=lambda _matrix, _as_of: Season(np.zeros(1), np.ones(1), 90.0),
    )
    made = scores(["a"], NOW)
    made.columns.clear()
    made.columns.update(columns(customer))
    ((reason,),) = Explainer({"churn": given_}, {}).explain(made, ["churn"], language)
    assert reason.text
    assert "None" not in reason.text
    assert "nan" not in reason.text


def test_typical_is_the_mean_of_a_count_and_the_median_of_the_rest() -> None:
    profile = profile_of_columns(
        {
            "orders_30d": np.array([0.0, 0.0, 0.0, 2.0]),
            "order_recency_days": np.array([1.0, 2.0, 3.0, 300.0]),
            "last_score": np.full(4, np.nan),
        }
    )
    typical = typical_of(profile)
    assert typical["orders_30d"] == 0.5
    assert typical["order_recency_days"] == 2.5
    assert "last_score" not in typical
