from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from feature_repo.source import OfflineSource
from retain import segments, settings
from retain.calendar import CALENDAR_SCHEMA, Calendar, CalendarDay
from retain.database import connect
from retain.eventlog import EventLog
from retain.features.sheet import Sheet
from retain.scoring import Scorer
from retain.segments import Segmenter
from tests.tiny_shop import END, EngineSource, shop
from training import pipeline
from training.configuration import Training

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
    scores = scorer.score(Sheet.of(source.training_table([END])))
    bought = np.array([status != "insufficient_data" for status in scores.status])
    assert bought.any()
    assert np.isfinite(scores.churn_probability[bought]).all()
    assert (scores.purchase_7d[bought] <= scores.purchase_30d[bought]).all()
    assert np.isfinite(scores.ltv_value[bought]).all()


def test_only_the_heads_asked_for_are_fitted(source):
    run = pipeline.fit_heads(source, END, HORIZON_DAYS, heads=("rfm",))
    assert [head.head for head in run.heads] == ["rfm"]
    assert run.champions().rfm is not None


class WithCalendar(EngineSource):
    """The same shop with a promotion on the first of every month."""

    def calendar(self, first, last, known_at):
        assert known_at <= END
        days = [date(2025 + month // 12, month % 12 + 1, 1) for month in range(24)]
        return [CalendarDay(day, "", "promotion", "First") for day in days if first <= day <= last]


def test_a_discount_and_a_calendar_reach_the_value_and_its_manifest(run):
    source, declared = WithCalendar(shop(customers=600), END), Training(discount_rate_per_year=0.5)
    found = pipeline.fit_heads(source, END, HORIZON_DAYS, heads=("ltv",), declared=declared)
    [ltv] = found.heads
    assert "discounted by 0.5 a year" in ltv.label
    assert ltv.parameters["discount_rate_per_year"] == 0.5
    least = 1.5 ** (-HORIZON_DAYS / 365)
    assert least < found.data.net_revenue.sum() / run.data.net_revenue.sum() < 1.0
    described = ltv.parameters["season"]["calendar"]
    assert described["day_worth"]["promotion"]["days"] > 10
    plain = next(head for head in run.heads if head.head == "ltv")
    assert plain.parameters["discount_rate_per_year"] == 0.0
    assert plain.parameters["season"]["calendar"]["day_worth"] == {}


def test_training_reads_no_calendar_entry_that_was_known_later(tmp_path):
    made = settings.load({}, home=tmp_path)
    EventLog(connect(made.database_url)).append(shop(customers=5))
    day, entry = END.date(), {"region": "", "kind": "promotion", "withdrawn": False}
    said = [
        entry | {"date": day, "name": "Planned", "known_at": END},
        entry | {"date": day, "name": "Decided later", "known_at": END + timedelta(seconds=1)},
        entry | {"date": day, "name": "Elsewhere", "known_at": END, "region": "DE"},
    ]
    Calendar(connect(made.database_url)).append(pa.Table.from_pylist(said, CALENDAR_SCHEMA))
    found = OfflineSource(made, END).calendar(day, day, END + timedelta(days=9))
    assert [one.name for one in found] == ["Planned"]
