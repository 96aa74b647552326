"""Risk bands of churn: what each means in customers, and what to do about it."""

from collections.abc import Mapping
from typing import Any

from retain.reasons.words import LANGUAGES, words

BANDS = ("low", "medium", "high")
DESCRIPTION = (
    "The risk band of the probability, by the edges in the model's manifest (`parameters.bands`): "
    + "; ".join(f"`{name}`: {words().bands[name].do.en}" for name in BANDS)
    + ". What share of a band leaves is in `parameters.bands_meaning`."
)


def meaning(edges: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Of each band its probabilities, its meaning and what to do, in every language.

    Args:
        edges: the lowest probability of ``medium`` and of ``high``. The meaning holds as far as
            the model is calibrated, which its evaluation measures.
    """
    percent = {name: f"{100 * edge:.0f}" for name, edge in edges.items()}
    lowest = [0.0, edges["medium"], edges["high"]]
    highest = [*lowest[1:], 1.0]
    return {
        name: {
            "from": low,
            "to": high,
            "means": {one: getattr(band.means, one).format(**percent) for one in LANGUAGES},
            "do": {one: getattr(band.do, one) for one in LANGUAGES},
        }
        for name, low, high in zip(BANDS, lowest, highest, strict=True)
        if (band := words().bands[name])
    }
