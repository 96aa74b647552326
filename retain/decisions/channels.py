"""Where: how much likelier than on their average a customer responds on each channel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MESSAGES = 10.0
"""As many messages as the belief that all channels are alike is worth."""
RESPONSES = 1.0
"""As many expected responses as the belief that the customer is like everybody is worth."""
USUAL_RATE = 0.25
"""Responses per message where the base was not counted: one in four is opened, say."""
LEAST, MOST = 0.5, 2.0

HISTORY = "channel_history"
"""The feature: per channel, ``name sent opened clicked``."""


@dataclass(frozen=True, slots=True)
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

    def weights(self, history: Sequence[str] | None) -> dict[str, float]:
        """The weight of each channel with a history, 0.5 to 2; every other channel has 1."""
        if not history:
            return {}
        told = [_told(line) for line in history]
        expected = sum(sent * self._rate(channel) for channel, sent, _ in told)
        responses = sum(responded for _, _, responded in told)
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
        for line in history or ():
            channel, messages, responded = _told(line)
            sent[channel] = sent.get(channel, 0.0) + messages
            responses[channel] = responses.get(channel, 0.0) + responded
    return {channel: responses[channel] / sent[channel] for channel in sorted(sent)}


def _told(line: str) -> tuple[str, float, float]:
    channel, sent, opened, clicked = line.rsplit(" ", 3)
    # what was clicked was opened, whatever reached us of it; responses need not be of messages
    # that were reported as sent
    responded = max(float(opened), float(clicked)) + float(clicked)
    return channel, max(float(sent), float(opened), float(clicked), 1.0), responded
