"""From a run's folder to its page and its card; nothing is trained."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from retain.errors import NotFound
from training import holdout, rolling_files
from training.report import card, facts, page, truth
from training.report.facts import HeadFacts

HTML = "report.html"
CARD = "model-card.md"


@dataclass(frozen=True, slots=True)
class Built:
    """Where page and card lie, and what they say as JSON; rolling cutoffs alone have no card."""

    html: Path
    card: Path | None
    content: dict[str, Any]


def build(
    folder: Path,
    *,
    out: Path | None = None,
    sensitive: Sequence[str] = (),
    known_truth: pa.Table | None = None,
) -> Built:
    """Write the page and the model card of the run in ``folder``.

    Args:
        folder: of the run, with ``evaluation.json`` and its holdout.
        out: where the page goes; by default ``report.html`` beside the run.
        sensitive: attributes for the fairness table; ``holdout.check`` has seen them.
        known_truth: of a simulated shop, as `retain simulate` writes it.

    Raises:
        InvalidInput: a sensitive attribute was not kept with the run.
    """
    evaluation = json.loads((folder / "evaluation.json").read_text("utf-8"))
    rolled = rolling_files.read(folder)
    numbers = rolled.numbers if rolled else None
    found = _facts(folder, evaluation)
    html = page.render(evaluation, found, rolling=numbers, truth=known_truth, sensitive=sensitive)
    target = out or folder / HTML
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(html, encoding="utf-8")
    written = card.render(evaluation, found, rolling=numbers, sensitive=sensitive)
    (folder / CARD).write_text(written, encoding="utf-8")
    content = dict(evaluation)
    content["grades"] = {
        one.head: {"grade": one.grade.letter, "reason": one.grade.reason} for one in found
    }
    content["against_baselines"] = {
        one.head: {name: each.as_json() for name, each in one.standings.items()} for one in found
    }
    content["rolling"] = numbers
    if known_truth is not None:
        content["oracle"] = truth.as_json(truth.distances(found, known_truth))
    return Built(target, folder / CARD, content)


def build_rolling(folder: Path, *, out: Path | None = None) -> Built:
    """Write the page of the rolling evaluation in ``folder``, where no run is beside it.

    Raises:
        NotFound: there is none.
    """
    rolled = rolling_files.read(folder)
    if rolled is None:
        raise NotFound(f"no rolling evaluation in {folder}", remedy="run `retain report --rolling`")
    target = out or folder / HTML
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page.render_rolling(rolled.numbers), encoding="utf-8")
    return Built(target, None, {"rolling": rolled.numbers})


def _facts(folder: Path, evaluation: dict[str, Any]) -> list[HeadFacts]:
    found = []
    for head in holdout.HEADS:
        held = holdout.read(folder, head)
        if head in evaluation["heads"] and held is not None:
            found.append(
                facts.of(
                    head,
                    evaluation["heads"][head],
                    held,
                    evaluation["horizon_days"],
                    facts.currency_of(evaluation),
                )
            )
    return found
