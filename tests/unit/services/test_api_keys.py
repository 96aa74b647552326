"""API keys and rate limits at the gate."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from retain.access import Access, read
from retain.database import connect
from retain.errors import InvalidInput, StoreUnavailable
from retain.keys import Keys, Scope
from services.gate.keys import OPEN, KeyCheck, Keyring
from services.gate.rates import Bucket, RateCheck
from services.gate.visit import Visit
from services.operations import OPERATIONS
from services.refusals import Forbidden, RateLimited, Unauthorized

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
NEEDED = {
    "predict": "score",
    "rank": "score",
    "decision": "score",
    "events": "ingest",
    "feedback": "ingest",
    "customer": "admin",
    "models": "admin",
    "deliveries": "admin",
    "acknowledge": "admin",
    "acknowledge_many": "admin",
    "metrics": "metrics",
    "livez": None,
    "readyz": None,
    "docs": None,
    "document": None,
}


class Store:
    """Keys in a database that can be away, under a clock that is set."""

    def __init__(self) -> None:
        self.keys = Keys(connect("sqlite:///:memory:"), lambda: self.now)
        self.now = NOW
        self.away = False

    def read(self):
        if self.away:
            raise StoreUnavailable("it is away")
        return self.keys.all()

    def ring(self, *, required: bool = True) -> Keyring:
        made = Keyring(self.read, required=required, clock=lambda: self.now)
        made.refresh()
        return made


@pytest.fixture
def store() -> Store:
    return Store()


def bearer(text: str) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"retain"), (b"authorization", f"Bearer {text}".encode())]


def visit(route: str = "/predict", started: float = 0.0) -> Visit:
    return Visit(route, "r-1", 0.0, started)


def passes(ring: Keyring, headers, route="/predict", method="POST") -> str | None:
    seen = visit(route)
    KeyCheck(ring, OPERATIONS)({"method": method, "headers": headers}, seen)
    return seen.key


def refused(ring: Keyring, headers, route="/predict", method="POST") -> type[Exception] | None:
    try:
        passes(ring, headers, route, method)
    except (Unauthorized, Forbidden) as error:
        return type(error)
    return None


def test_every_operation_needs_the_scope_that_is_written_down_here() -> None:
    assert {one.name: one.scope for one in OPERATIONS} == NEEDED


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
@pytest.mark.parametrize("scope", [None, *Scope])
def test_an_operation_is_open_to_keys_of_its_scope_alone(store, operation, scope) -> None:
    headers = [] if scope is None else bearer(store.keys.add("x", [scope])[1])
    got = refused(store.ring(), headers, operation.path, operation.method)
    opens = {operation.scope, *([Scope.admin] if operation.scope is Scope.metrics else [])}
    if operation.scope is None or scope in opens:
        assert got is None
    else:
        assert got is (Unauthorized if scope is None else Forbidden)


@pytest.mark.parametrize("name", [b"authorization", b"x-api-key"])
def test_a_key_is_taken_from_either_header_and_named_in_the_visit(store, name) -> None:
    made, text = store.keys.add("crm", [Scope.score])
    value = text.encode() if name == b"x-api-key" else b"bearer " + text.encode()
    assert passes(store.ring(), [(name, value)]) == made.id


def test_credentials_of_a_proxy_do_not_hide_a_key(store) -> None:
    made, text = store.keys.add("crm", [Scope.score])
    headers = [(b"authorization", b"Basic Zm9vOmJhcg=="), (b"x-api-key", text.encode())]
    assert passes(store.ring(), headers) == made.id


@pytest.mark.parametrize("order", [1, -1])
def test_a_token_of_somebody_in_between_does_not_hide_the_key_beside_it(store, order) -> None:
    made, text = store.keys.add("x", ["score"])
    headers = [(b"authorization", b"Bearer eyJhbGciOi"), (b"x-api-key", text.encode())]
    assert passes(store.ring(), headers[::order]) == made.id


@pytest.mark.parametrize(
    "value", [b"", b"Bearer", b"Bearer ", b"Bearer rk_x_y", b"Bearer \xff\xfe", b"x" * 100_000]
)
def test_what_is_no_key_opens_nothing(store, value) -> None:
    store.keys.add("crm", [Scope.score])
    assert refused(store.ring(), [(b"authorization", value)]) is Unauthorized
    assert refused(store.ring(), [(b"x-api-key", value)]) is Unauthorized


@pytest.mark.parametrize("space", [b" ", b"\t"])
def test_white_space_around_a_key_is_the_headers_and_not_the_keys(store, space) -> None:
    made, text = store.keys.add("crm", [Scope.score])
    ring = store.ring()
    assert passes(ring, [(b"x-api-key", space + text.encode() + space)]) == made.id
    assert passes(ring, [(b"authorization", b"Bearer " + text.encode() + space)]) == made.id


def test_a_key_with_something_added_is_another(store) -> None:
    _, text = store.keys.add("crm", [Scope.score])
    for other in (text + "a", text[:-1], text.upper(), text + "a" * 300):
        assert refused(store.ring(), bearer(other)) is Unauthorized


def test_the_scope_that_is_missing_is_named(store) -> None:
    made, text = store.keys.add("crm", [Scope.score])
    with pytest.raises(Forbidden, match="scope ingest") as said:
        passes(store.ring(), bearer(text), "/events")
    assert made.id in said.value.message
    assert text not in said.value.message + said.value.remedy


def test_what_is_no_operation_needs_a_key_of_any_scope(store) -> None:
    _, text = store.keys.add("scraper", [Scope.metrics])
    ring = store.ring()
    for route, method in (("unknown", "GET"), ("/predict", "PUT"), ("/livez", "POST")):
        assert refused(ring, [], route, method) is Unauthorized
        assert refused(ring, bearer(text), route, method) is None


def test_head_is_as_open_as_get_is(store) -> None:
    ring = store.ring()
    assert refused(ring, [], "/livez", "HEAD") is None
    assert refused(ring, [], "/models", "HEAD") is Unauthorized


def test_the_documentation_and_what_it_loads_is_open(store) -> None:
    assert [refused(store.ring(), [], one, "GET") for one in OPEN] == [None, None]


def test_revoked_and_expired_keys_open_nothing_after_the_next_look(store) -> None:
    first, gone = store.keys.add("a", [Scope.score])
    second, late = store.keys.add("b", [Scope.score])
    ring = store.ring()
    store.keys.revoke(first.id)
    store.keys.rotate(second.id, timedelta(hours=1))
    assert refused(ring, bearer(gone)) is None
    store.now += timedelta(minutes=59)
    ring.refresh()
    assert refused(ring, bearer(gone)) is Unauthorized
    assert refused(ring, bearer(late)) is None
    store.now += timedelta(minutes=1)
    ring.refresh()
    assert refused(ring, bearer(late)) is Unauthorized


def test_a_store_that_is_away_leaves_the_keys_there_were_but_not_what_expires(store) -> None:
    _, text = store.keys.add("a", [Scope.score])
    second, late = store.keys.add("b", [Scope.score])
    store.keys.rotate(second.id, timedelta(hours=1))
    ring = store.ring()
    store.away = True
    store.now += timedelta(hours=2)
    ring.refresh()
    assert refused(ring, bearer(text)) is None
    assert refused(ring, bearer(late)) is Unauthorized


def test_without_any_key_nobody_is_asked_for_one_unless_it_is_required(store) -> None:
    assert refused(store.ring(required=False), []) is None
    assert refused(store.ring(required=True), []) is Unauthorized


def test_the_first_key_closes_the_door_and_revoking_the_last_does_not_open_it(store) -> None:
    ring = store.ring(required=False)
    made, text = store.keys.add("crm", [Scope.score])
    ring.refresh()
    assert refused(ring, []) is Unauthorized
    store.keys.revoke(made.id)
    ring.refresh()
    assert refused(ring, []) is Unauthorized
    assert refused(store.ring(required=False), bearer(text)) is Unauthorized


@pytest.mark.parametrize(
    ("given", "required"),
    [
        ({}, True),
        ({"RETAIN_HOST": "127.0.0.1"}, False),
        ({"RETAIN_HOST": "127.9.9.9"}, False),
        ({"RETAIN_HOST": "::1"}, False),
        ({"RETAIN_HOST": "localhost"}, False),
        ({"RETAIN_HOST": "0.0.0.0"}, True),
        ({"RETAIN_HOST": "::"}, True),
        ({"RETAIN_HOST": "localhost.example.com"}, True),
        ({"RETAIN_HOST": "127.0.0.1.example.com"}, True),
        ({"RETAIN_HOST": ""}, True),
        ({"RETAIN_HOST": "127.0.0.1", "RETAIN_API_KEYS": "required"}, True),
        ({"RETAIN_HOST": "0.0.0.0", "RETAIN_API_KEYS": "off"}, False),
    ],
)
def test_keys_are_required_unless_only_this_machine_can_ask(given, required) -> None:
    assert read(given).required is required


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RETAIN_API_KEYS", "false"),
        ("RETAIN_API_KEYS", "OFF"),
        ("RETAIN_RATE_LIMIT", "0"),
        ("RETAIN_RATE_LIMIT", "nan"),
        ("RETAIN_RATE_LIMIT", "many"),
        ("RETAIN_RATE_SHARED_BY", "1.5"),
        ("RETAIN_RATE_SHARED_BY", "0"),
    ],
)
def test_a_setting_that_is_not_understood_is_an_error(name, value) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read({name: value})
    assert refusal.value.field == name


def test_a_bucket_admits_a_second_of_requests_at_once_and_then_its_rate() -> None:
    bucket = Bucket(10.0, at=100.0)
    assert [bucket.take(100.0) for _ in range(10)] == [0.0] * 10
    assert bucket.take(100.0) == pytest.approx(0.1)
    assert bucket.take(100.05) == pytest.approx(0.05)
    assert bucket.take(100.1) == 0.0
    assert bucket.take(100.1) > 0.0


def test_a_bucket_holds_no_more_than_a_second_however_long_nobody_came() -> None:
    bucket = Bucket(10.0, at=0.0)
    admitted = sum(bucket.take(1e6) == 0.0 for _ in range(100))
    assert admitted == 10


def test_a_bucket_admits_its_rate_over_time() -> None:
    bucket = Bucket(0.5, at=0.0)
    admitted = sum(bucket.take(tick / 10) == 0.0 for tick in range(1_000))
    assert admitted == 50


def limited(store: Store, key_id: str, requests: int, **made) -> int:
    check = RateCheck(store.ring(), made.get("rate"), made.get("shared_by", 1))
    admitted = 0
    for _ in range(requests):
        asked = visit(started=5.0)
        asked.key = key_id
        with suppress(RateLimited):
            check({}, asked)
            admitted += 1
    return admitted


def test_a_refusal_says_when_the_next_request_is_admitted(store) -> None:
    made, _ = store.keys.add("a", [Scope.score], rate=0.5)
    check = RateCheck(store.ring(), None, 1)
    asked = visit(started=5.0)
    asked.key = made.id
    check({}, asked)
    asked.started = 5.5
    with pytest.raises(RateLimited) as refusal:
        check({}, asked)
    assert refusal.value.retry_after_ms == 1_500
    asked.started += refusal.value.retry_after_ms / 1_000
    check({}, asked)


def test_a_key_has_its_own_rate_or_the_common_one_or_none(store) -> None:
    own, _ = store.keys.add("a", [Scope.score], rate=3)
    common, _ = store.keys.add("b", [Scope.score])
    assert limited(store, own.id, 20, rate=7) == 3
    assert limited(store, common.id, 20, rate=7) == 7
    assert limited(store, common.id, 20) == 20


def test_processes_that_share_a_limit_have_a_part_each(store) -> None:
    made, _ = store.keys.add("a", [Scope.score], rate=12)
    assert limited(store, made.id, 20, shared_by=4) == 3


def test_one_key_does_not_use_up_anothers_rate(store) -> None:
    check = RateCheck(store.ring(), 1.0, 1)
    for name in ("first", "second"):
        asked = visit(started=5.0)
        asked.key = name
        check({}, asked)


def test_what_is_refused_for_its_scope_counts_against_the_rate_of_its_key(store) -> None:
    _, text = store.keys.add("crm", [Scope.score], rate=3)
    ring = store.ring()
    keys = KeyCheck(ring, OPERATIONS, RateCheck(ring, None, 1))
    asked = {"method": "POST", "headers": bearer(text)}
    answers = [outcome(keys, asked, route) for route in ["/events", "/predict"] * 3]
    assert answers == [Forbidden, None, Forbidden, *[RateLimited] * 3]
    assert outcome(keys, asked, "/events", at=1.0) is Forbidden


def outcome(keys: KeyCheck, asked, route, at=0.0) -> type[Exception] | None:
    """How a request is refused, as the gate asks."""
    try:
        keys(asked, visit(route, at))
    except (Forbidden, RateLimited) as error:
        return type(error)
    return None


def test_what_came_without_a_key_is_not_limited(store) -> None:
    check = RateCheck(store.ring(), 1.0, 1)
    for _ in range(50):
        check({}, visit(started=5.0))


def test_unused_access_is_the_safe_one() -> None:
    assert Access().required
