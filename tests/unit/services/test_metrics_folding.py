"""Observations noted cheaply and folded later are the same as those made at once."""

import gc
from threading import Thread

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Histogram

from services.metrics import PREVIEW, RESERVED, Metrics
from services.metrics.buffer import MOST, Buffer
from services.metrics.families import Families
from services.metrics.folding import Histograms

BOUNDS = (0.0, 0.1, 1.0, 10.0)
values = st.lists(st.one_of(st.floats(-5, 20), st.sampled_from(BOUNDS)), max_size=50)


def histogram() -> Histogram:
    return Histogram("h", "says", ["label"], buckets=BOUNDS, registry=CollectorRegistry())


def samples(found: Histogram) -> dict:
    return {
        (s.name, *s.labels.values()): s.value
        for family in found.collect()
        for s in family.samples
        if not s.name.endswith("_created")
    }


@given(st.lists(st.tuples(st.sampled_from("ab"), values)))
def test_folding_into_a_histogram_is_observing_one_by_one(groups) -> None:
    folded, observed = histogram(), histogram()
    series = Histograms(folded)
    for label, found in groups:
        series.observe((label,), found)
        for value in found:
            observed.labels(label).observe(value)
    expected = samples(observed)
    # a series without observations is not made by folding
    assert samples(folded) == pytest.approx({key: expected[key] for key in samples(folded)})
    assert sum(samples(folded).values()) == pytest.approx(sum(expected.values()))


def test_what_is_no_number_is_not_observed() -> None:
    folded = histogram()
    Histograms(folded).observe(("a",), [0.5, None, float("nan")])
    assert samples(folded)["h_count", "a"] == 1


requests = st.lists(
    st.tuples(
        st.sampled_from(["/predict", "/rank", "unknown"]),
        st.sampled_from([200, 404, 503]),
        st.floats(0, 20),
    )
)


@given(requests, st.integers(0, 5))
def test_requests_folded_in_any_portions_count_as_if_counted_at_once(told, every) -> None:
    registry = CollectorRegistry()
    families, metrics = Families(registry), Metrics()
    for place, (route, status, seconds) in enumerate(told):
        metrics.request(route, status, seconds)
        if every and place % every == 0:
            metrics.fold()
        families.requests.labels(route, str(status)).inc()
        families.latency.labels(route).observe(seconds)
    metrics.fold()
    assert of(metrics.registry, "retain_request") == pytest.approx(of(registry, "retain_request"))


def of(registry: CollectorRegistry, prefix: str) -> dict:
    return {
        (s.name, *sorted(s.labels.items())): s.value
        for family in registry.collect()
        for s in family.samples
        if s.name.startswith(prefix) and not s.name.endswith("_created")
    }


def test_nothing_is_lost_while_others_note_and_one_takes() -> None:
    buffer, taken = Buffer[int](), []
    threads = [Thread(target=lambda: [buffer.append(1) for _ in range(20_000)]) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        taken += buffer.take()
    taken += buffer.take()
    assert len(taken) == 60_000
    assert len(buffer) == 0


def test_a_buffer_that_nobody_folds_is_folded_by_who_fills_it() -> None:
    metrics = Metrics()
    for _ in range(MOST + 1):
        metrics.request("/predict", 200, 0.001)
    assert len(metrics._requests) == 0
    assert counted(metrics, "retain_requests_total") == MOST + 1


def test_what_was_noted_is_there_at_the_end_and_at_every_rendering() -> None:
    metrics = Metrics()
    metrics.start()
    metrics.decision(PREVIEW, "none", "test:b")
    assert (
        'retain_decisions_total{action="none",arm="test:b",kind="preview"} 1.0'
        in metrics.render().decode()
    )
    metrics.removals(RESERVED, {"consent": 3})
    metrics.close()
    assert counted(metrics, "retain_candidates_removed_total") == 3
    metrics.previews_dropped(2)
    assert counted(metrics, "retain_previews_dropped_total") == 2
    assert metrics._pauses._told not in gc.callbacks


def test_what_was_shown_is_counted_apart_from_what_was_decided() -> None:
    metrics = Metrics()
    for kind, times in ((PREVIEW, 3), (RESERVED, 1)):
        for _ in range(times):
            metrics.decision(kind, "win_back_sms")
            metrics.removals(kind, {"consent": 2, "cap": 1})
    metrics.fold()
    assert by_kind(metrics, "retain_decisions_total") == {PREVIEW: 3, RESERVED: 1}
    assert by_kind(metrics, "retain_candidates_removed_total") == {PREVIEW: 9, RESERVED: 3}


def by_kind(metrics: Metrics, name: str) -> dict:
    found = {PREVIEW: 0.0, RESERVED: 0.0}
    for (_, *labels), value in of(metrics.registry, name).items():
        found[dict(labels)["kind"]] += value
    return found


def test_scores_of_a_list_count_as_those_of_its_customers() -> None:
    many, one_by_one = Metrics(), Metrics()
    for head in ("churn", "ltv"):
        many.scores(head, np.array([0.1, 0.5, np.nan, 0.9]))
        for value in (0.1, 0.5, None, 0.9):
            one_by_one.score(head, value)
    many.fold()
    one_by_one.fold()
    assert of(many.registry, "retain_score") == of(one_by_one.registry, "retain_score")
    assert counted(many, "retain_score_probability_count") == 3


def test_a_stage_a_request_did_not_have_is_not_observed() -> None:
    metrics = Metrics()
    metrics.stages("/predict", 0.001, None, 0.002, None, None)
    metrics.stages("/predict", 0.001, 0.002, 0.002, None, None)
    metrics.fold()
    counts = of(metrics.registry, "retain_stage_seconds_count")
    assert {dict(key[1:])["stage"]: value for key, value in counts.items()} == {
        "decode": 2,
        "features": 1,
        "predict": 2,
    }


def test_a_call_of_a_store_that_failed_is_timed_and_counted() -> None:
    metrics = Metrics()
    metrics.store("sqlite", "read", 0.001, failed=False)
    metrics.store("sqlite", "read", 0.2, failed=True)
    metrics.fold()
    assert counted(metrics, "retain_store_seconds_count") == 2
    assert counted(metrics, "retain_store_errors_total") == 1


def test_a_breaker_is_in_one_state() -> None:
    metrics = Metrics()
    for state in ("closed", "open"):
        metrics.breaker("redis", state)
    states = of(metrics.registry, "retain_breaker_state")
    assert {dict(key[1:])["state"] for key, value in states.items() if value} == {"open"}


def test_a_collection_of_garbage_is_timed() -> None:
    metrics = Metrics()
    metrics.start()
    gc.collect()
    metrics.close()
    assert counted(metrics, "retain_gc_pause_seconds_count") >= 1


def test_no_family_has_a_label_that_could_hold_a_customer() -> None:
    families = vars(Families(CollectorRegistry())).values()
    labels = {name for one in families if hasattr(one, "_labelnames") for name in one._labelnames}
    assert labels <= {
        *("route", "status", "stage", "lane", "head", "version", "action", "arm", "kind"),
        *("rule", "outcome", "store", "operation", "state", "process", "generation", "part"),
    }


def counted(metrics: Metrics, name: str) -> float:
    return sum(value for key, value in of(metrics.registry, name).items() if key[0] == name)
