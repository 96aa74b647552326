"""The feature catalogue in words, made from the declarations."""

from collections.abc import Mapping

from retain.features.catalogue import FEATURES, RATIOS
from retain.features.feature import Feature

_INTRODUCTION = """# Feature catalogue

Made from `retain/features/catalogue.py` by `scripts/publish`; do not edit. How to add a line:
[add a feature](add-a-feature.md).

A feature at a moment uses events up to and including it; a window of 90 days is
`(moment - 90 d, moment]`. Each heading below is a prepared relation
(`retain/features/relations.py`), and the Feast feature view of that name. Most features are
*stored* as they are; the others are *aged*: stored as a timestamp (`order_recency_at`), from
which the days are counted when they are read. A missing value reads as the null default; —
keeps it missing.

*Used by* is what reads a feature with the configuration in `config/`: the models of every head,
unless some are named (each training leaves out what tells no customers apart, and the model's
manifest says what was left), rules and formulas of segments and actions, and the code itself.
"""

_HEADER = """| feature | meaning | unit | windows (days) | null default | kind | used by |
|---|---|---|---|---|---|---|"""
_RATIOS_HEADER = """| feature | meaning | unit | of | used by |
|---|---|---|---|---|"""
_KINDS = {"text": "text", "texts": "list of texts", "number": "number"}


def catalogue_markdown(uses: Mapping[str, str]) -> str:
    """Every feature by relation, as Markdown tables; ``uses`` says what reads each."""
    parts = [_INTRODUCTION]
    for relation in dict.fromkeys(feature.relation for feature in FEATURES):
        rows = [_row(feature, uses) for feature in FEATURES if feature.relation == relation]
        parts.append(f"## {relation}\n\n{_HEADER}\n" + "\n".join(rows) + "\n")
    ratios = [
        f"| `{r.name}` | {r.meaning} | {r.unit} | `{r.numerator}` ÷ `{r.denominator}` "
        f"| {uses.get(r.name, '')} |"
        for r in RATIOS
    ]
    parts.append("## Ratios, computed at read\n\n" + "\n".join([_RATIOS_HEADER, *ratios]) + "\n")
    return "\n".join(parts)


def _row(feature: Feature, uses: Mapping[str, str]) -> str:
    windows = ", ".join(str(days) for days in sorted(feature.windows)) or "all time"
    default = "—" if feature.null_default is None else f"{feature.null_default:g}"
    kind = f"aged, from `{feature.stored_name}`" if feature.aged else _KINDS[feature.dtype]
    return (
        f"| `{feature.name}` | {feature.meaning} | {feature.unit} | {windows} | {default} "
        f"| {kind} | {uses.get(feature.name, '')} |"
    )
