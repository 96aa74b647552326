"""RFM: quintile edges and habits of the population at the moment of training; nothing predicted."""

from typing import Any

from retain import rfm
from retain.columns import Columns
from retain.decisions import channels, hours
from retain.decisions.habits import HABITS
from training.dataset import POPULATION, Dataset
from training.head import FittedHead


def train(data: Dataset) -> FittedHead:
    """Edges over the customers with an order in the last 365 days.

    Raises:
        NotEnoughData: nobody ordered in that time.
    """
    edges = rfm.fit(data.current)
    return FittedHead(
        head="rfm",
        label="quintiles of recency, frequency and monetary value",
        population=POPULATION,
        features=(),
        rows=edges.customers,
        files={},
        parameters={**edges.model_dump(mode="json"), HABITS: _habits(data.current)},
    )


def _habits(current: Columns) -> dict[str, Any]:
    """When the population is active and what it responds to, for who is not known better."""
    active, responsive = current[hours.ACTIVE].tolist(), current[hours.RESPONSIVE].tolist()
    seen = zip(hours.counted(active), hours.counted(responsive), strict=True)
    return {
        "hours": [round(visits + hours.RESPONSE_WEIGHT * opened, 3) for visits, opened in seen],
        "channels": channels.counted(current[channels.HISTORY].tolist()),
    }
