"""The terms of a score: what each is, and which of them count."""

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from retain.configuration import Declared

Basis = Literal["model", "response", "prior"]
"""Where the uplift is from: a model of treated and held-out customers, a model of treated ones
alone (whose response is taken to be added in the share the catalogue's prior says), the prior."""

BASES: tuple[Basis, ...] = ("prior", "model", "response")


class Switches(Declared):
    """Which terms count; one that is off is neutral for every action.

    Attributes:
        uplift: off: everybody who converts counts as won (response ranking).
        value: off: one conversion is worth as much as any other, 1.
        margin: off: all of the value is earned.
        contact_cost, redemption_cost: off: they are not subtracted.
        context_weight, channel_weight, lever: off: 1.
    """

    uplift: bool = True
    value: bool = True
    margin: bool = True
    contact_cost: bool = True
    redemption_cost: bool = True
    context_weight: bool = True
    channel_weight: bool = True
    lever: bool = True

    @property
    def off(self) -> list[str]:
        """The terms that do not count."""
        return [name for name, counts in self if not counts]


class RankedBy(Declared):
    """How actions are ranked: which terms count."""

    terms: Switches = Switches()


class ContextWeight(Declared):
    """A factor of an action's expected value while a rule over the moment holds."""

    when: str | bool
    factor: Annotated[float, Field(gt=0, le=10)]


class Terms(NamedTuple):
    """What a score is made of, after the switches; None where it cannot be known.

    ``expected_value = (uplift * value * margin - contact_cost - redemption_cost)
    * context_weight * channel_weight * lever``

    Attributes:
        basis: see :data:`Basis`.
        conversion: probability of conversion with the action.
        uplift: what the action adds to that probability.
        value: worth of one conversion in the customer's currency, before margin.
        context_weight: product of the action's declared factors that hold now.
        channel_weight: how much likelier than on average the customer responds on this channel.
    """

    basis: Basis
    conversion: float | None
    uplift: float | None
    value: float | None
    margin: float
    contact_cost: float
    redemption_cost: float | None
    context_weight: float
    channel_weight: float
    lever: float
    expected_value: float | None

    def as_json(self) -> dict[str, Any]:
        """As receipts and ``/rank`` show them."""
        return as_json(*self)


AllTerms = tuple[
    Basis,
    float | None,
    float | None,
    float | None,
    float,
    float,
    float | None,
    float,
    float,
    float,
    float | None,
]
"""The fields of :class:`Terms`."""


def as_json(  # noqa: PLR0917 - of every decision every action's terms are shown: no object between
    basis: Basis,
    conversion: float | None,
    uplift: float | None,
    value: float | None,
    margin: float,
    contact_cost: float,
    redemption_cost: float | None,
    context_weight: float,
    channel_weight: float,
    lever: float,
    expected_value: float | None,
) -> dict[str, Any]:
    """The fields of :class:`Terms` as receipts and ``/rank`` show them."""
    return {
        "basis": basis,
        "conversion": conversion,
        "uplift": uplift,
        "value": value,
        "margin": margin,
        "contact_cost": contact_cost,
        "redemption_cost": redemption_cost,
        "context_weight": context_weight,
        "channel_weight": channel_weight,
        "lever": lever,
        "expected_value": expected_value,
    }


def score(
    uplift: float,
    value: float,
    margin: float,
    contact_cost: float,
    redemption_cost: float,
    *weights: float,
) -> float:
    """The expected value of these terms, in the order and to the last bit as it is ranked by."""
    expected = uplift * value * margin - contact_cost - redemption_cost
    for weight in weights:
        expected *= weight
    return expected
