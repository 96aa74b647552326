"""Prepared queries: for one id what they are for many, and broken like any other query."""

import pytest
from sqlalchemy import bindparam, insert, select, text

from retain.database import connect, reading, writing
from retain.decisions.suppressions import suppressions
from retain.errors import StoreDamaged
from retain.prepared import Prepared

QUERY = Prepared(
    select(suppressions.c.customer_id, suppressions.c.channel)
    .where(
        suppressions.c.customer_id.in_(bindparam("ids", expanding=True)),
        suppressions.c.since <= bindparam("until"),
        suppressions.c.channel.in_(["email", "sms"]),
    )
    .order_by(suppressions.c.channel)
)


@pytest.fixture
def engine(database_url):
    engine = connect(database_url)
    with writing(engine) as connection:
        connection.execute(
            insert(suppressions),
            [
                {"customer_id": one, "channel": channel, "since": since, "reason": "test"}
                for one in ("a", "b%")
                for channel, since in (("sms", 1), ("email", 5), ("push", 1))
            ],
        )
    yield engine
    engine.dispose()


@pytest.mark.parametrize("one", ["a", "b%", "nobody"])
def test_one_id_gets_the_rows_it_gets_among_others(engine, one):
    with reading(engine) as connection:
        for until in (1, 5):
            alone = QUERY.rows(connection, {"ids": [one], "until": until})
            among = QUERY.rows(connection, {"ids": [one, "another"], "until": until})
            assert [tuple(row) for row in alone] == [tuple(row) for row in among]
            assert [row.channel for row in alone] == [row.channel for row in among]


def test_a_table_that_is_gone_is_the_error_of_any_other_query(engine):
    gone = Prepared(
        select(suppressions.c.channel).where(
            suppressions.c.customer_id.in_(bindparam("ids", expanding=True))
        )
    )
    with writing(engine) as connection:
        connection.execute(text("ALTER TABLE suppressions RENAME TO elsewhere"))

    def failure(ids):
        with pytest.raises(Exception) as caught, reading(engine) as connection:
            gone.rows(connection, {"ids": ids})
        return caught.value

    assert type(failure(["a"])) is type(failure(["a", "b"]))


def test_a_damaged_file_is_a_store_that_is_away(tmp_path):
    engine = connect(f"sqlite:///{tmp_path}/home.db")
    engine.dispose()
    damaged = (tmp_path / "home.db").read_bytes()
    with (tmp_path / "home.db").open("r+b") as file:
        file.write(b"x" * min(len(damaged), 40_000))
    with pytest.raises(StoreDamaged, match="damaged") as caught, reading(engine) as connection:
        QUERY.rows(connection, {"ids": ["a"], "until": 1})
    assert "backup" in caught.value.remedy
