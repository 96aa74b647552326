"""Histories of a few customers, as hypothesis makes them: every event at an awkward moment.

Times are chosen around an anchor (a leap day, a year's end, a change to or from summer time):
exactly on a window's edge, a microsecond to either side, half an hour or a day apart, or anywhere
in thirteen months. They are written in a zone of the customer's, as clients write them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from hypothesis import strategies as st

from retain.clock import iso
from retain.event import Event, read_event, to_table

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
WINDOWS = (7, 30, 90, 120, 180, 365)
CUSTOMERS = ("ada", "bob", "eve")
VISITORS = ("v1", "v2")

ANCHORS = (
    datetime(2024, 2, 29, 12, tzinfo=UTC),  # a leap day
    datetime(2025, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC),  # a year after one
    datetime(2023, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2024, 1, 1, tzinfo=UTC),
    datetime(2024, 3, 10, 7, tzinfo=UTC),  # New York springs forward
    datetime(2024, 11, 3, 6, tzinfo=UTC),  # and falls back: one hour is told twice
    datetime(2024, 3, 31, 1, tzinfo=UTC),  # London
    datetime(2024, 4, 6, 15, 30, tzinfo=UTC),  # Lord Howe, half an hour
)
ZONES = tuple(
    ZoneInfo(name)
    for name in ("UTC", "America/New_York", "Europe/London", "Asia/Seoul", "Australia/Lord_Howe")
)
# how long an event was under way: some come much later than what happened after them
DELAYS = (timedelta(0), timedelta(0), TICK, timedelta(hours=2), 3 * DAY, 40 * DAY, 370 * DAY)

_CATEGORIES = st.sampled_from(["bags", "hats", None])
_PRODUCTS = st.sampled_from(["p1", "p2", "p3", "p4", None])
_AMOUNTS = st.sampled_from([0, 0.1, 0.2, 0.3, 9.99, 10, 33.333333, 1e6, -1])
_QUANTITIES = st.sampled_from([1, 2, 3, 0.5, 0, -1, None])
_ORDERS = st.sampled_from(["o1", "o2", None])
_MESSAGES = st.sampled_from(["m1", "m2", None])
_TICKETS = st.sampled_from(["t1", "t2", None])
_SCORES = st.sampled_from([0, 1, 4, 4.5, 10, None])
_CURRENCIES = st.sampled_from(["GBP", "EUR", None])
_CHANNELS = st.sampled_from(["web", "app", "store", "Store", "email", "sms", None])
_SESSIONS = st.sampled_from(["s1", "s2", "gap-1", None, None])
_PURPOSES = st.sampled_from(
    ["marketing", "Marketing", "service", "service", "news", "profiling", "all", None]
)
_LINE = st.fixed_dictionaries(
    {
        "product_id": _PRODUCTS,
        "category": _CATEGORIES,
        "quantity": _QUANTITIES,
        "price": _AMOUNTS,
        "discount": st.sampled_from([0, 0.1, 5, None]),
    }
)
_MONEY = {"order_id": _ORDERS, "currency": _CURRENCIES}
_LINES = st.lists(_LINE, min_size=1, max_size=3)
_CONTACT = {"ticket_id": _TICKETS, "sentiment": st.sampled_from([-1, 0.1, 0.7, None])}
_PRODUCT = {"product_id": _PRODUCTS}
_MESSAGE = {"message_id": _MESSAGES}
_TERM = {
    "plan": st.sampled_from(["basic", "plus", None]),
    "term_end": st.sampled_from(["2024-02-29T00:00:00Z", "2024-03-31T02:30:00+01:00", None]),
}
_REVIEW = {"score": _SCORES, "sentiment": st.sampled_from([-0.3, 0.3, None])}

_Kind = tuple[str, dict[str, st.SearchStrategy[Any]]]

# what happened, by subject and with which properties; one that is named twice is twice as likely
_SHOPPING: tuple[_Kind, ...] = (
    *[("order_completed", _MONEY | {"lines": _LINES, "coupon": st.sampled_from(["c", None])})] * 4,
    ("order_completed", _MONEY | {"total": _AMOUNTS}),
    ("order_refunded", _MONEY | {"total": _AMOUNTS}),
    ("order_refunded", _MONEY | {"lines": _LINES}),
    ("order_cancelled", _MONEY | {"total": _AMOUNTS}),
    *[("product_added", _PRODUCT)] * 3,
    ("product_removed", _PRODUCT),
    ("product_viewed", _PRODUCT),
    ("payment_failed", {}),
)
_BROWSING: tuple[_Kind, ...] = (
    *[("product_viewed", _PRODUCT)] * 2,
    ("product_added", _PRODUCT),
    ("page_viewed", {}),
    ("searched", {}),
    ("store_visited", {}),
    ("order_completed", _MONEY | {"total": _AMOUNTS}),
)
_TALKING: tuple[_Kind, ...] = (
    *[("message_sent", _MESSAGE)] * 3,
    ("message_opened", _MESSAGE),
    ("message_clicked", _MESSAGE),
    ("message_unsubscribed", _MESSAGE),
    ("promotion_viewed", {}),
    ("promotion_joined", {}),
    ("experiment_viewed", {"variant": st.sampled_from(["a", "control"])}),
    ("consent_given", {"purpose": _PURPOSES}),
)
_SERVICE: tuple[_Kind, ...] = (
    *[("ticket_opened", _CONTACT)] * 3,
    *[("ticket_closed", {"ticket_id": _TICKETS})] * 2,
    ("call_logged", _CONTACT),
    ("review_submitted", _REVIEW),
    ("nps_submitted", _REVIEW),
)
_PROFILE: tuple[_Kind, ...] = (
    *[("consent_given", {"purpose": _PURPOSES})] * 3,
    *[("consent_withdrawn", {"purpose": _PURPOSES})] * 3,
    ("signed_up", {"acquisition_source": st.sampled_from(["ads", "friends", None])}),
    (
        "profile_updated",
        {
            "country": st.sampled_from(["UK", "FR", None]),
            "region": st.sampled_from(["north", None]),
            "language": st.sampled_from(["en", "ko", None]),
            "age_band": st.sampled_from(["30s", None]),
            "currency": _CURRENCIES,
            "time_zone": st.sampled_from(["Europe/London", None]),
            "channels": st.sampled_from([[], ["email"], ["email", "sms"], None]),
        },
    ),
    ("preferences_updated", {"max_contacts_per_week": st.sampled_from([0, 2, None])}),
    ("tier_changed", {"tier": st.sampled_from(["gold", "silver", None])}),
    ("subscription_started", _TERM),
    ("subscription_cancelled", _TERM),
)
_SUBJECTS = (_SHOPPING, _BROWSING, _TALKING, _SERVICE, _PROFILE)
Records = st.SearchStrategy[dict[str, Any]]


def _given(properties: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(properties).map(
        lambda values: {name: value for name, value in values.items() if value is not None}
    )


def _records(kinds: Sequence[_Kind]) -> Records:
    return st.sampled_from(kinds).flatmap(
        lambda kind: st.fixed_dictionaries(
            {"type": st.just(kind[0]), "properties": _given(kind[1])}
        )
    )


def _edges() -> st.SearchStrategy[timedelta]:
    return st.builds(
        lambda days, ticks: days * DAY + ticks * TICK,
        st.sampled_from((0, 1, *WINDOWS)),
        st.sampled_from((-1, 0, 1)),
    )


def _near() -> st.SearchStrategy[timedelta]:
    return st.builds(
        lambda halves, ticks: halves * timedelta(minutes=30) + ticks * TICK,
        st.integers(0, 8),
        st.sampled_from((-1, 0, 0, 1)),
    )


AGES: st.SearchStrategy[timedelta] = st.one_of(
    _edges(),
    _near(),
    _near().map(lambda age: 30 * DAY + age),
    st.integers(0, 400 * 24).map(lambda hours: timedelta(hours=hours)),
    st.integers(0, 400 * 86_400).map(lambda seconds: timedelta(seconds=seconds)),
)
"""How long before its anchor something happened; a few a microsecond after it."""


@dataclass(frozen=True)
class Arrival:
    """An event, and when it came: never before it happened."""

    event: Event
    at: datetime


@dataclass(frozen=True, repr=False)
class History:
    """Events in the order they arrive, around a moment of interest.

    ``again`` are the places of events that are sent a second time, after everything else.
    """

    anchor: datetime
    arrivals: tuple[Arrival, ...]
    again: tuple[int, ...] = ()

    def __repr__(self) -> str:
        told = [
            f"{a.event.event_id} {a.event.type} {a.event.customer_id}/{a.event.anonymous_id} "
            f"{iso(a.event.ts)} (+{a.at - a.event.ts}) session={a.event.session_id} "
            f"channel={a.event.channel} {dict(a.event.properties)}"
            for a in self.arrivals
        ]
        return "\n  ".join([f"around {iso(self.anchor)}, again {self.again}", *told])

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(repr(self))

    @property
    def events(self) -> list[Event]:
        """Every event once, as they arrive."""
        return [arrival.event for arrival in self.arrivals]

    @property
    def end(self) -> datetime:
        """A moment at which everything has happened and arrived."""
        return max(self.anchor, *(arrival.at for arrival in self.arrivals))

    def table(self, upto: datetime | None = None) -> pa.Table:
        """The events, all or those that had arrived by ``upto``."""
        return to_table(a.event for a in self.arrivals if upto is None or a.at <= upto)


@st.composite
def histories(
    draw: st.DrawFn, *, most: int = 40, linked: bool = False, at_once: bool = False
) -> History:
    """A history of up to ``most`` events, much of it on one subject; with links, or none.

    ``at_once``: nearly everything happens in one or two moments.
    """
    anchor = draw(st.sampled_from(ANCHORS))
    # many events share one
    moments = draw(st.lists(AGES, min_size=1, max_size=2 if at_once else 10))
    ages = st.sampled_from(moments) if at_once else st.sampled_from(moments) | AGES
    subject, who = draw(st.sampled_from(_ABOUT)), _ANYBODY if linked else _APART
    anything = _ANYTHING | _LINKS if linked else _ANYTHING
    count = most if at_once else draw(st.integers(1, most))
    salt = draw(st.integers(0, 996))
    longest = draw(st.sampled_from([timedelta(0)] * 5 + [40 * DAY]))  # under way at the anchor
    arrivals = []
    for number in range(count):
        at = anchor - draw(ages)
        event = read_event(
            {
                "event_id": f"e{(number * 331 + salt) % 997:03}",  # in no order
                **draw(who),
                "session_id": draw(_SESSIONS),
                "channel": draw(_CHANNELS),
                "timestamp": at.astimezone(draw(_ZONES)).isoformat(),
                **draw(subject if number % 3 else anything),
            },
            anchor + DAY,
        )
        if isinstance(event, Event):  # an order without any value is set aside
            assert event.ts == at
            latest = max(at, anchor + longest)
            arrivals.append(Arrival(event, min(at + draw(_DELAYS), latest)))
    if not arrivals:
        arrivals.append(Arrival(_visit(anchor), anchor))
    arrivals.sort(key=lambda arrival: arrival.at)
    again = draw(st.lists(st.integers(0, len(arrivals) - 1), max_size=3))
    return History(anchor, tuple(arrivals), tuple(again))


_ABOUT = tuple(_records(kinds) for kinds in _SUBJECTS)
_ANYTHING = _records([kind for kinds in _SUBJECTS for kind in kinds])
_ZONES = st.sampled_from(ZONES)
_DELAYS = st.sampled_from(DELAYS)
_KNOWN = [{"customer_id": one} for one in (*CUSTOMERS[:1] * 5, *CUSTOMERS[1:])]
_APART = st.sampled_from([*_KNOWN, *({"anonymous_id": one} for one in VISITORS)])
_BOTH = [{"customer_id": "ada", "anonymous_id": "v1"}, {"customer_id": "bob", "anonymous_id": "v1"}]
_ANYBODY = _APART | st.sampled_from(_BOTH)
_LINKS = st.builds(
    lambda kind, customer, link: {"type": kind, "customer_id": customer, "properties": link},
    st.sampled_from(["identity_linked", "identity_linked", "identity_unlinked"]),
    st.sampled_from(CUSTOMERS),
    st.sampled_from(
        [{"linked_id": one, "link_type": "customer"} for one in CUSTOMERS]
        + [{"linked_id": one} for one in VISITORS]
        + [{"linked_id": "v1", "link_type": "anonymous"}, {}]
    ),
)


def _visit(at: datetime) -> Event:
    event = read_event({"type": "page_viewed", "customer_id": "ada", "timestamp": at}, at)
    assert isinstance(event, Event)
    return event
