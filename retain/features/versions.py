"""Merged customers in DuckDB: the events of all their ids under one key per version.

A *version* of a customer is the set of ids that it holds between two links. The log keeps its
ids; a version's events are a copy under the version's key, which no customer id can be, and
whoever asks for a customer at a moment is answered from the version of that moment. An id that
is alone at a moment needs no version. Only versions that are asked for are ever made.
"""

import duckdb
import pyarrow as pa

# no id begins with a control character: reading an event strips it
NOBODY = chr(31)
_MARK = "chr(31)"
_TABLES = """
    CREATE TEMP TABLE memberships AS FROM given;
    CREATE TEMP TABLE asked (key_order BIGINT, asked_id VARCHAR, as_of TIMESTAMPTZ,
        root VARCHAR, since BIGINT, customer_id VARCHAR);
    CREATE TEMP TABLE versions (customer_id VARCHAR, root VARCHAR, since BIGINT, until BIGINT,
        turn BIGINT);
"""
_ASK = f"""
    INSERT INTO asked
    WITH told AS (
        SELECT row_number() OVER () AS key_order, customer_id AS asked_id, as_of,
            epoch_us(as_of) AS moment
        FROM given
    ),
    rooted AS (
        SELECT t.*, m.customer_id AS root
        FROM told AS t LEFT JOIN memberships AS m ON m.member_kind = 'customer'
            AND m.member_id = t.asked_id AND m.from_us <= t.moment AND t.moment < m.until_us
    ),
    began AS (
        SELECT root, moment,
            max(CASE WHEN until_us <= moment THEN until_us ELSE from_us END) AS since
        FROM (SELECT DISTINCT root, moment FROM rooted WHERE root IS NOT NULL)
            JOIN memberships ON memberships.customer_id = root AND from_us <= moment
        GROUP BY root, moment
    )
    SELECT key_order, asked_id, as_of, root, since,
        coalesce({_MARK} || root || {_MARK} || since, asked_id)
    FROM rooted LEFT JOIN began USING (root, moment)
"""
_MAKE = """
    INSERT INTO versions
    SELECT v.customer_id, v.root, v.since, min(
        CASE WHEN m.from_us > v.since THEN m.from_us
            WHEN m.until_us > v.since THEN m.until_us END), $turn
    FROM (SELECT DISTINCT customer_id, root, since FROM asked WHERE root IS NOT NULL) AS v
        JOIN memberships AS m ON m.customer_id = v.root
    WHERE v.customer_id NOT IN (SELECT customer_id FROM versions)
    GROUP BY v.customer_id, v.root, v.since
"""
_PLACES = """
    SELECT place FROM asked JOIN (
        SELECT customer_id, as_of, row_number() OVER (ORDER BY key_order) - 1 AS place FROM keys
    ) USING (customer_id, as_of) ORDER BY asked.key_order
"""
KEYS = "SELECT customer_id, as_of, min(key_order) AS key_order FROM asked GROUP BY ALL"
"""The keys to compute: two ids of one customer are one key."""


class Versions:
    """The versions that were asked for, in the tables ``asked`` and ``versions``."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, memberships: pa.Table) -> None:
        self._connection = connection
        self._turn = 0
        self._run(_TABLES, memberships)

    def ask(self, keys: pa.Table) -> int | None:
        """Translate ``keys`` into the table ``asked``.

        Returns the turn whose versions nothing asked for before, None where there are none.
        """
        self._turn += 1
        self._connection.execute("DELETE FROM asked")
        self._run(_ASK, keys)
        self._connection.execute(_MAKE, {"turn": self._turn})
        made = self._connection.execute(
            "SELECT count(*) FROM versions WHERE turn = ?", [self._turn]
        ).fetchall()
        return self._turn if made[0][0] else None

    def places(self) -> pa.Array:
        """For each key as it was given, its place among the keys that are computed."""
        found: pa.Table = self._connection.sql(_PLACES).to_arrow_table()
        return found.column("place").combine_chunks()

    def _run(self, statements: str, rows: pa.Table) -> None:
        self._connection.register("given", rows)
        self._connection.execute(statements)
        self._connection.unregister("given")


def of_members(source: str) -> str:
    """SQL for the events in ``source`` of ids that ever were joined."""
    return f"FROM {source} AS e WHERE EXISTS (FROM memberships AS m WHERE {_OWNS})"


def events_of(turn: int, source: str, columns: list[str]) -> str:
    """SQL for the events of the versions made in a turn, under the versions' keys."""
    selected = ("v.customer_id" if name == "customer_id" else f"e.{name}" for name in columns)
    return f"""
        SELECT {", ".join(selected)}
        FROM versions AS v
            JOIN memberships AS m ON m.customer_id = v.root
                AND m.from_us <= v.since AND v.since < m.until_us
            JOIN {source} AS e ON {_OWNS} AND epoch_us(e.ts) < v.until
        WHERE v.turn = {turn}
    """


_OWNS = """m.member_id = coalesce(e.customer_id, e.anonymous_id)
    AND m.member_kind = CASE WHEN e.customer_id IS NULL THEN 'anonymous' ELSE 'customer' END"""
