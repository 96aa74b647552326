"""The least data a head is fitted on."""

from retain.errors import NotEnoughData
from retain.predictors.trees import Floats

FEWEST_OF_EACH = 50


def demand(head: str, happened: Floats, yes: str, no: str) -> None:
    """Both outcomes must be there often enough to learn from.

    Raises:
        NotEnoughData: saying which outcome is missing, and how many there are.
    """
    count = int(happened.sum())
    for name, found in ((yes, count), (no, len(happened) - count)):
        if found < FEWEST_OF_EACH:
            raise NotEnoughData(
                f"{head} learns from at least {FEWEST_OF_EACH} {name}; there are {found}",
                remedy="import more customers or a longer history, or choose another horizon",
            )
