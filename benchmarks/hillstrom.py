"""Policies learned from a public randomised trial of e-mails, judged on customers left aside."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from retain import settings
from retain.manifest import Measured, ModelFeature
from retain.predictors.trees import Floats
from training import holm, uplift
from training.bootstrap import Bootstrap, Comparison
from training.curves import Curve
from training.policies import choosing, learners, levelling
from training.policies.choosing import Choice, preferred
from training.policies.estimators import DR, SNIPS, compare, estimate
from training.policies.log import Log, always, uniform
from training.policies.means import mean_effects
from training.policies.trial import Trial, pseudo_outcomes
from training.report import picture, plots

ABOUT = """
Hillstrom's trial (MineThatData, 2008): 64,000 customers, a third each got the men's e-mail, the
women's, or none. Half of the customers, drawn by row id, are learned from; the other half judges,
five times over. Exit code 1 where the chosen policy is significantly below any other, or not
above chance.
"""
ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
ACTIONS = ("men's mail", "women's mail")
FOLDS = 3
SEEDS = 5
REPLICATES = 400
COSTS = {"visit": (0.04, 0.06, 0.08), "spend": (0.2, 0.5, 0.8)}
OURS = "Retain's choice"
LEARNERS = {"s": "S-learner", "t": "T-learner", "dr": "DR-learner"}
RESPONSE = "response ranking"
GRID = np.linspace(0.0, 1.0, 51)


@dataclass(frozen=True, slots=True)
class Split:
    """What one split found, by policy name.

    Attributes:
        values: (SNIPS, DR) of the policy that mails cost nothing to.
        profits: per cost, the profit of the policy's own budget by DR.
        optimum: per cost, the best profit of any budget in the policy's order, in hindsight.
        qini: area above sending the best mail of the training half to a random share.
        below: ours less each other, DR, per cost (0.0 is the plain value), paired.
        curves: gain over the share of customers mailed.
    """

    choice: Choice
    values: Mapping[str, tuple[Measured, Measured]]
    profits: Mapping[float, Mapping[str, Measured]]
    optimum: Mapping[float, Mapping[str, float]]
    qini: Mapping[str, Measured]
    below: Mapping[float, Mapping[str, Comparison]]
    curves: Mapping[str, Floats]


def main() -> None:
    """Learn, judge, print, draw."""
    parser = argparse.ArgumentParser(description=ABOUT)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--out", type=Path, help="folder for the plots, the table and its numbers")
    asked = parser.parse_args()
    table = pq.read_table(settings.load().data / "hillstrom.parquet").to_pandas()
    missed, parts, numbers = False, [], {}
    for outcome in ("visit", "spend"):
        splits = [split(table, outcome, seed) for seed in range(asked.seeds)]
        part, lost = told(outcome, splits)
        missed |= lost
        parts.append(part)
        print(part, flush=True)
        numbers[outcome] = [as_json(one) for one in splits]
        if asked.out:
            draw(outcome, splits, asked.out)
    if asked.out:
        (asked.out / "hillstrom.md").write_text("\n".join(parts), "utf-8")
        (asked.out / "hillstrom.json").write_text(json.dumps(numbers, indent=1) + "\n", "utf-8")
    raise SystemExit(int(missed))


def trial_of(table: Any, outcome: str, mask: np.ndarray) -> Trial:
    """The customers in ``mask`` as a trial of both mails against none."""
    rows = table[mask]
    columns = {
        name: rows[name].to_numpy(float)
        for name in ("recency", "history", "mens", "womens", "newbie")
    }
    columns |= {f"zip_{one}": (rows.zip_code == one).to_numpy(float) for one in ("Urban", "Rural")}
    columns |= {f"by_{one}": (rows.channel == one).to_numpy(float) for one in ("Phone", "Web")}
    return Trial(
        matrix=np.column_stack(list(columns.values())),
        features=tuple(ModelFeature(name=name.lower()) for name in columns),
        actions=ACTIONS,
        arm=rows.segment.map({name: place for place, name in enumerate(ARMS)}).to_numpy(np.intp),
        outcome=rows[outcome].to_numpy(float),
        chance=np.full((len(rows), len(ARMS)), 1.0 / len(ARMS)),
        units=rows.row_id.to_numpy(),
        binary=outcome == "visit",
    )


def split(table: Any, outcome: str, seed: int) -> Split:
    """Learn from one half of the row ids, judge by the other."""
    learned = np.random.default_rng(seed).permutation(len(table)) < len(table) // 2
    seen, test = trial_of(table, outcome, learned), trial_of(table, outcome, ~learned)
    fold = np.arange(len(seen)) % FOLDS
    choice = choosing.choose(seen, [(fold != one, fold == one) for one in range(FOLDS)], seed)
    effects, guess = _effects(choice, seen, test, seed)
    log = test.log()
    bootstrap = Bootstrap(log.units, seed, REPLICATES)
    pseudo = pseudo_outcomes(test, guess[:, 1:], guess[:, :1].repeat(len(ACTIONS), axis=1))
    policies = {0.0: _policies(effects, log, 0.0)}
    values = {
        name: (
            estimate(SNIPS, policy, log, bootstrap),
            estimate(DR, policy, log, bootstrap, model=guess),
        )
        for name, policy in policies[0.0].items()
    }
    profits: dict[float, dict[str, Measured]] = {}
    below: dict[float, dict[str, Comparison]] = {}
    for cost in (0.0, *COSTS[outcome]):
        net, net_guess = log.rewarded(log.reward - cost * (log.chosen > 0)), guess.copy()
        net_guess[:, 1:] -= cost
        policies[cost] = _policies(effects, log, cost)
        profits[cost] = {
            name: estimate(DR, policy, net, bootstrap, model=net_guess)
            for name, policy in policies[cost].items()
        }
        below[cost] = {
            name: compare(DR, policies[cost][OURS], policy, net, bootstrap, model=net_guess)
            for name, policy in policies[cost].items()
            if name != OURS
        }
    curves = {name: _curve(effect, pseudo) for name, effect in effects.items()}
    level = float(guess[:, 0].mean() + _held_out(test, guess))
    optimum = {
        cost: {name: float((level + curve - cost * GRID).max()) for name, curve in curves.items()}
        for cost in COSTS[outcome]
    }
    flat = uplift.area(pseudo[:, int(effects["constant"][0].argmax())], np.zeros(len(test)))
    qini = {
        name: bootstrap.paired(choosing.gain(effect, pseudo), flat).difference
        for name, effect in effects.items()
        if name != "constant"
    }
    return Split(choice, values, profits, optimum, qini, below, curves)


def _effects(
    choice: Choice, seen: Trial, test: Trial, seed: int
) -> tuple[dict[str, Floats], Floats]:
    """What every method orders customers by, (n, 2) each, and a reward model, (n, 3)."""
    both = range(len(ACTIONS))

    def said(fitted: learners.Fitted) -> tuple[Floats, Floats]:
        return fitted.effects().outcomes(test.matrix, both)

    found: dict[str, Floats] = {}
    treated, control = said(choice.fit(seen, seed))
    found[OURS] = treated - control
    guess = np.zeros((len(test), len(ARMS)))
    for kind, name in LEARNERS.items():
        plain = learners.fit(
            kind, seen, seed, rounds=choice.rounds[kind], calibrators=choice.calibrators[kind]
        )
        treated, control = said(levelling.levelled(plain, 1.0) if kind == "dr" else plain)
        found[name] = treated - control
        if kind == "s":
            guess = np.column_stack([control[:, 0], treated])
    known = {"treated": choice.rounds["t"]["treated"]}
    alone = {"treated": choice.calibrators["t"]["treated"]}
    only = learners.fit("response", seen, seed, rounds=known, calibrators=alone)
    found[RESPONSE] = said(only)[0]
    found["constant"] = np.tile(mean_effects(seen), (len(test), 1))
    return found, guess


def _policies(effects: Mapping[str, Floats], log: Log, cost: float) -> dict[str, Floats]:
    """Whoever's effect is above the cost gets the mail with the larger one."""
    found = {}
    for name, effect in effects.items():
        best, gain = preferred(effect)
        if name != "constant":
            found[name] = always(log, np.where(gain > cost, best + 1, 0))
    for place, name in enumerate(ACTIONS, start=1):
        found[f"{name} for everybody"] = always(log, np.full(len(log), place))
    found["random"] = uniform(log)
    found["no mail"] = always(log, np.zeros(len(log), dtype=np.intp))
    return found


