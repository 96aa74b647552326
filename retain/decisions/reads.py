"""What a ranker reads of a customer: what has to be known where a decision is made again."""

from retain.columns import ACTION_RULES, CONTEXT
from retain.decisions.catalogues import Catalogue
from retain.decisions.channels import HISTORY
from retain.decisions.hours import ACTIVE, RESPONSIVE
from retain.features.ageing import NUMBERS
from retain.manifest import Manifest
from retain.rules import Amount, Rule

BESIDE = tuple(name for name in ACTION_RULES if name not in {*NUMBERS, *CONTEXT})
"""What is known of a customer beside the read-time numbers."""

_ALWAYS = (
    *("withdrawn_purposes", "withdrawn_channels", "reachable_channels", "unsubscribed", "stage"),
    *("max_contacts_per_week", HISTORY),
)
"""Asked of every customer, whatever is declared: consent, reach, limits, the channel."""
_WHEN = ("time_zone", "usual_order_hour", ACTIVE, RESPONSIVE)
"""When to send; asked again only where an action may be over by then."""


def of(catalogue: Catalogue, response: Manifest | None = None) -> tuple[str, ...]:
    """Texts, lists, scores and segment: names of :data:`BESIDE`, in their order.

    What was answered (products, when to send) is known and not asked again.

    Args:
        catalogue: its rules and formulas.
        response: of the response model, if there is one.
    """
    features = [] if response is None else [feature.name for feature in response.features]
    declared: list[Rule | Amount] = [
        *catalogue.rules.values(),
        *catalogue.values.values(),
        *catalogue.conversions.values(),
        *catalogue.uplifts.values(),
        *(rule for weights in catalogue.weights.values() for rule, _ in weights),
        catalogue.basket,
    ]
    when = _WHEN if catalogue.windows else ()
    names = set(_ALWAYS).union(features, when, *(each.columns for each in declared))
    return tuple(name for name in BESIDE if name in names)
