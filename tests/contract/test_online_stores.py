"""What Feast promises of an online store, asked of the stock stores and of ours alike.

Where a stock store is known not to keep the promise, the test says so by name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from feast import (
    Entity,
    FeatureService,
    FeatureStore,
    FeatureView,
    Field,
    FileSource,
    PushSource,
    RepoConfig,
)
from feast.data_source import PushMode
from feast.types import (
    Array,
    Bool,
    Bytes,
    Float32,
    Float64,
    Int32,
    Int64,
    String,
    UnixTimestamp,
)
from feast.value_type import ValueType

from tests.redis_server import redis_server, require_redis

STORES = ("stock sqlite", "packed sqlite", "stock redis", "packed redis")
PACKED = {"packed sqlite", "packed redis"}
PRESENT, NOT_FOUND = "PRESENT", "NOT_FOUND"

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
BORN = datetime(1969, 12, 31, 23, 59, 58, tzinfo=UTC)

TYPES: dict[str, tuple[Any, pa.DataType]] = {
    "amount": (Float64, pa.float64()),
    "weight": (Float32, pa.float32()),
    "points": (Int64, pa.int64()),
    "visits": (Int32, pa.int32()),
    "member": (Bool, pa.bool_()),
    "born_at": (UnixTimestamp, pa.timestamp("us", "UTC")),
    "city": (String, pa.string()),
    "token": (Bytes, pa.binary()),
    "tags": (Array(String), pa.list_(pa.string())),
    "scores": (Array(Float64), pa.list_(pa.float64())),
    "counts": (Array(Int64), pa.list_(pa.int64())),
}
FULL = {
    "amount": -0.1,
    "weight": 0.5,
    "points": -(2**63),
    "visits": 2**31 - 1,
    "member": False,
    "born_at": BORN,
    "city": "Zürich 🏔 \x00 ",
    "token": b"\x00\xff\xfe",
    "tags": ["", "a", "ü\n", "a"],
    "scores": [1.5, float("inf")],
    "counts": [0, -1],
}
EMPTY = {
    "amount": 0.0,
    "weight": 0.0,
    "points": 0,
    "visits": 0,
    "member": True,
    "born_at": datetime(2100, 1, 1, tzinfo=UTC),
    "city": "",
    "token": b"",
    "tags": [],
    "scores": [],
    "counts": [],
}
NULLS = dict.fromkeys(TYPES)
LOYALTY = {"amount": 7.0, "tier": "gold"}

CUSTOMER = Entity(name="customer", join_keys=["customer_id"], value_type=ValueType.STRING)
SHOP = Entity(name="shop", join_keys=["shop_id"], value_type=ValueType.INT64)


def fields(types: dict[str, tuple[Any, pa.DataType]]) -> list[Field]:
    return [Field(name=name, dtype=dtype) for name, (dtype, _) in types.items()]


def write_source(
    path: Path, rows: list[dict[str, Any]], types: dict[str, tuple[Any, pa.DataType]], **keys: Any
) -> None:
    columns = {**keys, **{name: arrow for name, (_, arrow) in types.items()}}
    times = dict.fromkeys(("event_timestamp", "created"), pa.timestamp("us", "UTC"))
    pq.write_table(pa.Table.from_pylist(rows, pa.schema({**columns, **times})), path)


@dataclass
class Shop:
    """A Feast repository on one kind of store."""

    kind: str
    folder: Path
    online: dict[str, Any]
    store: FeatureStore

    def again(self) -> FeatureStore:
        """The repository as another process opens it."""
        return open_repository(self.folder, self.online)

    def read(self, customers: list[str], features: list[str], **options: Any) -> dict[str, Any]:
        rows = [{"customer_id": customer} for customer in customers]
        return self.store.get_online_features(features, rows, **options).to_dict()

    def statuses(self, customers: list[str], feature: str) -> list[str]:
        rows = [{"customer_id": customer} for customer in customers]
        proto = self.store.get_online_features([feature], rows).proto
        place = list(proto.metadata.feature_names.val).index(feature.split(":")[1])
        kinds = proto.results[place]
        return [
            type(proto.results[place])
            .DESCRIPTOR.fields_by_name["statuses"]
            .enum_type.values_by_number[s]
            .name
            for s in kinds.statuses
        ]

    def write(
        self, customer: str, at: datetime, amount: float | None, tier: str | None = "x"
    ) -> None:
        row = {"customer_id": customer, "amount": amount, "tier": tier}
        frame = pd.DataFrame([{**row, "event_timestamp": at, "created": at}])
        self.store.write_to_online_store("loyalty", df=frame)

    def amount(self, customer: str) -> Any:
        return self.read([customer], ["loyalty:amount"])["amount"][0]


def open_repository(folder: Path, online: dict[str, Any]) -> FeatureStore:
    return FeatureStore(
        config=RepoConfig(
            project=folder.name.replace("-", "_"),
            provider="local",
            registry={"path": str(folder / "registry.db"), "cache_ttl_seconds": 0},
            offline_store={"type": "duckdb"},
            online_store=online,
            entity_key_serialization_version=3,
            repo_path=folder,
        )
    )


def loyalty_view(folder: Path, **more: Any) -> FeatureView:
    source = FileSource(
        name="loyalty_file",
        path=str(folder / "loyalty.parquet"),
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    own = {"amount": Float64, "tier": String, **more}
    return FeatureView(
        name="loyalty",
        entities=[CUSTOMER],
        ttl=timedelta(days=3650),
        schema=[Field(name=name, dtype=dtype) for name, dtype in own.items()],
        source=PushSource(name="loyalty_push", batch_source=source),
    )


def everything_view(folder: Path) -> FeatureView:
    source = FileSource(
        name="everything_file",
        path=str(folder / "everything.parquet"),
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )
    return FeatureView(
        name="everything",
        entities=[CUSTOMER],
        ttl=timedelta(days=3650),
        schema=fields(TYPES),
        source=source,
    )


def shops_view(folder: Path) -> FeatureView:
    source = FileSource(
        name="shops_file", path=str(folder / "shops.parquet"), timestamp_field="event_timestamp"
    )
    return FeatureView(
        name="shops",
        entities=[CUSTOMER, SHOP],
        ttl=timedelta(days=3650),
        schema=[Field(name="shop_amount", dtype=Float64)],
        source=source,
    )


def make_shop(kind: str, folder: Path, port: int) -> Shop:
    times = {"event_timestamp": T0, "created": T0}
    rows = [
        {"customer_id": name, **values, **times}
        for name, values in (("full", FULL), ("empty", EMPTY), ("nulls", NULLS))
    ]
    write_source(folder / "everything.parquet", rows, TYPES, customer_id=pa.string())
    loyalty = {name: TYPES.get(name, (String, pa.string())) for name in LOYALTY}
    rows = [
        {"customer_id": name, **LOYALTY, **times, "amount": float(number)}
        for number, name in enumerate(["full", "empty", "ünï"])
    ]
    late = {**rows[0], "amount": 99.0, "event_timestamp": T0 + 5 * HOUR}
    write_source(folder / "loyalty.parquet", [*rows, late], loyalty, customer_id=pa.string())
    write_source(
        folder / "shops.parquet",
        [{"customer_id": "full", "shop_id": n, "shop_amount": n / 2, **times} for n in (1, 2)],
        {"shop_amount": TYPES["amount"]},
        customer_id=pa.string(),
        shop_id=pa.int64(),
    )
    online = {
        "stock sqlite": {"type": "sqlite", "path": str(folder / "online.db")},
        "packed sqlite": {
            "type": "feature_repo.packed_store.PackedSQLiteOnlineStore",
            "path": str(folder / "online.db"),
        },
        "stock redis": {"type": "redis", "connection_string": f"127.0.0.1:{port}"},
        "packed redis": {
            "type": "feature_repo.packed_store.PackedRedisOnlineStore",
            "url": f"redis://127.0.0.1:{port}/1",
            "read_timeout_seconds": 5.0,
        },
    }[kind]
    store = open_repository(folder, online)
    views = [everything_view(folder), loyalty_view(folder), shops_view(folder)]
    service = FeatureService(name="both", features=views[:2])
    store.apply([CUSTOMER, SHOP, *views, service])
    store.materialize(start_date=T0 - HOUR, end_date=T0 + HOUR)
    return Shop(kind, folder, online, store)


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    require_redis()
    with redis_server(tmp_path_factory.mktemp("redis")) as (port, _):
        yield port


def port_for(kind: str, request: pytest.FixtureRequest) -> int:
    return request.getfixturevalue("redis_port") if kind.endswith("redis") else 0


@pytest.fixture(scope="module", params=STORES)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """One materialised repository for all tests that only add customers of their own."""
    port = port_for(request.param, request)
    return make_shop(request.param, tmp_path_factory.mktemp("shop"), port)


@pytest.fixture(params=STORES)
def own_shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    """A repository a test may change or tear down."""
    return make_shop(request.param, tmp_path, port_for(request.param, request))


REFERENCES = [f"everything:{name}" for name in TYPES]


@pytest.mark.parametrize(("customer", "values"), [("full", FULL), ("empty", EMPTY)])
def test_a_materialised_value_of_every_dtype_is_read_back(
    shop: Shop, customer: str, values: dict[str, Any]
) -> None:
    answer = shop.read([customer], REFERENCES)
    assert {name: answer[name][0] for name in TYPES} == values


def test_a_null_of_every_dtype_is_read_back_as_none_and_present(shop: Shop) -> None:
    answer = shop.read(["nulls"], REFERENCES)
    lists = {"tags", "scores", "counts"}
    assert {name: answer[name][0] for name in TYPES if name not in lists} == {
        name: None for name in TYPES if name not in lists
    }
    assert shop.statuses(["nulls"], "everything:amount") == [PRESENT]


def test_the_protobuf_answer_equals_the_stock_one_value_by_value(
    shop: Shop, tmp_path_factory: pytest.TempPathFactory
) -> None:
    stock = make_shop("stock sqlite", tmp_path_factory.mktemp("stock"), 0)
    customers = ["full", "nulls", "empty", "full"]
    rows = [{"customer_id": customer} for customer in customers]
    ours, theirs = (
        repository.get_online_features(REFERENCES, rows).proto
        for repository in (shop.store, stock.store)
    )
    assert ours.results == theirs.results
    assert ours.metadata == theirs.metadata


def test_a_customer_that_was_never_written_is_missing(shop: Shop) -> None:
    answer = shop.read(["nobody", "full"], ["loyalty:amount"])
    assert answer["amount"] == [None, 0.0]
    # stock Redis says of somebody it never saw that the value is present
    missing = PRESENT if shop.kind == "stock redis" else NOT_FOUND
    assert shop.statuses(["nobody", "full"], "loyalty:amount") == [missing, PRESENT]


def test_short_and_full_feature_names_hold_the_same_values(shop: Shop) -> None:
    features = ["everything:city", "loyalty:amount"]
    short = shop.read(["full"], features)
    full = shop.read(["full"], features, full_feature_names=True)
    assert full == {
        "customer_id": ["full"],
        "everything__city": short["city"],
        "loyalty__amount": short["amount"],
    }


def test_two_views_with_one_column_name_are_told_apart(shop: Shop) -> None:
    answer = shop.read(["full"], ["everything:amount", "loyalty:amount"], full_feature_names=True)
    assert answer["everything__amount"] == [-0.1]
    assert answer["loyalty__amount"] == [0.0]


def test_a_feature_service_reads_every_view_it_names(shop: Shop) -> None:
    service = shop.store.get_feature_service("both")
    answer = shop.store.get_online_features(
        service, [{"customer_id": "full"}], full_feature_names=True
    ).to_dict()
    assert len(answer) == 1 + len(TYPES) + 2
    assert answer["everything__tags"] == [FULL["tags"]]


def test_customers_are_answered_in_the_order_asked_and_as_often(shop: Shop) -> None:
    asked = ["ünï", "full", "nobody", "ünï", "empty"]
    assert shop.read(asked, ["loyalty:amount"])["amount"] == [2.0, 0.0, None, 2.0, 1.0]


def test_a_key_of_two_entities_one_a_number_is_told_from_the_customer(shop: Shop) -> None:
    rows = [{"customer_id": "full", "shop_id": n} for n in (1, 2, 3)]
    answer = shop.store.get_online_features(["shops:shop_amount", "loyalty:amount"], rows)
    assert answer.to_dict()["shop_amount"] == [0.5, 1.0, None]
    assert answer.to_dict()["amount"] == [0.0, 0.0, 0.0]


def test_a_written_row_is_visible_to_another_process_at_once(shop: Shop) -> None:
    shop.write("fresh", T0, 3.5)
    answer = shop.again().get_online_features(["loyalty:amount"], [{"customer_id": "fresh"}])
    assert answer.to_dict()["amount"] == [3.5]


def test_a_pushed_row_is_read_back(shop: Shop) -> None:
    frame = pd.DataFrame(
        [
            {
                "customer_id": "pushed",
                "amount": 1.25,
                "tier": None,
                "event_timestamp": T0,
                "created": T0,
            }
        ]
    )
    shop.store.push("loyalty_push", frame, to=PushMode.ONLINE)
    answer = shop.read(["pushed"], ["loyalty:amount", "loyalty:tier"])
    assert (answer["amount"], answer["tier"]) == ([1.25], [None])


def test_a_newer_row_replaces_an_older_one(shop: Shop) -> None:
    shop.write("newer", T0, 1.0)
    shop.write("newer", T0 + HOUR, 2.0)
    assert shop.amount("newer") == 2.0


def test_an_older_row_never_replaces_a_newer_one(shop: Shop) -> None:
    shop.write("older", T0, 1.0)
    shop.write("older", T0 - timedelta(microseconds=1), 2.0)
    # stock SQLite lets whoever writes last win
    assert shop.amount("older") == (2.0 if shop.kind == "stock sqlite" else 1.0)


def test_a_correction_of_the_same_moment_wins(shop: Shop) -> None:
    shop.write("corrected", T0, 1.0)
    shop.write("corrected", T0, 2.0)
    # stock Redis drops it
    assert shop.amount("corrected") == (1.0 if shop.kind == "stock redis" else 2.0)


def test_of_two_rows_in_one_batch_the_newer_one_is_kept(shop: Shop) -> None:
    frame = pd.DataFrame(
        {
            "customer_id": ["twice", "twice"],
            "amount": [2.0, 1.0],
            "tier": ["new", "old"],
            "event_timestamp": [T0 + HOUR, T0],
            "created": [T0, T0],
        }
    )
    shop.store.write_to_online_store("loyalty", df=frame)
    # stock SQLite keeps the last line
    assert shop.amount("twice") == (1.0 if shop.kind == "stock sqlite" else 2.0)


def test_a_view_written_alone_leaves_the_customers_other_views(shop: Shop) -> None:
    shop.write("empty", T0 + 2 * HOUR, 5.0)
    answer = shop.read(["empty"], REFERENCES)
    assert {name: answer[name][0] for name in TYPES} == EMPTY


def test_the_event_time_of_a_row_is_told(shop: Shop) -> None:
    at = T0 + timedelta(microseconds=123_456)
    shop.write("timed", at, 1.0)
    proto = shop.store.get_online_features(["loyalty:amount"], [{"customer_id": "timed"}]).proto
    told = proto.results[1].event_timestamps[0].ToMicroseconds()
    # stock SQLite keeps whole seconds
    lost = 123_456 if shop.kind == "stock sqlite" else 0
    assert told == (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) - lost


def fleeting_view(folder: Path, ttl: timedelta) -> FeatureView:
    source = FileSource(
        name="fleeting_file",
        path=str(folder / "loyalty.parquet"),
        timestamp_field="event_timestamp",
    )
    return FeatureView(
        name="fleeting",
        entities=[CUSTOMER],
        ttl=ttl,
        schema=[
            Field(name="amount", dtype=Float64, tags={"null_default": "0.5"}),
            Field(name="tier", dtype=String),
        ],
        source=PushSource(name="fleeting_push", batch_source=source),
    )


@pytest.mark.parametrize(("ttl", "fresh"), [(HOUR, False), (2 * HOUR, True), (0 * HOUR, True)])
def test_a_row_older_than_its_view_allows_reads_its_null_defaults(
    own_shop: Shop, ttl: timedelta, fresh: bool
) -> None:
    own_shop.store.apply([CUSTOMER, fleeting_view(own_shop.folder, ttl)])
    at = datetime.now(UTC) - 1.5 * HOUR
    row = {"customer_id": "full", "amount": 7.0, "tier": "gold"}
    frame = pd.DataFrame([{**row, "event_timestamp": at}])
    own_shop.store.push("fleeting_push", frame, to=PushMode.ONLINE)
    answer = own_shop.read(["full", "nobody"], ["fleeting:amount", "fleeting:tier"])
    # the stock stores do not look at the age
    if fresh or own_shop.kind not in PACKED:
        assert (answer["amount"], answer["tier"]) == ([7.0, None], ["gold", None])
    else:
        assert (answer["amount"], answer["tier"]) == ([0.5, None], [None, None])


def test_a_definition_that_changed_leaves_nothing_of_the_old_one(own_shop: Shop) -> None:
    if own_shop.kind not in PACKED:
        return  # the stock stores know names and types alone
    view = loyalty_view(own_shop.folder)
    view.tags = {"definition": "other sql"}
    own_shop.store.apply([view])
    assert own_shop.statuses(["full"], "loyalty:amount") == [NOT_FOUND]
    own_shop.store.materialize(start_date=T0 - HOUR, end_date=T0 + HOUR)
    assert own_shop.amount("full") == 0.0


def test_materialising_incrementally_goes_on_where_it_ended(own_shop: Shop) -> None:
    assert own_shop.amount("full") == 0.0
    own_shop.store.materialize_incremental(end_date=T0 + 6 * HOUR)
    assert own_shop.amount("full") == 99.0


def test_a_view_that_gained_a_column_reads_none_there_until_it_is_written(own_shop: Shop) -> None:
    own_shop.store.apply([CUSTOMER, loyalty_view(own_shop.folder, level=Int64)])
    answer = own_shop.read(["full"], ["loyalty:level", "loyalty:amount", "loyalty:tier"])
    assert (answer["level"], answer["amount"], answer["tier"]) == ([None], [0.0], ["gold"])
    frame = pd.DataFrame(
        [
            {
                "customer_id": "full",
                "amount": 1.0,
                "tier": "a",
                "level": 4,
                "event_timestamp": T0 + HOUR,
                "created": T0,
            }
        ]
    )
    own_shop.store.write_to_online_store("loyalty", df=frame)
    assert own_shop.read(["full"], ["loyalty:level"])["level"] == [4]


def test_a_view_that_is_deleted_and_comes_back_is_empty(own_shop: Shop) -> None:
    view = own_shop.store.get_feature_view("loyalty")
    rest = [own_shop.store.get_feature_view(name) for name in ("everything", "shops")]
    service = FeatureService(name="both", features=rest[:1])
    own_shop.store.apply([CUSTOMER, SHOP, *rest, service], objects_to_delete=[view], partial=False)
    own_shop.store.apply([loyalty_view(own_shop.folder)])
    assert own_shop.amount("full") is None
    assert own_shop.read(["full"], ["everything:points"])["points"] == [FULL["points"]]
    key = {"customer_id": "full", "shop_id": 2}
    others = own_shop.store.get_online_features(["shops:shop_amount"], [key]).to_dict()
    assert others["shop_amount"] == [1.0]


def test_after_a_teardown_nothing_is_left(own_shop: Shop) -> None:
    own_shop.store.teardown()
    views = [everything_view(own_shop.folder), loyalty_view(own_shop.folder)]
    again = own_shop.again()
    again.apply([CUSTOMER, *views])
    answer = again.get_online_features(["loyalty:amount"], [{"customer_id": "full"}]).to_dict()
    assert answer["amount"] == [None]


@pytest.mark.parametrize("count", [1, 1_000, 10_000])
def test_a_batch_of_any_size_is_written_and_read(shop: Shop, count: int) -> None:
    # the stock stores take seconds for more than a thousand
    count = count if shop.kind in PACKED else min(count, 1_000)
    customers = [f"many{count}-{number}" for number in range(count)]
    frame = pd.DataFrame({"customer_id": customers, "amount": range(count), "tier": "x"})
    frame = frame.assign(amount=frame.amount.astype(float), event_timestamp=T0, created=T0)
    shop.store.write_to_online_store("loyalty", df=frame)
    assert shop.read(customers, ["loyalty:amount"])["amount"] == [float(n) for n in range(count)]
