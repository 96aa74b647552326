"""Which feature views events of a type can have a part in, read from the facts' own SQL."""

import re
from collections.abc import Mapping
from functools import cache

from retain.duck import connected
from retain.features.facts import FACTS, TYPES
from retain.features.queries import VIEWS
from retain.features.relations import RELATIONS
from retain.identity_links import LINK_TYPES
from retain.vocabulary import vocabulary

_ABOUT_ALL = frozenset({*LINK_TYPES, "consent_given", "consent_withdrawn"})
_FACT = re.compile(r"\bfact_\w+")


def views_of(event_type: str) -> frozenset[str]:
    """The views of a type: all of them where it decides whose features, or whether, there are.

    Of a type that is not in the vocabulary nothing is known: all.
    """
    return _views().get(event_type, frozenset(VIEWS))


@cache
def _views() -> Mapping[str, frozenset[str]]:
    predicates = {view: " OR ".join(map(_predicate, _facts(view))) for view in VIEWS}
    with connected() as connection:
        found = connection.execute(
            f"SELECT type, {', '.join(predicates.values())} FROM (SELECT unnest(?) AS type)",
            [list(vocabulary().types)],
        ).fetchall()
    return {
        event_type: frozenset(VIEWS)
        if event_type in _ABOUT_ALL
        else frozenset(view for view, has in zip(VIEWS, flags, strict=True) if has)
        for event_type, *flags in found
    }


def _facts(view: str) -> list[str]:
    return [name for name in _FACT.findall(RELATIONS[view]) if name in FACTS]


def _predicate(fact: str) -> str:
    return f"({TYPES[fact]})"
