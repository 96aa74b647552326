"""Whatever is declared, decided and told, in whatever order: no limit is ever broken."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select

from retain.clock import parse_utc
from retain.database import connect, metadata, reading, writing
from retain.decisions import reservations
from retain.decisions.catalogues import Catalogue
from retain.decisions.feedback import Feedback
from retain.decisions.ranking import Ranker
from retain.decisions.spending import claims, spending
from retain.decisions.store import Decisions
from tests.catalogues import NOW, action, catalogue, customers

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHANNELS = ["email", "sms", "push", "web"]

caps = st.builds(
    lambda limit, days: {"limit": limit, "days": days},
    st.integers(0, 3),
    st.sampled_from([0.25, 1, 3, 7]),
)
budgets = st.one_of(
    st.none(),
    st.builds(
        lambda count, per: {"count": count, "per": per},
        st.integers(0, 4),
        st.sampled_from(["day", "week", "total"]),
    ),
    st.builds(
        lambda amount, per: {"amount": amount, "per": per},
        st.sampled_from([0.5, 2.7, 6.0]),
        st.sampled_from(["day", "week", "total"]),
    ),
)


@st.composite
def catalogues(draw) -> Catalogue:
    actions = [
        action(
            f"a{number}",
            channel=draw(st.sampled_from(CHANNELS)),
            tags=draw(st.sets(st.sampled_from(["x", "y"]))) | {"z"},
            cap=draw(st.lists(caps, max_size=2)),
            message=draw(st.sampled_from([None, "m"])),
            lever=draw(st.sampled_from([1, 2, 3])),
            valid_hours=draw(st.sampled_from([1, 24, 72])),
            send=draw(st.sampled_from(["at_once", "usual_hour"])),
            contact_cost=draw(st.sampled_from([0, 0.3, 1])),
            treatments=[{"name": "t", "discount": draw(st.sampled_from([0, 0.1]))}],
            transactional=(bill := draw(st.integers(0, 5)) == 0),
            budget=None if bill else draw(budgets),
        )
        for number in range(draw(st.integers(1, 5)))
    ]
    members = [each["id"] for each in actions]
    exclusive = len(members) > 1 and draw(st.booleans())
    return catalogue(
        *actions,
        contact_cap=draw(st.lists(caps, min_size=1, max_size=2)),
        channel_caps={"sms": draw(caps), "web": draw(caps)},
        tag_caps={"z": {"limit": draw(st.integers(1, 5)), "days": 7}},
        tag_budgets={"z": budget} if (budget := draw(budgets)) else {},
        exclusions={"g": {"days": 3, "actions": members[:2]}} if exclusive else {},
        reporting={"channels": draw(st.sampled_from([[], ["email", "sms"]])), "within_hours": 6},
        reachable_by_default=CHANNELS,
    )


steps = st.lists(
    st.tuples(
        st.integers(0, 40),  # hours until it is asked
        st.sampled_from(["c1", "c2"]),
        st.sampled_from(["silent", "late", "not_sent", "bounced"]),
        st.floats(0, 1),  # how late between send_at and expires_at
        st.floats(0, 1),  # when it is told, between then and expires_at
    ),
    max_size=25,
)


@dataclass
class Shop:
    """A sender that keeps the contract, and what it really did."""

    made: Catalogue
    decisions: Decisions
    feedback: Feedback
    now: datetime = NOW
    sent: list[tuple[str, str, datetime]] = field(default_factory=list)
    told: list[tuple[datetime, dict]] = field(default_factory=list)

    def ask(self, customer_id: str, fate: str, late: float, telling: float) -> None:
        ranking = Ranker(self.made).rank(customers({}), [customer_id], now=self.now)
        decision = self.decisions.reserve(ranking, request={})
        best = decision.receipt["actions"][0]
        if best["action_id"] == "none":
            return
        send_at = parse_utc(best["send_at"], field="")
        expires_at = parse_utc(best["expires_at"], field="")
        carried = (customer_id, best["action_id"])
        if fate == "silent":
            if best["channel"] not in self.made.config.reporting.channels:
                self.sent.append((*carried, send_at))
            return
        at = send_at + late * (expires_at - send_at)
        if fate == "late":
            self.sent.append((*carried, at))
        item = {"decision_id": decision.decision_id, "action_id": best["action_id"]}
        item |= {"feedback_id": decision.decision_id, "occurred_at": at.isoformat()}
        item["outcome"] = "sent" if fate == "late" else fate
        self.told.append((at + telling * (expires_at - at), item))

    def wait(self, hours: float) -> None:
        self.now += hours * HOUR
        due = sorted((each for each in self.told if each[0] <= self.now), key=lambda each: each[0])
        self.told = [each for each in self.told if each[0] > self.now]
        results = self.feedback.record([item for _, item in due])
        assert all(result.status == "accepted" for result in results)


def most_in(times: list[datetime], days: float) -> int:
    """The most of ``times`` that any window of so many days holds."""
    window = timedelta(days=days)
    return max((sum(first <= at < first + window for at in times) for first in times), default=0)


def assert_no_cap_is_broken(made: Catalogue, sent: list[tuple[str, str, datetime]]) -> None:
    config, by_id = made.config, made.by_id
    for whom in {customer for customer, _, _ in sent}:
        mine = [(by_id[one], at) for customer, one, at in sent if customer == whom]
        limited = [(one, at) for one, at in mine if not one.transactional]
        for cap in config.contact_cap:
            assert most_in([at for one, at in limited if one.is_contact], cap.days) <= cap.limit
        for channel, several in config.channel_caps.items():
            times = [at for one, at in limited if one.channel == channel]
            assert all(most_in(times, cap.days) <= cap.limit for cap in several)
        for tag, several in config.tag_caps.items():
            times = [at for one, at in limited if tag in one.tags]
            assert all(most_in(times, cap.days) <= cap.limit for cap in several)
        for one in made.actions:
            times = [at for each, at in mine if each is one]
            assert all(most_in(times, cap.days) <= cap.limit for cap in one.cap)
        for group in config.exclusions.values():
            inside = [(one, at) for one, at in mine if one.id in config.members(group)]
            # in the order they were decided in
            for (one, at), (other, then) in combinations(inside, 2):
                apart = abs(at - then) >= timedelta(days=group.days)
                assert one is other or other.transactional or apart


def assert_no_budget_is_overspent(made: Catalogue, engine) -> None:
    declared = {f"action/{one.id}": one.budget for one in made.actions}
    declared |= {f"tag/{tag}": several for tag, several in made.config.tag_budgets.items()}
    with reading(engine) as connection:
        totals = connection.execute(select(spending)).all()
        held = select(claims.c.key, func.sum(claims.c.micros), func.sum(claims.c.decisions))
        claimed = {row[0]: row[1:] for row in connection.execute(held.group_by(claims.c.key))}
    for key, micros, decided in totals:
        budget = next(iter(declared["/".join(key.split("/")[:2])]))
        assert claimed[key] == (micros, decided)
        assert budget.amount is None or micros <= budget.amount * 1e6
        assert budget.count is None or decided <= budget.count


ENGINE = None


def emptied():
    """One database for all examples: making its tables takes longer than an example."""
    global ENGINE  # noqa: PLW0603
    if ENGINE is None:
        ENGINE = connect("sqlite://")
    with writing(ENGINE) as connection:
        for table in metadata.sorted_tables:
            connection.execute(delete(table))
    return ENGINE


@settings(max_examples=150, deadline=None)
@given(catalogues(), steps)
def test_no_window_of_any_cap_and_no_budget_holds_more_than_its_limit(made, asked):
    engine = emptied()
    decisions = Decisions(engine)
    shop = Shop(made, decisions, Feedback(engine))
    shop.feedback._clock = lambda: shop.now
    for hours, customer_id, *fate in asked:
        shop.wait(hours)
        shop.ask(customer_id, *fate)
        with writing(engine) as connection:
            reservations.lapse(connection, shop.now)
        assert_no_budget_is_overspent(made, engine)
    shop.wait(24 * 30)
    assert_no_budget_is_overspent(made, engine)
    assert_no_cap_is_broken(made, shop.sent)
