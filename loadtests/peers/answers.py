"""What the peers are asked and answer, as pydantic models."""

from pydantic import BaseModel, Field


class One(BaseModel):
    """A question about one customer."""

    customer_id: str


class Many(BaseModel):
    """A question about several."""

    customer_ids: list[str] = Field(min_length=1, max_length=1_000)


class Prediction(BaseModel):
    """Three heads' scores of one customer."""

    customer_id: str
    churn: float
    next_purchase: float
    ltv: float


class Predictions(BaseModel):
    """Of several, in the order asked."""

    predictions: list[Prediction]


def predictions(customer_ids: list[str], scores: dict[str, list[float]]) -> list[Prediction]:
    """The answers, from columns of scores."""
    rows = zip(customer_ids, scores["churn"], scores["next_purchase"], scores["ltv"], strict=True)
    return [
        Prediction(customer_id=one, churn=churn, next_purchase=purchase, ltv=ltv)
        for one, churn, purchase, ltv in rows
    ]
