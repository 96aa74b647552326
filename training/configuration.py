"""What training is told: the label, the horizon, how much data is enough, how long to search."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError

from retain.configuration import Declared, read_declared
from retain.errors import InvalidInput
from retain.standing import CHURN_LABELS, GRACE_DAYS, ChurnLabel

FILE_NAME = "training.yaml"

Days = Annotated[int, Field(ge=1, le=3_650)]


class Churn(Declared):
    """What leaving means.

    Attributes:
        hiatus_days: days of silence after which a customer has left; ``learned`` takes the rule
            that tells best who came back.
        grace_days: how late the renewal of a subscription may come.
    """

    label: ChurnLabel = "no_order"
    hiatus_days: Days | Literal["learned"] = "learned"
    grace_days: Annotated[int, Field(ge=0, le=365)] = GRACE_DAYS


class Minimum(Declared):
    """The least a head is trained on.

    Attributes:
        customers: of the head's population, at any cutoff.
        history_days: from the first event to the moment of training.
        orders: placed by those customers.
        of_each: outcomes of either kind at the cutoffs that are fitted on.
    """

    customers: Annotated[int, Field(ge=20)] = 100
    history_days: Annotated[int, Field(ge=0)] = 60
    orders: Annotated[int, Field(ge=0)] = 200
    of_each: Annotated[int, Field(ge=20)] = 50


class Minimums(Declared):
    """The least of every head."""

    churn: Minimum = Minimum()
    next_purchase: Minimum = Minimum()
    ltv: Minimum = Minimum()


class Budget(Declared):
    """How long a search for parameters may take; whichever is reached first ends it."""

    trials: Annotated[int, Field(ge=1)] = 20
    minutes: Annotated[float, Field(gt=0)] = 10.0


class Leakage(Declared):
    """What the leakage checks are told.

    Attributes:
        trusted: features that may tell who leaves better than a model of the past can, as they
            were known at each cutoff.
    """

    trusted: tuple[str, ...] = ()


class Training(Declared):
    """``training.yaml``.

    Attributes:
        discount_rate_per_year: by how much money received a year later is worth less.
        rows: (customer, cutoff) pairs at most; where there are more, customers are drawn.
        sensitive: features by which the report looks for unequal treatment.
        first_champion: what a serving head without a champion takes by itself: also a model that
            is not told apart from its rule (``not_worse``), or only one above it (``better``).
    """

    horizon_days: Days = 90
    discount_rate_per_year: Annotated[float, Field(ge=0, le=1)] = 0.0
    churn: Churn = Churn()
    rows: Annotated[int, Field(ge=10_000)] = 1_000_000
    minimum: Minimums = Minimums()
    tuning: Budget = Budget()
    leakage: Leakage = Leakage()
    sensitive: tuple[str, ...] = ()
    first_champion: Literal["not_worse", "better"] = "not_worse"

    def told(self, flags: Mapping[str, Any]) -> Self:
        """The same with what a command line says in its place, by the name of the field.

        Raises:
            InvalidInput: it says something that cannot be used.
        """
        content = self.model_dump()
        for name, value in flags.items():
            part = next((p for p in _PARTS if name in content[p]), None)
            (content[part] if part else content)[name] = value
        try:
            return type(self).model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            name = next(str(part) for part in first["loc"] if part in _FLAGS)
            flag, remedy = _FLAGS[name]
            raise InvalidInput(
                f"{first['input']!r} cannot be used", remedy=remedy, field=flag
            ) from error


_PARTS = ("churn", "tuning")
_FLAGS = {
    "label": ("--churn-label", f"one of: {', '.join(CHURN_LABELS)}"),
    "hiatus_days": ("--hiatus-days", "write a whole number of days, or `learned`"),
    "horizon_days": ("--horizon-days", "write a whole number of days, at most ten years"),
    "trials": ("--trials", "write a whole number, at least one"),
    "minutes": ("--minutes", "write a number above zero"),
}


def load(folder: Path) -> Training:
    """What a configuration folder declares, or what is shipped where it declares nothing.

    Raises:
        InvalidInput: ``training.yaml`` cannot be read or a field is wrong; the message names it.
    """
    return read_declared(folder, FILE_NAME, Training)
