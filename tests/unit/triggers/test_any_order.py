"""Any interleaving of events, restarts, crashes and deliveries: each situation once, none after
its goal."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from retain.clock import to_micros
from retain.database import connect
from retain.triggers.tables import deliveries, firings
from tests.triggered import CART, Shop

MINUTE = 60_000_000
AFTER, COOL_DOWN, LATENESS = 30, 60, 600
CUSTOMERS = ["a", "b"]
TRIGGER = {**CART, "cool_down": "1h", "lateness": "10h", "hand_over": "at_once"}

happen = st.tuples(
    st.sampled_from(["product_added", "product_added", "order_completed"]),
    st.sampled_from(CUSTOMERS),
    st.sampled_from([0, 0, 0, 1, 7, 29, 31, 60]),
)
steps = st.lists(
    st.one_of(
        happen.map(lambda told: ("happens", told)),
        happen.map(lambda told: ("happens", told)),
        # what chance alone would seldom put together
        st.sampled_from(CUSTOMERS).map(lambda who: ("left", who)),
        st.sampled_from(CUSTOMERS).map(lambda who: ("ordered", who)),
        st.integers(0, 9).map(lambda which: ("again", which)),
        st.sampled_from([1, 5, 15, 29, 31, 120, 300]).map(lambda span: ("move", span)),
        st.sampled_from(["look", "look", "restart", "crash", "decide", "pull", "pull", "ack"]).map(
            lambda name: (name, None)
        ),
    ),
    max_size=40,
)


class Crashed(Exception):
    """The process ended here."""


class Story:
    """A shop, and what has to be true of it, said in another way."""

    def __init__(self) -> None:
        self.shop = Shop(connect("sqlite://"), TRIGGER, pull={"lease": "10m", "attempts": 1000})
        self.events: list[tuple[str, str, int]] = []
        self.ids: list[tuple[str, str, int, str]] = []
        self.leases: dict[str, int] = {}
        self.acknowledged: list[str] = []

    def now(self) -> int:
        return to_micros(self.shop.clock.now)

    def happens(self, told) -> None:
        kind, customer, ago = told
        named = self.shop.happens(kind, customer, ago=ago)
        self.events.append((kind, customer, self.now() - ago * MINUTE))
        self.ids.append((kind, customer, ago, named))

    def left(self, customer) -> None:
        """A cart, left until it was decided."""
        self.look()
        self.happens(("product_added", customer, 0))
        self.look()
        self.move(31)
        self.look()
        self.decide()

    def ordered(self, customer) -> None:
        """An order, and at once whatever may be handed out."""
        self.happens(("order_completed", customer, 0))
        self.pull()

    def again(self, which) -> None:
        if self.ids:
            kind, customer, _, named = self.ids[which % len(self.ids)]
            self.shop.happens(kind, customer, event_id=named)

    def move(self, span) -> None:
        self.shop.clock.move(minutes=span)

    def look(self, _=None) -> None:
        expected = {one for one in CUSTOMERS if self.must_fire(one)}
        before = self.rows()
        self.shop.look()
        new = [one for one in self.rows() if one.firing_id not in {two.firing_id for two in before}]
        # what a goal ended by this look makes room for the next situation in the same look
        room = {one for one in CUSTOMERS if self.must_fire(one)}
        assert not room
        assert expected <= {one.customer_id for one in new}
        for one in new:
            assert not self.reached(one.customer_id, one.anchor)
            assert one.anchor + AFTER * MINUTE <= self.now()
            earlier = [two for two in before if two.customer_id == one.customer_id]
            heard = [two for two in earlier if two.state != "withdrawn"]
            kept = {two.firing_id for two in self.rows() if two.state != "withdrawn"}
            for two in heard:
                if two.firing_id in kept:
                    assert one.anchor > two.fired_at + COOL_DOWN * MINUTE
        assert len({(one.customer_id, one.anchor) for one in self.rows()}) == len(self.rows())

    def restart(self, _=None) -> None:
        self.shop.restart()

    def crash(self, _=None) -> None:
        def fail(*_) -> None:
            raise Crashed

        before = [(one.firing_id, one.state) for one in self.rows()]
        with pytest.MonkeyPatch.context() as patch:
            # everything is done but the position that is committed with it
            patch.setattr("retain.triggers.watch.upsert", fail)
            with suppress(Crashed):
                self.shop.watch.look()
        assert [(one.firing_id, one.state) for one in self.rows()] == before
        self.shop.restart()

    def decide(self, _=None) -> None:
        self.shop.decide()

    def pull(self, _=None) -> list[str]:
        taken = self.shop.deliveries.take("pull", 10, timedelta(minutes=10))
        for one in taken:
            assert not self.reached(one.customer_id, one.since)
            assert self.leases.get(one.delivery_id, 0) <= self.now()
            assert one.delivery_id not in self.acknowledged
            self.leases[one.delivery_id] = self.now() + 10 * MINUTE
        return [one.delivery_id for one in taken]

    def ack(self, _=None) -> None:
        for one in self.leases:
            if self.shop.deliveries.acknowledge([one]) == ["acknowledged"]:
                assert one not in self.acknowledged
                self.acknowledged.append(one)

    def must_fire(self, customer: str) -> bool:
        """The rule, told over everything that was accepted."""
        heard = [o for o in self.rows() if o.customer_id == customer and o.state != "withdrawn"]
        ended = max((one.fired_at for one in heard), default=-COOL_DOWN * MINUTE)
        ended += COOL_DOWN * MINUTE
        mine = [(kind, ts) for kind, who, ts in self.events if who == customer]
        ended = max([ended, *(ts for kind, ts in mine if kind == "order_completed")])
        adds = [ts for kind, ts in mine if kind == "product_added" and ts > ended]
        known = {one.anchor for one in self.rows() if one.customer_id == customer}
        if not adds or max(adds) in known:
            return False
        return 0 <= self.now() - max(adds) - AFTER * MINUTE <= LATENESS * MINUTE

    def reached(self, customer: str, since: int) -> bool:
        return any(
            kind == "order_completed" and who == customer and ts >= since
            for kind, who, ts in self.events
        )

    def rows(self):
        with self.shop.engine.connect() as connection:
            return connection.execute(select(firings).order_by(firings.c.fired_at)).all()

    def finish(self) -> None:
        """Everything that is left is delivered: each firing once, or withdrawn for its goal."""
        self.shop.restart()
        for _ in range(3):
            self.look()
            self.decide()
            self.pull()
            self.ack()
            self.move(11)
        self.shop.deliveries.tidy()
        with self.shop.engine.connect() as connection:
            made = connection.execute(select(deliveries)).all()
        by_firing = {one.firing_id: one for one in made}
        for one in self.rows():
            if one.state == "withdrawn":
                assert self.reached(one.customer_id, one.since)
            else:
                assert by_firing[one.firing_id].state == "delivered"
                assert self.acknowledged.count(by_firing[one.firing_id].delivery_id) == 1


@given(steps)
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
def test_each_situation_fires_once_and_never_after_its_goal(told) -> None:
    story = Story()
    try:
        for name, what in told:
            getattr(story, name)(what)
        story.finish()
    finally:
        story.shop.engine.dispose()
