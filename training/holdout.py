"""What was said and what came at the holdout cutoffs, kept beside a run: one Parquet per head.

The report is drawn from these, as often as wanted, without training again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from retain.columns import READ_TIME
from retain.errors import InvalidInput, NotEnoughData
from retain.predictors.trees import Floats
from training.baselines import Answers, Baselines
from training.dataset import Dataset
from training.fitting import FittedRun
from training.head import FittedHead

FOLDER = "holdout"
OURS = "retain"
HEADS = ("churn", "next_purchase", "ltv")
SLICED_BY = ("country", "tenure_days", "net_spend_365d", "customer_age_days")
TRUTHS = ("churned", "days_to_order", "net_revenue")
MOST_ROWS = 60_000
_SAID = {"churn": ("leaves",), "next_purchase": ("soon",), "ltv": ("value",)}

Held = Mapping[str, np.ndarray]
Peers = Mapping[str, Mapping[str, Answers]]
"""By head, then by baseline."""


def peers(run: FittedRun) -> Peers:
    """What every baseline says of each head's holdout, in the order of its rows.

    They are fitted on what the evaluated heads were fitted on; a head for which that is too
    little has none.
    """
    found: dict[int, Mapping[str, Answers]] = {}
    for data in (run.data, run.leavers):
        if id(data) not in found:
            found[id(data)] = _baselines(data)
    return {head.head: found[id(run.learned_from(head))] for head in run.heads}


def write(folder: Path, run: FittedRun, beside: Peers, sensitive: Sequence[str] = ()) -> None:
    """Write the holdout of every head that says what it said of it, with its peers.

    Raises:
        InvalidInput: a sensitive attribute is no feature.
    """
    check(sensitive)
    target = folder / FOLDER
    target.mkdir(parents=True, exist_ok=True)
    for head in run.heads:
        if head.head in HEADS and head.held:
            table = _table(head, run.learned_from(head), beside[head.head], sensitive)
            pq.write_table(table, target / f"{head.head}.parquet", compression="zstd")


def read(folder: Path, head: str) -> Held | None:
    """The columns of a head's holdout, each (n,); None where nothing was kept of it."""
    path = folder / FOLDER / f"{head}.parquet"
    if not path.is_file():
        return None
    table = pq.read_table(path)
    return {name: table.column(name).to_numpy() for name in table.column_names}


def check(sensitive: Sequence[str]) -> None:
    """Whether every attribute is a feature that groups customers.

    Raises:
        InvalidInput: one of them is not.
    """
    for name in sensitive:
        if READ_TIME.get(name) not in {"text", "number"}:
            raise InvalidInput(
                f"{name!r} is no feature to group customers by",
                remedy="name one of docs/features.md, such as age_band or region",
                field="--sensitive",
            )


def _baselines(data: Dataset) -> Mapping[str, Answers]:
    known = data.where(data.at(data.plan.refit))
    first = data.where(data.at(data.plan.holdout[:1]))
    held = data.where(data.at(data.plan.holdout))
    try:
        return Baselines.fit(known, first.columns).answers(held.columns)
    except NotEnoughData:
        return {}


def _table(
    head: FittedHead, data: Dataset, rules: Mapping[str, Answers], sensitive: Sequence[str]
) -> pa.Table:
    held = data.where(data.at(data.plan.holdout))
    columns: dict[str, Any] = {
        "customer_id": [str(one) for one in held.customers],
        "as_of": held.cutoffs,
        "inactivity_days": held.inactivity_days(),
    }
    texts = [name for name, column in held.columns.items() if column.dtype == object]
    for name in dict.fromkeys((*SLICED_BY, *texts, *sensitive)):
        if name in held.columns:
            columns[name] = plain(held.columns[name])
    columns |= {name: _floats(getattr(held, name)) for name in TRUTHS}
    columns |= {f"{OURS}.{name}": _floats(values) for name, values in head.held.items()}
    for name, one in rules.items():
        for part in _SAID[head.head]:
            if (said := getattr(one, part)) is not None:
                sort = "amount" if part == "value" else "probability"
                kind = part if getattr(one, sort) else f"{part}_rank"
                columns[f"{name}.{kind}"] = _floats(said)
    table = pa.table(columns)
    if table.num_rows > MOST_ROWS:
        drawn = np.random.default_rng(data.seed).choice(table.num_rows, MOST_ROWS, replace=False)
        table = table.take(np.sort(drawn))
    return table


def plain(column: np.ndarray) -> Any:
    """A column as Arrow takes it: texts as they are, everything else as float64."""
    return column.tolist() if column.dtype == object else column.astype(np.float64)


def _floats(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)