def _curve(effect: Floats, pseudo: Floats) -> Floats:
    """Gain per customer when a share of customers, those with the largest effects, is mailed."""
    best, score = preferred(effect)
    gained = pseudo[np.arange(len(best)), best]
    groups = np.unique(-uplift.tied(score), return_inverse=True)[1]
    people, sums = np.bincount(groups), np.bincount(groups, gained)
    share = np.concatenate([[0.0], np.cumsum(people) / len(best)])
    return np.asarray(np.interp(GRID, share, np.concatenate([[0.0], np.cumsum(sums) / len(best)])))


def _held_out(test: Trial, guess: Floats) -> float:
    """By how much the reward model is off for who got no mail, over all customers."""
    off = np.where(test.arm == 0, test.outcome - guess[:, 0], 0.0) / test.chance[:, 0]
    return float(off.mean())


def told(outcome: str, splits: list[Split]) -> tuple[str, bool]:
    """The tables as Markdown, and whether a bar was missed."""
    digits = 4 if outcome == "visit" else 3
    names = list(splits[0].values)
    lines = [f"### {outcome.capitalize()}: value of a policy per customer", ""]
    lines += ["| policy | SNIPS [95 %] | DR [95 %] | DR in each split |", "|---|---|---|---|"]
    for name in names:
        snips, dr = (_mean([one.values[name][at] for one in splits], digits) for at in (0, 1))
        each = " ".join(f"{one.values[name][1].value:.{digits}f}" for one in splits)
        lines.append(f"| {name} | {snips} | {dr} | {each} |")
    lines += [
        "",
        f"Chosen learner per split: {', '.join(one.choice.learner for one in splits)}.",
        "",
    ]
    lines += [f"### {outcome.capitalize()}: profit per customer, with a cost per mail", ""]
    costs = COSTS[outcome]
    lines.append(
        "| policy | "
        + " | ".join(f"cost {cost:g} | best budget in hindsight" for cost in costs)
        + " |"
    )
    lines.append("|---|" + "---|---|" * len(costs))
    for name in names:
        cells = []
        for cost in costs:
            cells.append(_mean([one.profits[cost][name] for one in splits], digits))
            best = [one.optimum[cost].get(name) for one in splits]
            cells.append("" if best[0] is None else f"{np.mean(best):.{digits}f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [
        "",
        f"### {outcome.capitalize()}: Qini",
        "",
        "| order | area above the best mail to a random share [95 %] |",
        "|---|---|",
    ]
    lines += [
        f"| {name} | {_mean([one.qini[name] for one in splits], digits + 1)} |"
        for name in splits[0].qini
    ]
    said, lost = verdict(outcome, splits)
    return "\n".join([*lines, "", *said, ""]), lost


