"""Which learner is chosen in shops whose effects are known, and what that choice earns."""

import argparse
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context

import numpy as np
from threadpoolctl import threadpool_limits

from retain.clock import from_micros
from retain.features.matrix import to_matrix
from retain.manifest import ModelFeature
from retain.predictors.effects import Learner
from retain.predictors.trees import Floats
from retain.simulator.acted_on import open_shop
from training import holm
from training.policies import choosing
from training.policies.choosing import Choice, preferred
from training.policies.loop import addressed, observed
from training.policies.trial import Trial
from training.selection import choose

ABOUT = """
Customers and their features are those of the simulated shop; who is treated is drawn here, and who
orders by the true chances of a world. Every learner is fitted and levelled on the same trial, its
customers of the weeks before; what each policy would earn in the weeks after is known. In brackets
what a policy earns more than Retain's choice, with a 95 % interval over shops.
"""
COSTS = (0.0, 0.02, 0.05, 0.1)
LEARNERS: tuple[Learner, ...] = ("constant", "proportional", "s", "t", "dr")
_WEEKS = 24
_LEARNED = 0.75
_OURS = "Retain's choice"
_PROVEN = "only beyond chance"
_LARGEST = "the largest gain"
_RESPONSE = "as many, by response"
_COHORTS = 2


def _simulated(*arms: int) -> Callable[[Floats], Floats]:
    return lambda chances: chances[:, [0, *arms]]


def _one(effect: Callable[[Floats, Floats], Floats]) -> Callable[[Floats], Floats]:
    """A single action that adds ``effect`` of (chance without it, the same in deviations)."""

    def of(chances: Floats) -> Floats:
        control = chances[:, 0]
        moved = effect(control, (control - control.mean()) / control.std())
        return np.clip(np.column_stack([control, control + moved]), 0.0, 1.0)

    return of


WORLDS: Mapping[str, Callable[[Floats], Floats]] = {
    "simulated, four actions": _simulated(1, 2, 3, 4),
    "simulated, a coupon": _simulated(1),
    "simulated, a reminder": _simulated(2),
    "in proportion to the response": _one(lambda control, _: 0.4 * control),
    "against the response": _one(lambda _, above: np.clip(0.06 - 0.04 * above, -0.02, 0.12)),
    "only who rarely buys": _one(lambda control, _: 0.08 * (control <= np.median(control))),
    "the same for everybody": _one(lambda control, _: np.full(len(control), 0.04)),
}


@dataclass(frozen=True, slots=True)
class Pool:
    """Customers of a shop, week after week: features, and true chances of an order by action."""

    matrix: Floats
    features: tuple[ModelFeature, ...]
    chances: Floats


def main() -> None:
    """Print a table of worlds."""
    parser = argparse.ArgumentParser(description=ABOUT)
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--rows", type=int, default=4_000)
    parser.add_argument("--customers", type=int, default=2_500)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    jobs = [(seed, asked.rows, asked.customers) for seed in range(1, asked.seeds + 1)]
    with ProcessPoolExecutor(asked.workers, mp_context=get_context("spawn")) as workers:
        found = list(workers.map(_job, jobs))
    names = list(next(iter(found[0].values()))[1])
    print("| world | " + " | ".join(names) + " | chosen |")
    print("|---|" + "---:|" * len(names) + "---|")
    for world in WORLDS:
        ours = np.array([one[world][1][_OURS] for one in found])
        cells = []
        for name in names:
            values = np.array([one[world][1][name] for one in found])
            half = 1.96 * float((values - ours).std(ddof=1)) / len(values) ** 0.5
            less = f" ({(values - ours).mean():+.1f} ±{half:.1f})" if name != _OURS else ""
            cells.append(f"{values.mean():.1f}{less}")
        chosen = [one[world][0] for one in found]
        counted = ", ".join(f"{chosen.count(one)} {one}" for one in dict.fromkeys(sorted(chosen)))
        print(f"| {world} | " + " | ".join(cells) + f" | {counted} |")


def _job(job: tuple[int, int, int]) -> dict[str, tuple[str, dict[str, float]]]:
    seed, rows, customers = job
    with threadpool_limits(limits=1):
        shop = pool(seed, customers)
        return {name: world(shop, truth, rows, seed) for name, truth in WORLDS.items()}


