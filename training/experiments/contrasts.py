"""Which comparisons an experiment makes: each arm with its control, or factors and interaction."""

from itertools import product

from retain.experiments.declaration import JOINED, Experiment
from training.experiments.effects import Contrast


def of(experiment: Experiment) -> list[Contrast]:
    """The comparisons ``experiment`` was declared for, the deciding ones first.

    A main effect compares a level with the base of its factor, averaged over the other factor in
    its declared shares; an interaction is the difference between the effects of one at two levels
    of the other (Box, Hunter and Hunter 2005, Statistics for Experimenters, chapter 5).
    """
    if experiment.arms:
        control, *others = experiment.arms
        return [
            Contrast(f"{one.name} against {control.name}", _unit(number, 0, len(experiment.arms)))
            for number, one in enumerate(others, start=1)
        ]
    return [*_main(experiment, 0), *_main(experiment, 1), *_interactions(experiment)]


def deciding(contrasts: list[Contrast]) -> int:
    """Among how many comparisons the chance of a false alarm is divided."""
    return sum(one.kind != "interaction" for one in contrasts)


def _unit(plus: int, minus: int, arms: int) -> tuple[float, ...]:
    return tuple(float(place == plus) - float(place == minus) for place in range(arms))


def _main(experiment: Experiment, which: int) -> list[Contrast]:
    factor, other = experiment.factors[which], experiment.factors[1 - which]
    base, *levels = factor.levels
    shares = {level.name: level.share for level in other.levels}
    found = []
    for level in levels:
        weights = [
            (float(cell.levels[which] == level.name) - float(cell.levels[which] == base.name))
            * shares[cell.levels[1 - which]]
            for cell in experiment.cells
        ]
        name = f"{factor.name}: {level.name} against {base.name}"
        found.append(Contrast(name, tuple(weights), "main"))
    return found


def _interactions(experiment: Experiment) -> list[Contrast]:
    a, b = experiment.factors
    names = [cell.name for cell in experiment.cells]
    found = []
    for one, other in product(a.levels[1:], b.levels[1:]):
        signs = {
            JOINED.join((one.name, other.name)): 1.0,
            JOINED.join((one.name, b.levels[0].name)): -1.0,
            JOINED.join((a.levels[0].name, other.name)): -1.0,
            JOINED.join((a.levels[0].name, b.levels[0].name)): 1.0,
        }
        weights = tuple(signs.get(name, 0.0) for name in names)
        found.append(Contrast(f"{one.name} with {other.name}", weights, "interaction"))
    return found
