"""`retain features`: what a program that calls it learns."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from retain.database import connect
from retain.eventlog import EventLog
from retain.settings import load
from tests.command_line import Answered
from tests.tiny_shop import END, shop


def test_a_build_says_in_json_of_how_many_customers_it_is_and_how_long_it_took(
    home: Path, retain: Callable[..., Answered]
) -> None:
    events = shop(40)
    EventLog(connect(load({}, home=home).database_url)).append(events)
    words = ("--as-of", END.isoformat(), "--json")
    built = retain("features", "build", *words)
    assert built.code == 0, built.err
    told = json.loads(built.out)
    assert told["customers"] == pc.count_distinct(events.column("customer_id")).as_py()
    assert told["seconds"] > 0
    assert {pq.read_metadata(file).num_rows for file in told["files"]} == {told["customers"]}
    loaded = retain("features", "materialize", *words)
    assert loaded.code == 0, loaded.err
    assert json.loads(loaded.out)["customers"] == told["customers"]