def verdict(outcome: str, splits: list[Split]) -> tuple[list[str], bool]:
    """Whether ours is below any other beyond chance, and above random."""
    cells = [
        (number, cost, name, one)
        for number, each in enumerate(splits)
        for cost, others in each.below.items()
        for name, one in others.items()
    ]
    adjusted = holm.adjusted([one.p_value for *_, one in cells])
    lost = [
        f"{name} at cost {cost:g} in split {number}: {one.difference.value:+.4f}, p {p:.3f}"
        for (number, cost, name, one), p in zip(cells, adjusted, strict=True)
        if one.difference.value < 0 and p < 0.05
    ]
    random = [each.below[0.0]["random"].difference for each in splits]
    above = all(one.low > 0 for one in random)
    lows = ", ".join(f"{one.value:+.4f} [{one.low:+.4f}, {one.high:+.4f}]" for one in random)
    said = [
        f"Significantly below another policy (Holm over {len(cells)} comparisons): "
        + ("never." if not lost else "; ".join(lost)),
        "",
        f"Above random in each split: {lows}.",
    ]
    return said, bool(lost) or (outcome == "visit" and not above)


def _mean(found: list[Measured], digits: int) -> str:
    value, low, high = (
        float(np.mean([getattr(one, side) for one in found])) for side in ("value", "low", "high")
    )
    return f"{value:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def draw(outcome: str, splits: list[Split], folder: Path) -> None:
    """Values with their intervals, and gain over the share of customers mailed."""
    folder.mkdir(parents=True, exist_ok=True)
    sides = ("value", "low", "high")
    rows = []
    for name in splits[0].values:
        found = [one.values[name][1] for one in splits]
        value = Measured(
            **{side: float(np.mean([getattr(one, side) for one in found])) for side in sides}
        )
        rows.append(plots.Row(name, value, "ours" if name == OURS else "rule"))
    label = "visits per customer" if outcome == "visit" else "dollars per customer"
    values = plots.intervals(
        f"Value of policies: {outcome}",
        rows,
        f"{label}, doubly robust, mean of {len(splits)} splits",
    )
    (folder / f"hillstrom-{outcome}.svg").write_text(picture.standalone(values), "utf-8")
    if outcome != "visit":
        return
    styles = {OURS: "ours", RESPONSE: "blend", "S-learner": "rule", "constant": "even"}
    named = {"constant": "men's mail to a random share"}
    series = []
    for name, style in styles.items():
        curve = np.mean([one.curves[name] for one in splits], axis=0)
        series.append(plots.Series(named.get(name, name), Curve(GRID, curve), style))
    most = max(max(one.curve.y) for one in series) * 1.05
    plot = plots.lines(
        "Gain by budget",
        series,
        "share of customers mailed",
        "extra visits per customer",
        y=(0.0, most),
    )
    (folder / "hillstrom-budget.svg").write_text(picture.standalone(plot), "utf-8")


def as_json(one: Split) -> dict[str, Any]:
    """The numbers of a split."""
    return {
        "choice": one.choice.as_json(),
        "values": {
            name: {"snips": a.model_dump(), "dr": b.model_dump()}
            for name, (a, b) in one.values.items()
        },
        "profits": {
            str(cost): {n: m.model_dump() for n, m in each.items()}
            for cost, each in one.profits.items()
        },
        "optimum": {str(cost): dict(each) for cost, each in one.optimum.items()},
        "qini": {name: found.model_dump() for name, found in one.qini.items()},
        "ours_less": {
            str(cost): {
                n: c.difference.model_dump() | {"p_value": c.p_value} for n, c in each.items()
            }
            for cost, each in one.below.items()
        },
    }


if __name__ == "__main__":
    main()
