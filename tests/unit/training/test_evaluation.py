import json
from datetime import UTC, datetime

from retain.manifest import Measured
from training.cutoffs import Plan
from training.evaluation import Evaluation
from training.head import FittedHead, Judgement

AS_OF = datetime(2011, 3, 10, tzinfo=UTC)


def a_head(low: float) -> FittedHead:
    def measured(value):
        return Measured(value=value, low=value - 0.01, high=value + 0.01)

    difference = Measured(value=low + 0.02, low=low, high=low + 0.04)
    line = Judgement("auc", measured(0.8), "recency", measured(0.7), difference, decisive=True)
    return FittedHead("churn", "no order in 90 days", "all", (), 1234, {}, {}, (line,))


def an_evaluation(low: float) -> Evaluation:
    plan = Plan((AS_OF,), (AS_OF,), (AS_OF,), (AS_OF,), (AS_OF,), "Judged on one cutoff.", 90)
    return Evaluation(
        "run-1", AS_OF, 90, 7, plan, (("churn:ab12", a_head(low)),), {"response": "no campaigns"}
    )


def test_the_table_says_who_won_with_intervals():
    text = an_evaluation(0.05).text()
    assert "0.800 [0.790, 0.810]" in text
    assert "beats its dumb rule (recency on auc)" in text


def test_a_lost_comparison_is_said_in_words():
    text = an_evaluation(-0.09).text()
    assert "does NOT beat its dumb rule" in text
    assert "worse" in text


def test_a_draw_is_no_win():
    assert "not told apart" in an_evaluation(-0.01).text()
    assert not a_head(-0.01).beats_baseline


def test_a_skipped_head_says_why():
    assert "no campaigns" in an_evaluation(0.05).text()


def test_json_and_table_are_written_side_by_side(tmp_path):
    folder = an_evaluation(0.05).write(tmp_path)
    content = json.loads((folder / "evaluation.json").read_text())
    assert content["heads"]["churn"]["baselines"]["difference.recency.auc"]["low"] == 0.05
    assert (folder / "evaluation.txt").read_text().startswith("Training run run-1")
