"""Wishes that nothing acts on: a purpose or a channel that no action can have."""

from collections.abc import Iterator
from typing import get_args

from retain.decisions.actions import Purpose
from retain.decisions.constraints import Channel, channel_named
from retain.event import Event

CHANNELS = frozenset(get_args(Channel)) - {"none"}
PURPOSES = (
    frozenset({"all", "profiling", "marketing", "service"}) | CHANNELS | set(get_args(Purpose))
) - {"none"}

_CONSENTS = frozenset({"consent_given", "consent_withdrawn"})


def unheard(event: Event) -> Iterator[str]:
    """A sentence for each word of ``event`` about consent or channels that changes nothing."""
    if event.type in _CONSENTS:
        purpose = event.properties.get("purpose")
        # who names a channel speaks of that alone, except that nobody is profiled on one alone
        if event.channel is not None and (purpose is None or purpose.lower() != "profiling"):
            yield from _unknown("channel", event.channel, CHANNELS)
        elif purpose is not None:
            yield from _unknown("purpose", purpose, PURPOSES)
    elif event.type == "preferences_updated":
        for channel in event.properties.get("channels") or ():
            yield from _unknown("channel", channel, CHANNELS)


def _unknown(what: str, word: str, known: frozenset[str]) -> Iterator[str]:
    if channel_named(word) not in known:
        yield (
            f"stored, but nothing is done for the {what} {word!r:.60}: "
            f"write one of {', '.join(sorted(known))}"
        )
