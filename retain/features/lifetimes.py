"""How old the stored row of a feature view may be before its values are no longer used.

Every materialise and every refresh makes a row young again, also where nothing changed.
"""

from datetime import timedelta

from retain.features.queries import VIEWS

OWN_LIFETIMES: dict[str, timedelta] = {}
"""Views whose rows live shorter or longer than ``RETAIN_FEATURE_TTL_DAYS``; zero is for ever."""


def lifetimes(feature_ttl_days: float) -> dict[str, timedelta]:
    """The time to live of every view; zero is for ever."""
    every = timedelta(days=feature_ttl_days)
    return {view: OWN_LIFETIMES.get(view, every) for view in VIEWS}
