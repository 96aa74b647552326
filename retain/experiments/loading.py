"""Reading experiments.yaml: rules compiled, what arms change looked up in the catalogue."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from retain.columns import READ_TIME, RFM, SCORES, SEGMENT, Kind
from retain.configuration import read_declared
from retain.decisions.actions import NONE
from retain.decisions.catalogues import Catalogue
from retain.errors import InvalidInput, NotFound
from retain.experiments.change import Change
from retain.experiments.declaration import Experiment, ExperimentConfig
from retain.rules import Rule, compile_rule

FILE_NAME = "experiments.yaml"
ELIGIBLE: Mapping[str, Kind] = {**READ_TIME, **RFM, **SEGMENT, **SCORES}
"""What `eligible` may ask of a customer; of the moment nothing: who takes part must not depend
on where they are asked."""


@dataclass(frozen=True)
class Experiments:
    """The declared experiments, and who is eligible for each.

    Attributes:
        eligible: per experiment, the rule a customer must fulfil.
    """

    config: ExperimentConfig
    eligible: Mapping[str, Rule]

    def named(self, name: str) -> Experiment:
        """The experiment of this name.

        Raises:
            NotFound: there is none.
        """
        for one in self.config.experiments:
            if one.name == name:
                return one
        known = [one.name for one in self.config.experiments]
        near = difflib.get_close_matches(name, known, n=1)
        raise NotFound(
            f"there is no experiment {name!r} in {FILE_NAME}",
            remedy=f"did you mean {near[0]!r}?" if near else f"declared are: {known or 'none'}",
            field="NAME",
        )


def load(folder: Path, catalogue: Catalogue) -> Experiments:
    """What a configuration folder declares, or what is shipped (nothing) where it does not.

    Raises:
        InvalidInput: a field or rule is wrong, or an arm changes an action, tag or treatment that
            the catalogue does not have; the message says what to do.
    """
    return checked(read_declared(folder, FILE_NAME, ExperimentConfig), catalogue)


def checked(config: ExperimentConfig, catalogue: Catalogue) -> Experiments:
    """``config`` with its rules compiled and its names looked up in ``catalogue``.

    Raises:
        InvalidInput: as :func:`load`.
    """
    for experiment in config.experiments:
        arms = experiment.arms or [level for one in experiment.factors for level in one.levels]
        for arm in arms:
            _check(arm.change, catalogue, f"{experiment.name}.{arm.name}")
    rules = {
        one.name: compile_rule(one.eligible, ELIGIBLE, name=f"{one.name}.eligible", file=FILE_NAME)
        for one in config.experiments
    }
    return Experiments(config, rules)


def _check(change: Change, catalogue: Catalogue, where: str) -> None:
    tags = {tag for action in catalogue.actions for tag in action.tags}
    ids = set(catalogue.by_id)
    for name in (*change.levers, *change.exclude_actions, *change.treatments):
        _known(name, ids, "action", where)
    for name in (*change.tag_levers, *change.exclude_tags):
        _known(name, tags, "tag", where)
    if NONE in change.exclude_actions:
        raise InvalidInput(
            f"{where} in {FILE_NAME} excludes {NONE!r}",
            remedy="to do nothing is always possible; exclude what is done instead",
            field=where,
        )
    for action_id, treatment in change.treatments.items():
        names = {one.name for one in catalogue.by_id[action_id].treatments}
        _known(treatment, names, f"treatment of {action_id}", where)


def _known(name: str, known: Iterable[str], kind: str, where: str) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1)
    raise InvalidInput(
        f"{where} in {FILE_NAME} names the {kind} {name!r}, which actions.yaml does not have",
        remedy=f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(known))}",
        field=where,
    )
