from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np

from training import choosing, cutoffs
from training.dataset import Dataset

FIRST = datetime(2024, 1, 1, tzinfo=UTC)
PEOPLE = np.array([f"c{n}" for n in range(40)], dtype=object)


def data_of(days_of_history, horizon_days):
    plan = cutoffs.plan(FIRST, FIRST + timedelta(days=days_of_history), horizon_days)
    at = np.repeat([int(one.timestamp() * 1e6) for one in plan.every], len(PEOPLE))
    found = SimpleNamespace(plan=plan, cutoffs=at, customers=np.tile(PEOPLE, len(plan.every)))
    found.at = lambda moments: Dataset.at(found, moments)
    found.half = lambda: Dataset.half(found)
    return found


def test_with_history_enough_choices_are_made_on_later_rows_of_everybody():
    data = data_of(700, 60)
    fit, later = choosing.rows(data)
    assert data.plan.apart
    assert set(data.customers[fit]) == set(data.customers[later]) == set(PEOPLE)
    assert data.cutoffs[fit].max() < data.cutoffs[later].min()


def test_where_label_windows_overlap_choices_are_made_on_other_customers():
    data = data_of(90, 30)
    fit, later = choosing.rows(data)
    assert not data.plan.apart
    assert set(data.customers[fit]) | set(data.customers[later]) == set(PEOPLE)
    assert not set(data.customers[fit]) & set(data.customers[later])
    assert data.cutoffs[fit].max() < data.cutoffs[later].min()
