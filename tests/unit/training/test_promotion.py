from datetime import UTC, datetime

import pytest

from retain.database import connect
from retain.errors import Conflict
from retain.ledger import Ledger
from retain.manifest import Manifest, Measured, TrainingWindow
from training import promotion


@pytest.fixture
def ledger():
    return Ledger(connect("sqlite:///:memory:"))


def a_model(*, beats: bool, head: str = "churn") -> Manifest:
    return Manifest(
        head=head,
        horizon_days=90,
        training=TrainingWindow(as_of=datetime(2011, 3, 10, tzinfo=UTC)),
        beats_baseline=beats,
    ).sealed()


def test_a_winner_is_promoted(ledger):
    model = a_model(beats=True)
    promotion.promote(ledger, model, by="ana", reason="won")
    assert ledger.champion("churn") == model.version


def test_a_loser_is_not_promoted(ledger):
    with pytest.raises(Conflict, match="not above its baseline"):
        promotion.promote(ledger, a_model(beats=False), by="ana", reason="hope")
    assert ledger.champion("churn") is None


def test_a_forced_promotion_stands_in_the_ledger_with_its_reason(ledger):
    promotion.promote(ledger, a_model(beats=False), by="ana", reason="only one", force=True)
    entry = ledger.history("churn")[0]
    assert entry.reason == "only one"
    assert entry.evidence["forced"] is True


def test_edges_predict_nothing_and_need_no_contest(ledger):
    promotion.promote(ledger, a_model(beats=False, head="rfm"), by="ana", reason="new edges")
    assert ledger.history("rfm")[0].evidence["forced"] is False


def compared(head: str = "churn", **differences: tuple[float, float, float]) -> Manifest:
    found = {
        f"difference.{rule}.auc": Measured(value=value, low=low, high=high)
        for rule, (value, low, high) in differences.items()
    }
    window = TrainingWindow(as_of=datetime(2024, 1, 1, tzinfo=UTC))
    return Manifest(head=head, horizon_days=90, training=window, baselines=found)


def test_a_model_whose_rule_is_better_beyond_chance_is_worse() -> None:
    assert promotion.worse(compared(recency=(-0.3, -0.4, -0.2)))


def test_a_model_that_is_not_told_apart_from_its_rule_is_not_worse() -> None:
    assert not promotion.worse(compared(recency=(-0.01, -0.03, 0.01)))


def test_a_model_that_is_better_in_one_comparison_is_not_worse() -> None:
    assert not promotion.worse(compared(recency=(-0.3, -0.4, -0.2), spend=(0.1, 0.05, 0.2)))
