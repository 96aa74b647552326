"""What triggers remember: how far the log was read, timers, states, firings and deliveries.

Times are epoch microseconds.
"""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text
from sqlalchemy import UniqueConstraint as Unique

from retain.database import Id, metadata

marks = Table(
    "trigger_marks",
    metadata,
    Column("name", String, primary_key=True),
    Column("seq", BigInteger, nullable=False),
)

timers = Table(
    "trigger_timers",
    metadata,
    Column("trigger_id", String, primary_key=True),
    Column("customer_id", Id, primary_key=True),
    Column("anchor", BigInteger, nullable=False),
    # a goal from this time on is a goal of this situation
    Column("since", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Index("trigger_timers_by_due", "due_at"),
    Index("trigger_timers_by_customer", "customer_id"),
)

# who is in a state that a trigger fires on entering; the name holds a digest of the rules
states = Table(
    "trigger_states",
    metadata,
    Column("name", String, primary_key=True),
    Column("customer_id", Id, primary_key=True),
)

firings = Table(
    "trigger_firings",
    metadata,
    Column("firing_id", String(26), primary_key=True),
    Column("trigger_id", String, nullable=False),
    Column("customer_id", Id, nullable=False),
    Column("anchor", BigInteger, nullable=False),
    Column("since", BigInteger, nullable=False),
    # what the time to delivery is measured from
    Column("known_at", BigInteger, nullable=False),
    Column("fired_at", BigInteger, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("decision_id", String),
    Column("why", Text),
    Unique("trigger_id", "customer_id", "anchor"),
    Index("trigger_firings_by_next", "state", "next_at"),
    Index("trigger_firings_by_customer", "customer_id"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("delivery_id", String(26), primary_key=True),
    Column("firing_id", String(26), nullable=False, unique=True),
    Column("trigger_id", String, nullable=False),
    Column("customer_id", Id, nullable=False),
    Column("decision_id", String, nullable=False),
    Column("action_id", String, nullable=False),
    Column("endpoint", String, nullable=False),
    Column("state", String, nullable=False),
    # the goal was reached while it was on its way: not to be tried again
    Column("over", Boolean, nullable=False),
    Column("since", BigInteger, nullable=False),
    Column("known_at", BigInteger, nullable=False),
    Column("fired_at", BigInteger, nullable=False),
    Column("not_before", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    # until then it is on its way, or in the hands of who pulled it
    Column("leased_until", BigInteger, nullable=False),
    Column("done_at", BigInteger),
    # whether its contact was given back, where it was not delivered
    Column("settled", Boolean, nullable=False),
    Column("why", Text),
    Column("decision", Text, nullable=False),
    Index("deliveries_by_next", "endpoint", "state", "next_at"),
    Index("deliveries_by_customer", "customer_id", "state"),
    Index("deliveries_by_settled", "settled", "state"),
)

circuits = Table(
    "webhook_circuits",
    metadata,
    Column("endpoint", String, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("open_until", BigInteger, nullable=False),
)

# states of firings and deliveries
FIRED = "fired"
DECIDED = "decided"
NOTHING = "nothing"
LAPSED = "lapsed"
FAILED = "failed"
PENDING = "pending"
DELIVERED = "delivered"
WITHDRAWN = "withdrawn"
EXPIRED = "expired"
DEAD = "dead"
NOT_DELIVERED = (WITHDRAWN, EXPIRED, DEAD)
UNHEARD = (LAPSED, WITHDRAWN)
"""Firings nobody heard of: they start no cool-down."""
