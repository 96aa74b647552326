"""RFM: quintile edges of the population at the moment of training; nothing is predicted."""

from retain import rfm
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
        parameters=edges.model_dump(mode="json"),
    )
