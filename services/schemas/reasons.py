"""What moved a score, in words."""

from typing import Literal

from pydantic import Field

from services.schemas.base import Answer, Probability


class Reason(Answer):
    """What moved one score of this customer away from that of an average customer."""

    head: Literal["churn", "next_purchase", "ltv"] = Field(description="Whose score it moved.")
    code: str = Field(description="What is said, for programs; stable.")
    group: str = Field(description="The meaning it belongs to, such as `purchase_rhythm`.")
    direction: Literal["raises", "lowers"] = Field(
        description="Whether it raises or lowers the head's score: the probability of leaving, "
        "the probability of an order, the value."
    )
    text: str = Field(description="The reason in words, in the language asked for.")
    value: float | str | None = Field(
        description="What is, of this customer: the number or category the text names; null where "
        "it names none."
    )
    usual: float | None = Field(
        description="What it is compared with, in the same unit; null where there is nothing."
    )
    compared_with: Literal["own", "customers", "average"] | None = Field(
        description="Whether `usual` is this customer's own, typical for the customers the model "
        "was trained on, or that of average days of the year; null where `usual` is."
    )
    share: Probability = Field(
        description="Of everything that moves this score up or down, how much this is, 0 to 1."
    )
    features: list[str] = Field(
        description="The features that moved it, the strongest first; none of the season."
    )
