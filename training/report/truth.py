"""The section on simulated shops: how far the heads are from who knows the truth."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from training import oracle
from training.baselines import BLEND
from training.bootstrap import Bootstrap
from training.comparisons import Standing, stand
from training.metrics import CALIBRATION_ERROR
from training.report import terms
from training.report.facts import ASKED, HEADLINE, REPLICATES, SEED, HeadFacts
from training.report.parts import beside, bounds, paragraph, plots, section
from training.report.tags import Markup, table

ORACLE = "oracle"


def distances(facts: Sequence[HeadFacts], truth: pa.Table) -> dict[str, dict[str, Any]]:
    """Per head: Retain beside the oracle on the headline metric, and how alike their answers are.

    ``error`` is the mean distance of Retain's answer to the oracle's; ``correlation`` is of
    ranks, over the rows of which the truth is known.
    """
    found = {}
    for one in facts:
        if one.head == "next_purchase":
            continue
        held = one.held
        asked = oracle.ask(
            truth, held["customer_id"], held["as_of"], held["inactivity_days"], one.horizon_days
        )
        answer = asked.leaves if one.head == "churn" else asked.value
        if not asked.known.any():
            continue
        found[one.head] = _distance(one, answer, asked.known)
    return found


def _distance(one: HeadFacts, answer: np.ndarray, known: np.ndarray) -> dict[str, Any]:
    metric = ASKED[one.head][HEADLINE[one.head]].metric
    truth, score = one.truth[known], one.score[known]
    bootstrap = Bootstrap(one.held["customer_id"][known], SEED, REPLICATES)
    rivals = {name: rival[known] for name, rival in one.rivals.items() if name == BLEND}
    standing = stand(bootstrap, metric, truth, score, {ORACLE: answer[known], **rivals})
    alike = float(np.corrcoef(_ranks(score), _ranks(answer[known]))[0, 1])
    return {
        "standing": standing,
        "correlation": alike,
        "error": float(np.abs(score - answer[known]).mean()),
        "rows": int(known.sum()),
        "level": float(score.sum() / max(float(truth.sum()), 1e-12) - 1.0),
        "oracle_level": float(answer[known].sum() / max(float(truth.sum()), 1e-12) - 1.0),
        "ece": bootstrap.measured(CALIBRATION_ERROR, truth, score) if one.head == "churn" else None,
    }


def truth_section(facts: Sequence[HeadFacts], truth: pa.Table) -> Markup:
    """Retain beside the oracle."""
    found = distances(facts, truth)
    titles = {one.head: ASKED[one.head][HEADLINE[one.head]].title for one in facts}
    words = [
        f"{terms.head(head)} {_gap(one['standing']):.3f} of {titles[head]} below"
        for head, one in found.items()
    ]
    money = next((one.currency for one in facts), "")
    rows = [
        (
            terms.head(head),
            f"{one['rows']:,}",
            bounds(one["standing"].ours),
            bounds(one["standing"].baselines[ORACLE].value),
            bounds(one["standing"].baselines[ORACLE].difference),
            f"{one['correlation']:.3f}",
            _distance_told(head, one["error"], money),
            f"{one['level']:+.1%}; {one['oracle_level']:+.1%}",
        )
        for head, one in found.items()
    ]
    header = (
        "head",
        "rows",
        "Retain",
        "oracle",
        "difference",
        "rank correlation",
        "mean distance",
        "total off by: Retain; oracle",
    )
    return section(
        "oracle",
        "Distance to the oracle: " + ("; ".join(words) or "no row has a truth"),
        paragraph(
            "The shop is simulated. The oracle knows each customer's own rate, rhythm and spend "
            "and when they leave, but neither the days of orders, nor season, campaigns and "
            "returns: its total is no target, its ranking is the ceiling."
        ),
        plots(
            *(
                beside(
                    f"{terms.head(head)}: {titles[head]} {one['standing'].ours.value:.3f}, "
                    f"the oracle {one['standing'].baselines[ORACLE].value.value:.3f}",
                    one["standing"],
                    f"{titles[head]}, with 95 % intervals",
                )
                for head, one in found.items()
            )
        ),
        table(header, rows),
    )


def _distance_told(head: str, error: float, currency: str) -> str:
    return f"{error:,.2f} {currency}".rstrip() if head == "ltv" else f"{error:.1%}"


def _gap(standing: Standing) -> float:
    return -standing.baselines[ORACLE].difference.value


def _ranks(values: np.ndarray) -> np.ndarray:
    return np.unique(values, return_inverse=True)[1].astype(np.float64)


def as_json(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Plain JSON of :func:`distances`."""
    return {
        head: {
            name: value.as_json()
            if isinstance(value, Standing)
            else value.model_dump()
            if hasattr(value, "model_dump")
            else value
            for name, value in one.items()
        }
        for head, one in found.items()
    }
