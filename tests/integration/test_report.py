"""From a trained home to its page, and months trained and judged again beside it."""

import json
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from retain import settings
from retain.database import connect
from retain.errors import Leakage
from retain.eventlog import EventLog
from tests.tiny_shop import END, EngineSource, shop
from training import holdout, pipeline, rolling, rolling_cutoffs, rolling_files
from training.report import build

HORIZON_DAYS = 30


@pytest.fixture(scope="module")
def events():
    return shop(customers=500, campaigns=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory, events):
    found = settings.load({}, home=tmp_path_factory.mktemp("home"))
    EventLog(connect(found.database_url)).append(events)
    return found


@pytest.fixture(scope="module")
def run(made, events):
    source = EngineSource(events, END)
    return pipeline.train(made, as_of=END, horizon_days=HORIZON_DAYS, source=source)


@pytest.fixture(scope="module")
def rolled(made, events, run):
    first, last = EngineSource(events, END).span()
    cutoffs = rolling_cutoffs.choose(first, last, [HORIZON_DAYS], cutoffs=1)
    return rolling.roll(made, cutoffs, 7, source_at=lambda at: EngineSource(events, at))


def test_the_holdout_kept_beside_the_run_is_what_the_heads_were_judged_on(run):
    held = holdout.read(run.folder, "churn")
    entry = run.as_json()["heads"]["churn"]
    facts = build.build(run.folder).content["against_baselines"]["churn"]
    assert facts["auc"]["retain"]["value"] == pytest.approx(entry["metrics"]["auc"]["value"])
    assert set(np.unique(held["churned"])) == {0.0, 1.0}


def test_the_page_is_drawn_without_training_again(run):
    built = build.build(run.folder)
    page = built.html.read_text("utf-8")
    for section in ("churn", "next_purchase", "ltv", "leaks", "data"):
        assert f'<section id="{section}">' in page
    assert all(one["passed"] is not False for one in run.as_json()["leakage_checks"])


def test_everyone_with_an_order_in_the_last_year_is_scored_and_looked_up(events, rolled):
    [scored] = rolled.scored
    cutoff = scored.cutoff
    orders = EngineSource(events, END).orders().to_pandas().query("is_order")
    recent = orders[(orders.ts <= cutoff.as_of) & (orders.ts > cutoff.as_of - timedelta(days=365))]
    assert set(scored.customers) == set(recent.customer_id)
    later = orders[
        (orders.ts > cutoff.as_of) & (orders.ts <= cutoff.as_of + timedelta(days=HORIZON_DAYS))
    ]
    came = {
        one
        for one, ordered in zip(scored.customers, scored.outcomes["ordered"], strict=True)
        if ordered
    }
    assert came == set(later.customer_id) & set(scored.customers)


def test_scores_of_a_cutoff_do_not_change_when_its_future_is_taken_away(made, events, rolled):
    [scored] = rolled.scored
    cutoff = scored.cutoff

    def blind(at):
        return EngineSource(events, min(at, cutoff.as_of))

    again = rolling.at_cutoff(made, cutoff, 7, blind)
    ours, theirs = scored.answers[rolling.OURS], again.answers[rolling.OURS]
    np.testing.assert_array_equal(ours.leaves, theirs.leaves)
    np.testing.assert_array_equal(ours.value, theirs.value)
    assert not again.outcomes["ordered"].any()


def test_a_rolling_evaluation_is_written_read_and_shown(run, rolled):
    content = rolling_files.write(run.folder, rolled, 7)
    assert content["cutoffs"][0]["metrics"]["churn_auc"]["baselines"].keys() >= {"blend", "bgnbd"}
    back = rolling_files.read(run.folder)
    assert back.numbers == json.loads(json.dumps(content))
    assert back.scores.num_rows == len(rolled.scored[0].customers)
    assert "Rolling cutoffs" in rolling_files.text(content)
    page = build.build(run.folder).html.read_text("utf-8")
    assert "months trained and judged again" in page


def test_a_planted_column_fails_the_run_before_anything_is_registered(tmp_path, events):
    class Leaky(EngineSource):
        def training_table(self, cutoffs, customers=None):
            table = super().training_table(cutoffs, customers)
            place = table.schema.get_field_index("orders_90d")
            known = EngineSource(events, END).orders().to_pandas().query("is_order")
            last = known.groupby("customer_id").ts.max()
            rows = table.select(["customer_id", "as_of"]).to_pandas()
            comes = rows.customer_id.map(last) > rows.as_of
            values = table.column(place).to_pylist()
            planted = [(v or 0) + 5 * bool(c) for v, c in zip(values, comes, strict=True)]
            column = pa.array(planted, table.schema.field(place).type)
            return table.set_column(place, table.schema.field(place), column)

    home = settings.load({}, home=tmp_path)
    EventLog(connect(home.database_url)).append(events)
    with pytest.raises(Leakage, match="orders_90d"):
        pipeline.train(home, as_of=END, horizon_days=HORIZON_DAYS, source=Leaky(events, END))
    assert not home.bentoml_home.exists()
    assert not home.evaluations.exists()