def pool(seed: int, customers: int) -> Pool:
    """The customers of a shop that nobody acts on, in weekly halves."""
    shop = open_shop(customers, seed=seed)
    end = from_micros(shop.world.plan.end)
    weeks = [end - timedelta(days=7 * number + 15) for number in reversed(range(_WEEKS))]
    situations = [addressed(shop, now, at % _COHORTS) for at, now in enumerate(weeks)]
    parts = [observed(shop, one) for one in situations]
    columns = {name: np.concatenate([one[name] for one in parts]) for name in parts[0]}
    features = choose(columns)
    chances = np.vstack([shop.chances(one) for one in situations])
    return Pool(to_matrix(columns, features), features, chances)


def world(
    shop: Pool, truth: Callable[[Floats], Floats], rows: int, seed: int
) -> tuple[str, dict[str, float]]:
    """The learner chosen, and orders per 1,000 that each policy adds, less what it costs."""
    chances = truth(shop.chances)
    rng = np.random.default_rng([seed, 7])
    cut, arms = int(len(chances) * _LEARNED), chances.shape[1]
    seen, later = np.sort(rng.choice(cut, rows, replace=False)), slice(cut, None)
    arm = rng.integers(0, arms, rows)
    trial = Trial(
        matrix=shop.matrix[seen],
        features=shop.features,
        actions=tuple(f"action {at}" for at in range(1, arms)),
        arm=arm,
        outcome=(rng.random(rows) < chances[seen, arm]).astype(np.float64),
        chance=np.full((rows, arms), 1.0 / arms),
        units=np.arange(rows),
    )
    at = np.arange(rows) / rows
    folds = [(at < end, (at >= end) & (at < end + 0.2)) for end in (0.35, 0.55)]
    choice = choosing.choose(trial, folds, seed)
    true = chances[later, 1:] - chances[later, :1]
    treated, control = _outcomes(choice, trial, shop.matrix[later], seed)
    effects = {_OURS: treated - control}
    for learner in LEARNERS:
        with_it, without = _outcomes(choice.of(learner), trial, shop.matrix[later], seed)
        effects[learner] = with_it - without
    for rule, named in ((_PROVEN, proven(choice)), (_LARGEST, largest(choice))):
        effects[rule] = effects[named] if named in effects else effects["constant"]
    effects["best possible"] = true
    found = {name: earned(own, true) for name, own in effects.items()}
    found[_RESPONSE] = by_response(effects[_OURS], treated, true)
    return choice.learner, found


def _outcomes(choice: Choice, trial: Trial, matrix: Floats, seed: int) -> tuple[Floats, Floats]:
    fitted = choice.fit(trial, seed)
    return fitted.effects().outcomes(matrix, range(len(trial.actions)))


def proven(choice: Choice) -> Learner:
    """The learner that gains most of those that do beyond chance (Holm), else the constant."""
    found = list(choice.compared.items())
    p_values = holm.adjusted([one.p_value for _, one in found])
    better = {
        name: one.difference.value
        for (name, one), p_value in zip(found, p_values, strict=True)
        if p_value < choosing.LEVEL and one.difference.value > 0.0
    }
    return max(better, key=lambda name: better[name], default=choosing.CONSTANT)


def largest(choice: Choice) -> Learner:
    """The learner with the largest gain on later rows, whatever chance has to do with it."""
    gains = {name: one.difference.value for name, one in choice.compared.items()}
    best = max(gains, key=lambda name: gains[name])
    return best if gains[best] > 0.0 else choosing.CONSTANT


def earned(effect: Floats, true: Floats) -> float:
    """Orders per 1,000 above doing nothing, less the cost, on average over :data:`COSTS`."""
    best, score = preferred(effect)
    gained = true[np.arange(len(best)), best]
    return 1_000.0 * float(np.mean([np.where(score > c, gained - c, 0.0).mean() for c in COSTS]))


def by_response(effect: Floats, treated: Floats, true: Floats) -> float:
    """As :func:`earned`, had as many contacts gone to who is likeliest to order after one."""
    _, score = preferred(effect)
    best, response = preferred(treated)
    gained = true[np.arange(len(best)), best]
    order = np.argsort(-response, kind="stable")
    values = []
    for cost in COSTS:
        contacted = order[: int((score > cost).sum())]
        values.append(float((gained[contacted] - cost).sum()) / len(gained))
    return 1_000.0 * float(np.mean(values))


if __name__ == "__main__":
    main()
