"""Where: how much likelier than on their average a customer responds on each channel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from retain import native

MESSAGES = 10.0
"""As many messages as the belief that all channels are alike is worth."""
RESPONSES = 1.0
"""As many expected responses as the belief that the customer is like everybody is worth."""
USUAL_RATE = 0.25
"""Responses per message where the base was not counted: one in four is opened, say."""
LEAST, MOST = 0.5, 2.0

HISTORY = "channel_history"
"""The feature: messages by channel and what became of them, ``email opened 12``."""

_COMPILED = native.compiled("channels")


@dataclass(frozen=True)
class ChannelPreference:
    """Weights by channel; a customer's own history, shrunk to their average and to the base's.

    A message that was opened is one response, one that was clicked is two. What counts is the
    customer's rate on a channel over what the base's rate there and the customer's rate
    everywhere lead to expect (an empirical Bayes ratio, as in Efron and Morris 1975): that
    everybody opens more of the SMS than of the e-mails is no preference of anybody.

    Attributes:
        rates: responses per message of the whole base, by channel.
    """

    rates: Mapping[str, float]

    @cached_property
    def _compiled(self) -> Any:
        if _COMPILED is None:
            return None
        return native.made(
            _COMPILED.Preference, dict(self.rates), USUAL_RATE, MESSAGES, RESPONSES, LEAST, MOST
        )

    def weights(self, history: Sequence[str] | None) -> dict[str, float]:
        """The weight of each channel with a history, 0.5 to 2; every other channel has 1."""
        if not history:
            return {}
        weights = None if self._compiled is None else self._compiled.weights(history)
        return self.plain_weights(history) if weights is None else weights

    def plain_weights(self, history: Sequence[str]) -> dict[str, float]:
        """As :meth:`weights`, where that was not compiled."""
        told = _told(history)
        expected = responses = 0.0
        # sum() adds otherwise in Python 3.12 than before
        for channel, sent, responded in told:
            expected += sent * self._rate(channel)
            responses += responded
        general = (responses + RESPONSES) / (expected + RESPONSES)
        found = {}
        for channel, sent, responded in told:
            usual = self._rate(channel) * general
            weight = (responded + MESSAGES * usual) / ((sent + MESSAGES) * usual)
            found[channel] = min(max(weight, LEAST), MOST)
        return found

    def _rate(self, channel: str) -> float:
        return self.rates.get(channel) or USUAL_RATE


def counted(histories: Sequence[Sequence[str] | None]) -> dict[str, float]:
    """Responses per message of all customers together, by channel."""
    sent: dict[str, float] = {}
    responses: dict[str, float] = {}
    for history in histories:
        for channel, messages, responded in _told(history or ()):
            sent[channel] = sent.get(channel, 0.0) + messages
            responses[channel] = responses.get(channel, 0.0) + responded
    return {channel: responses[channel] / sent[channel] for channel in sorted(sent)}


def _told(history: Sequence[str]) -> list[tuple[str, float, float]]:
    """Per channel, messages and responses."""
    counts: dict[str, dict[str, float]] = {}
    for line in history:
        channel, kind, count = line.rsplit(" ", 2)
        counts.setdefault(channel, {})[kind] = float(count)
    found = []
    for channel, of in counts.items():
        sent, opened, clicked = (of.get(kind, 0.0) for kind in ("sent", "opened", "clicked"))
        # what was clicked was opened, and what was opened was sent, whatever of it reached us
        opened = max(opened, clicked)
        found.append((channel, max(sent, opened), opened + clicked))
    return found
