"""Who is in which arm: stable, exclusive, independent, in the declared shares."""

import multiprocessing
from datetime import UTC, datetime, timedelta
from math import sqrt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retain.experiments.assignment import Assigner
from retain.experiments.shares import Shares
from tests.catalogues import NOW, customers
from tests.experiments import arm, arms_of, declared, experiment, factors

IDS = [f"customer-{number}" for number in range(4_000)]
ids = st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=20)


def share_of(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def far(share: float, rows: int) -> float:
    """Six standard errors: chance alone never gets there."""
    return 6 * sqrt(share * (1 - share) / rows)


@given(ids)
def test_the_arm_of_a_customer_does_not_depend_on_who_else_is_asked_about(given_ids) -> None:
    assigner = Assigner(declared(experiment(traffic=[0.2, 0.9])))
    together = assigner.assign({}, given_ids, NOW)
    alone = [assigner.assign({}, [one], NOW)[0] for one in given_ids]
    assert together == alone


@given(ids, st.integers(0, 30))
def test_an_arm_is_kept_as_time_passes_and_traffic_grows(given_ids, days) -> None:
    before = Assigner(declared(experiment(traffic=[0.0, 0.3]))).assign({}, given_ids, NOW)
    later = NOW + timedelta(days=days)
    after = Assigner(declared(experiment(traffic=[0.0, 0.8]))).assign({}, given_ids, later)
    assert all(new[:1] == old for old, new in zip(before, after, strict=True) if old)


@given(ids, st.floats(0.01, 0.99))
def test_no_customer_is_in_two_experiments_of_one_layer(given_ids, border) -> None:
    assigner = Assigner(
        declared(experiment("a", traffic=[0.0, border]), experiment("b", traffic=[border, 1.0]))
    )
    assert all(len(arms) == 1 for arms in assigner.assign({}, given_ids, NOW))


def test_another_process_says_the_same() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        [elsewhere] = pool.map(arms_of, [IDS[:200]])
    assert elsewhere == arms_of(IDS[:200])


def test_arms_come_in_the_declared_shares() -> None:
    arms = [arm("control", 0.6), arm("b", 0.3), arm("c", 0.1)]
    found = Assigner(declared(experiment(arms=arms))).assign({}, IDS, NOW)
    for name, share in (("control", 0.6), ("b", 0.3), ("c", 0.1)):
        taken = share_of([one[0].arm == name for one in found])
        assert abs(taken - share) < far(share, len(IDS))
        assert {one[0].share for one in found if one[0].arm == name} == {share}


def test_an_experiment_takes_its_share_of_the_layer() -> None:
    found = Assigner(declared(experiment(traffic=[0.1, 0.35]))).assign({}, IDS, NOW)
    assert abs(share_of([bool(one) for one in found]) - 0.25) < far(0.25, len(IDS))


def test_experiments_of_different_layers_are_independent() -> None:
    both = declared(
        experiment("a"), experiment("b", layer="wording", arms=[arm("x", 0.5), arm("y", 0.5)]),
        layers=("offers", "wording"),
    )  # fmt: skip
    found = Assigner(both).assign({}, IDS, NOW)
    together = share_of([(a.arm, b.arm) == ("large", "y") for a, b in found])
    assert abs(together - 0.25) < far(0.25, len(IDS))


def test_who_takes_over_the_traffic_of_a_layer_does_not_inherit_its_arms() -> None:
    first = Assigner(declared(experiment("a"))).assign({}, IDS, NOW)
    second = Assigner(declared(experiment("b"))).assign({}, IDS, NOW)
    same = share_of([a[0].arm == b[0].arm for a, b in zip(first, second, strict=True)])
    assert abs(same - 0.5) < far(0.5, len(IDS))


def test_only_those_the_rule_holds_for_take_part() -> None:
    assigner = Assigner(declared(experiment(eligible="orders_lifetime >= 3")))
    table = customers({"orders_lifetime": 5.0}, {"orders_lifetime": 1.0}, {})
    assert [len(one) for one in assigner.assign(table, ["a", "b", "c"], NOW)] == [1, 0, 0]


def test_nobody_is_assigned_before_the_start_or_from_the_end_on() -> None:
    assigner = Assigner(declared(experiment(start="2026-11-10", end="2026-11-20T12:00:00+02:00")))
    end = datetime(2026, 11, 20, 10, tzinfo=UTC)
    for at, taken in (
        (datetime(2026, 11, 9, 23, tzinfo=UTC), 0),
        (datetime(2026, 11, 10, tzinfo=UTC), 1),
        (end - timedelta(seconds=1), 1),
        (end, 0),
    ):
        assert len(assigner.assign({}, ["c1"], at)[0]) == taken


def test_drafts_stopped_ones_and_those_assigned_elsewhere_assign_nobody() -> None:
    for fields in ({"status": "draft"}, {"status": "stopped"}, {"assigned": "elsewhere"}):
        assert Assigner(declared(experiment(**fields))).assign({}, ["c1"], NOW) == [()]


def test_a_factorial_experiment_crosses_its_levels_evenly() -> None:
    found = Assigner(declared(experiment(arms=[], factors=factors()))).assign({}, IDS, NOW)
    for cell in ("low+plain", "low+warm", "deep+plain", "deep+warm"):
        assert abs(share_of([one[0].arm == cell for one in found]) - 0.25) < far(0.25, len(IDS))


def test_shifted_shares_hold_from_their_moment_and_place_everybody_anew() -> None:
    since = NOW + timedelta(hours=1)

    def shares_at(_: str, now: datetime) -> Shares | None:
        return Shares(since, {"control": 0.2, "large": 0.8}, {}) if now >= since else None

    assigner = Assigner(declared(experiment(bandit={"floor": 0.1})), shares_at)
    before = assigner.assign({}, IDS, NOW)
    after = assigner.assign({}, IDS, since)
    large = np.array([one[0].arm == "large" for one in after])
    had = np.array([one[0].arm == "large" for one in before])
    assert {one[0].share for one in before} == {0.5}
    assert abs(large.mean() - 0.8) < far(0.8, len(IDS))
    # who was in the arm before is no likelier to be in it now
    assert abs(large[had].mean() - large[~had].mean()) < 2 * far(0.8, len(IDS) // 2)
    assert after[0][0].as_json()["since"] == "2026-11-21T13:00:00Z"
