"""The feature catalogue in words, made from the declarations."""

from retain.features.catalogue import FEATURES, RATIOS
from retain.features.feature import Feature

_INTRODUCTION = """# Feature catalogue

Made from `retain/features/catalogue.py` by `retain features list --markdown`; do not edit.

A feature at a moment uses events up to and including it; a window of 90 days is
`(moment - 90 d, moment]`. Features marked *aged* are stored as timestamps and become days when
they are read. A missing value reads as the null default; — keeps it missing.

To add a feature, add one line to that file: its name, the relation it reads, one SQL aggregate
(`@90` stands for "within the last 90 days"), its meaning and its unit. The Feast view, the
snapshots, the online store and the models' inputs follow from it; run `retain features build`
and `retain train` afterwards.
"""

_HEADER = """| feature | meaning | unit | windows (days) | null default | kind |
|---|---|---|---|---|---|"""


def catalogue_markdown() -> str:
    """Every feature by relation, as Markdown tables."""
    parts = [_INTRODUCTION]
    for relation in dict.fromkeys(feature.relation for feature in FEATURES):
        rows = [_row(feature) for feature in FEATURES if feature.relation == relation]
        parts.append(f"## {relation}\n\n{_HEADER}\n" + "\n".join(rows) + "\n")
    ratios = [
        f"| `{r.name}` | {r.meaning} | {r.unit} | `{r.numerator}` ÷ `{r.denominator}` |"
        for r in RATIOS
    ]
    parts.append(
        "## Ratios, computed at read\n\n| feature | meaning | unit | of |\n|---|---|---|---|\n"
        + "\n".join(ratios)
        + "\n"
    )
    return "\n".join(parts)


def _row(feature: Feature) -> str:
    windows = ", ".join(str(days) for days in sorted(feature.windows)) or "all time"
    default = "—" if feature.null_default is None else f"{feature.null_default:g}"
    kind = "aged" if feature.aged else feature.dtype
    return (
        f"| `{feature.name}` | {feature.meaning} | {feature.unit} "
        f"| {windows} | {default} | {kind} |"
    )
