"""Bots are left out of training, for the model and the rule it has to beat, and it is said who."""

import json
from datetime import timedelta

import pyarrow as pa
import pytest

from retain import artefacts, settings
from retain.clock import to_micros
from retain.identity_links import Link
from retain.people import People
from retain.quality import thresholds
from retain.quality.profile import Profile
from tests.event_tables import event, with_events
from tests.tiny_shop import END, EngineSource, shop
from training import cutoffs, dataset, exclusion, pipeline

HORIZON_DAYS = 30
ROBOTS = ("c0003", "c0007")
BULK = "c0011"


def planted() -> pa.Table:
    night = END - timedelta(days=20)
    views = [
        event(n, "product_viewed", night + n * timedelta(seconds=15), robot, session_id=robot)
        for robot in ROBOTS
        for n in range(700)
    ]
    views += [event(n, "product_viewed", night, f"c{n:04d}") for n in range(400, 800)]
    lines = [{"product_id": "p1", "quantity": 1, "price": 90_000.0}]
    bought = {"order_id": "bulk", "total": 90_000.0, "currency": "GBP", "lines": lines}
    return with_events(
        shop(customers=800), [*views, event(1, "order_completed", night, BULK, bought)]
    )


@pytest.fixture(scope="module")
def source() -> EngineSource:
    return EngineSource(planted(), END)


@pytest.fixture(scope="module")
def run(tmp_path_factory, source):
    home = settings.load({}, home=tmp_path_factory.mktemp("home"))
    return home, pipeline.train(home, as_of=END, horizon_days=HORIZON_DAYS, source=source)


def test_the_evaluation_counts_and_names_who_was_left_out(run):
    _, made = run
    written = json.loads((made.folder / "evaluation.json").read_text())["abnormal_customers"]
    assert written["excluded_customers"] == len(ROBOTS)
    (bots,) = written["excluded"]
    assert {one["customer_id"] for one in bots["named"]} == set(ROBOTS)
    assert bots["named"][0]["value"] == 700
    assert "viewed 700 pages on one day" in bots["named"][0]["because"]
    assert "Left out of fits and holdout alike" in made.text()


def test_a_bulk_buyer_is_named_and_stays(run):
    _, made = run
    (bulk,) = made.as_json()["abnormal_customers"]["flagged_but_kept"]
    assert (bulk["reason"], bulk["named"][0]["customer_id"]) == ("bulk_buyer", BULK)


def test_no_row_of_fits_holdout_or_edges_is_of_somebody_left_out(source):
    limits = thresholds.load(settings.PROJECT_CONFIG)
    found = exclusion.find(source.events(), END, limits)
    plan = cutoffs.plan(source.span()[0], END, HORIZON_DAYS)
    whole = dataset.build(source, plan, END, HORIZON_DAYS, 7)
    data = dataset.build(source, plan, END, HORIZON_DAYS, 7, exclusion=found)
    assert found.customers == set(ROBOTS)
    assert set(whole.customers) - set(data.customers) == set(ROBOTS)
    assert len(whole.current["orders_30d"]) > len(data.current["orders_30d"])


def test_an_empty_list_of_reasons_leaves_nobody_out(source):
    limits = thresholds.load(settings.PROJECT_CONFIG)
    everybody = limits.model_copy(
        update={"training": limits.training.model_copy(update={"exclude": ()})}
    )
    found = exclusion.find(source.events(), END, everybody)
    assert found.customers == set()
    assert {f.customer_id for f in found.flags} == {*ROBOTS, BULK}


def test_the_profile_lies_beside_the_model_under_the_manifests_seal(run):
    home, made = run
    for head in ("churn", "next_purchase", "ltv"):
        manifest = made.models[head]
        assert "profile.json" in manifest.files
        profile = Profile.read(artefacts.folder(home.bentoml_home, head, manifest.version))
        assert profile.ordered_within_days == dataset.POPULATION_DAYS
        assert set(manifest.feature_names) <= {*profile.numbers, *profile.texts} | {"interval"}
        assert profile.usual_psi
    assert "profile.json" not in made.models["response"].files


def test_whoever_a_robot_was_merged_into_is_left_out_too():
    limits = thresholds.load(settings.PROJECT_CONFIG)
    before = to_micros(END - timedelta(days=1))
    links = [Link(before, "l1", True, "customer", ROBOTS[0], "c0500")]
    later = [Link(to_micros(END) + 1, "l2", True, "customer", ROBOTS[1], "c0501")]
    found = exclusion.find(planted(), END, limits, lambda _: People([*links, *later]))
    assert found.customers == {*ROBOTS, "c0500"}
