"""Logged decisions as a training set: who was left to chance, and what everybody did after."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from retain.decisions.attribution import Attribution
from training import logged, outcomes
from training.assignments import Assignments
from training.exclusion import Exclusion
from training.logged import Decisions
from training.material import gathered
from training.policies.means import mean_effects
from training.policies.trial import Trial
from training.selection import candidates

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = START + timedelta(days=100)
EXPLORED = {"candidates": ["mail", "push", "none"], "probabilities": [0.7, 0.2, 0.1]}


def row(number=0, **more):
    """A decision by a policy that explored, as the log of outcomes has it."""
    return {
        "decision_id": f"d{number:04d}",
        "customer_id": f"c{number}",
        "as_of": START + timedelta(hours=number),
        "action_id": "mail",
        "treatment": "standard",
        "chosen": True,
        "reserved": True,
        "policy": "thompson",
        "deterministic": False,
        "control_group": False,
        "propensity": 0.7,
        "removed": [],
        "carried_out": True,
        "outcomes": [],
        "conversions": 0,
        "reward": 0.0,
        **EXPLORED,
        **more,
    }


FIXED = {
    "policy": "greedy",
    "deterministic": True,
    "propensity": 1.0,
    "candidates": ["mail", "none"],
    "probabilities": [1.0, 0.0],
}
HELD = {
    **FIXED,
    "action_id": "none",
    "control_group": True,
    "candidates": ["none"],
    "probabilities": [1.0],
    "removed": ["mail", "push"],
}


def orders(*bought):
    names, days = zip(*bought, strict=True) if bought else ((), ())
    return pa.table(
        {
            "customer_id": pa.array(names, pa.string()),
            "ts": pa.array(
                [START + timedelta(days=day) for day in days], pa.timestamp("us", "UTC")
            ),
            "is_order": pa.array([True] * len(names)),
            "value": pa.array([10.0] * len(names)),
        }
    )


def features_at(keys):
    count = keys.num_rows
    known = {
        one.name: np.full(count, None, dtype=object) if one.dtype == "category"
        else np.full(count, np.nan)
        for one in candidates()
    }  # fmt: skip
    return {**known, "orders_lifetime": np.arange(count, dtype=np.float64)}


def learned(rows, bought=(), how=None, **more):
    table = pa.Table.from_pylist(rows, schema=outcomes.SCHEMA)
    given = Decisions(table, how or Attribution())
    return logged.of(given, orders(*bought), features_at, more.pop("as_of", LATER), **more)


def test_the_chance_of_every_arm_is_the_policys():
    found = learned([row()])
    assert found.actions == ("mail", "push")
    assert found.chance.tolist() == [[0.1, 0.7, 0.2]]
    assert found.arm.tolist() == [1]


def test_who_was_left_alone_is_judged_by_what_they_did_as_everybody_is():
    rows = [row(0), row(1, action_id="none", propensity=0.1), row(2)]
    found = learned(rows, [("c0", 3), ("c1", 3), ("c2", 30)])
    assert found.responded.tolist() == [1.0, 1.0, 0.0]
    assert found.randomised().arm.tolist() == [1, 0, 1]


def test_an_order_before_the_decision_is_no_answer_to_it():
    assert learned([row(48)], [("c48", 1.9)]).responded.tolist() == [0.0]


def test_decisions_whose_answer_is_not_in_are_left_out():
    found = learned([row(0), row(48)], as_of=START + timedelta(days=15))
    assert len(found) == 1
    assert found.left_out == {"too recent": 1}


def test_what_was_not_carried_out_is_left_out_unless_it_is_declared_to_count():
    rows = [row(0), row(1, carried_out=False)]
    assert learned(rows).left_out == {"not carried out": 1}
    assert len(learned(rows, how=Attribution(not_carried_out="as_decided"))) == 2


def test_the_chances_are_those_among_what_was_carried_out():
    rows = [row(0), row(1, carried_out=False), row(2, action_id="none", propensity=0.1)]
    expected = np.array([0.1, 0.35, 0.2]) / 0.65
    assert np.allclose(learned(rows).chance, expected)
    as_decided = learned(rows, how=Attribution(not_carried_out="as_decided"))
    assert as_decided.chance.tolist() == [[0.1, 0.7, 0.2]] * 3


@pytest.mark.parametrize(
    "more", [{"chosen": False}, {"reserved": False}, {"customer_id": "anonymous:v"}]
)
def test_previews_alternatives_and_visitors_are_left_out(more):
    assert len(learned([row(0), row(1, **more)])) == 1


def test_nothing_is_learned_from_who_is_excluded_or_withdrew_their_consent():
    found = learned([row(0), row(1)], withdrawn={"c1"}, exclusion=Exclusion())
    assert found.customers.tolist() == ["c0"]


def test_a_fixed_rule_without_a_control_group_left_nothing_to_chance():
    found = learned([row(0, **FIXED), row(1, **FIXED)])
    assert len(found.randomised()) == 0
    assert found.treated() is not None


def test_the_control_group_is_held_out_of_what_it_would_have_got():
    rows = [row(n, **(HELD if n < 5 else FIXED)) for n in range(20)]
    found = learned(rows)
    assert found.arm[:5].tolist() == [0] * 5
    assert np.allclose(found.chance[:, :2], [0.25, 0.75])


def test_a_transactional_message_to_the_control_group_is_no_chance():
    rows = [row(0, **HELD), row(1, **{**FIXED, "control_group": True}), row(2, **FIXED)]
    assert learned(rows).chance[1].tolist() == [0.0, 1.0]


def test_campaigns_and_decisions_are_learned_from_together():
    many = np.arange(60)
    campaigns = Assignments(
        customers=np.array([f"k{n}" for n in many], dtype=object),
        moments=many.astype(np.int64),
        actions=("sms",),
        codes=np.zeros(60, dtype=np.intp),
        campaigns=np.zeros(60, dtype=np.intp),
        treated=(many % 2).astype(np.float64),
        responded=np.ones(60),
        revenue=np.zeros(60),
        columns=features_at(pa.table({"customer_id": [f"k{n}" for n in many]})),
    )
    rows = [row(n, action_id=("mail", "push", "none")[n % 3]) for n in range(30)]
    found = gathered(campaigns, learned(rows))
    assert (found.campaigns, found.decisions) == (60, 30)
    assert found.trial.actions == ("mail", "push", "sms")
    assert np.allclose(found.trial.chance.sum(axis=1), 1.0)
    taken = found.trial.chance[np.arange(90), found.trial.arm]
    assert sorted(set(np.round(taken, 3).tolist())) == [0.1, 0.2, 0.5, 0.7]
    assert (np.diff(found.moments) >= 0).all()


def test_an_action_nobody_got_is_not_learned():
    rows = [row(n, action_id=("mail", "none")[n % 2]) for n in range(10)]
    assert gathered(None, learned(rows)).trial.actions == ("mail",)


def test_without_any_chance_there_is_nothing_to_learn_from():
    assert gathered(None, learned([row(0, **FIXED)])) is None
    assert gathered(None, None) is None


def test_the_control_group_of_a_policy_that_explores_is_not_learned_from():
    held = {**HELD, "deterministic": False, "policy": "thompson", "propensity": 1.0}
    rows = [row(0), row(1, **held), row(2, action_id="none", propensity=0.1)]
    found = learned(rows).randomised()
    assert found.customers.tolist() == ["c0", "c2"]
    assert found.chance[:, 0].tolist() == [0.1, 0.1]


def test_who_was_never_contacted_is_no_measure_of_one_more_contact():
    """Why: a contact also raises the weeks after it, and the control group never had one."""
    rng = np.random.default_rng(3)
    customers, share, nothing, effect = 30_000, 0.1, 0.1, 0.03
    control = rng.random(customers) < share
    raised, weeks = np.zeros(customers), []
    for _ in range(10):
        mailed = (rng.random(customers) >= nothing) & ~control
        ordered = rng.random(customers) < 0.1 + raised + effect * mailed
        weeks.append((mailed, ordered, control))
        raised = 0.8 * raised + 0.02 * mailed
    mailed, ordered, control = (np.concatenate(one) for one in zip(*weeks, strict=True))

    def measured(kept, held_out):
        """The mean effect by rows with the chance ``held_out`` of doing nothing."""
        chance = np.tile([held_out, 1.0 - held_out], (int(kept.sum()), 1))
        arms = mailed[kept].astype(np.intp)
        told = (("mail",), arms, ordered[kept].astype(float), chance, np.arange(len(arms)))
        return float(mean_effects(Trial(np.empty((len(arms), 0)), (), *told))[0])

    everybody = np.ones(len(mailed), dtype=bool)
    assert measured(~control, nothing) == pytest.approx(effect, abs=0.007)
    assert measured(everybody, share + (1 - share) * nothing) > 1.5 * effect
