"""The "Online Retail" and "Online Retail II" files: invoice lines become orders and refunds.

Source of the data: D. Chen, UCI Machine Learning Repository (CC BY 4.0). An invoice beginning
with C is a cancellation. What the files do not say is declared in ``online_retail.yaml``.
"""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import pyarrow as pa
import yaml

from retain.clock import to_micros
from retain.event import EARLIEST, EVENT_SCHEMA, FUTURE_TOLERANCE
from retain.event_table import TableReader
from retain.importers.reading import Request
from retain.importers.recognise import ONLINE_RETAIL, another_format, pick
from retain.importers.report import Tally
from retain.importers.set_aside_file import SetAsideFile
from retain.importers.staging import Staging
from retain.importers.table_files import open_table
from retain.importers.wording import as_id, as_number, as_text, in_utc, quoted

SOURCE = "online-retail"


@cache
def declared() -> Mapping[str, Any]:
    """``online_retail.yaml``: codes that are no products, categories, zone and currency."""
    text = files("retain.importers").joinpath("online_retail.yaml").read_text("utf-8")
    table: Mapping[str, Any] = yaml.safe_load(text)
    return table


class OnlineRetailReading:
    """One Online Retail file."""

    def __init__(self, request: Request) -> None:
        file = open_table(request.paths[0])
        picked = pick(file.columns, ONLINE_RETAIL)
        if picked is None:
            expected = [" or ".join(spellings) for spellings in ONLINE_RETAIL.values()]
            raise another_format(request.paths[0], SOURCE, expected, file.columns)
        self._request = request
        self._staging = Staging(request.database, file)
        self._columns = {name: self._staging.inner[column] for name, column in picked.items()}
        self._time_column = picked["time"]

    def progress(self) -> tuple[int, int]:
        """See :class:`retain.importers.reading.Reading`."""
        return self._staging.progress()

    def events(self, tally: Tally, aside: SetAsideFile) -> Iterator[pa.Table]:
        """See :class:`retain.importers.reading.Reading`."""
        staging = self._staging
        for _ in staging.load():
            yield EVENT_SCHEMA.empty_table()
        tally.rows_read = staging.rows
        latest = to_micros(self._request.received_at + FUTURE_TOLERANCE)
        staging.run(_lines(self._columns, self._local_time(), list(staging.inner.values())))
        staging.run(_judged(latest))
        staging.set_aside("SELECT row, reason, detail FROM judged WHERE reason IS NOT NULL", aside)
        staging.run(_categories())
        currency = self._request.currency or str(declared()["currency"])
        staging.group(
            ", any_value(customer) AS customer, any_value(invoice) AS invoice, "
            "arg_min(country, row) AS country"
        )
        staging.run(_profiles())
        reader = TableReader(self._request.received_at)
        yield from staging.read(_candidates(currency), reader, tally, aside)

    def _local_time(self) -> str:
        column = self._columns["time"]
        if self._staging.types()[self._time_column].startswith(("TIMESTAMP", "DATE")):
            return f"CAST({column} AS TIMESTAMP)"
        text = as_text(column)
        part = "regexp_extract(" + text + ", '^([0-9]+)/([0-9]+)/', {})"
        count = "count(*) FILTER (WHERE TRY_CAST({} AS INTEGER) > 12)"
        query = ", ".join(count.format(part.format(place)) for place in (1, 2))
        (day_first, month_first), *_ = self._staging.rows_of(f"SELECT {query} FROM source")
        day = "%d/%m/%Y" if day_first > month_first else "%m/%d/%Y"
        formats = ", ".join(quoted(f"{day} {clock}") for clock in ("%H:%M", "%H:%M:%S"))
        return f"coalesce(TRY_CAST({text} AS TIMESTAMP), try_strptime({text}, [{formats}]))"


def _lines(columns: Mapping[str, str], local_time: str, every_column: list[str]) -> str:
    zone = declared()["zone"]
    return f"""CREATE TABLE lines AS
        SELECT row, malformed,
            upper({as_id(columns["invoice"])}) AS invoice,
            {as_id(columns["stock_code"])} AS code,
            {as_text(columns["description"])} AS description,
            {as_number(columns["quantity"])} AS quantity,
            {as_number(columns["price"])} AS price,
            {as_id(columns["customer_id"])} AS customer,
            {as_text(columns["country"])} AS country,
            {in_utc(local_time, zone)} AS ts,
            {as_text(columns["time"])} AS given_time,
            row_number() OVER (PARTITION BY {", ".join(every_column)} ORDER BY row) AS copy,
            starts_with(invoice, 'C') AS is_refund, concat(invoice, ' ', customer) AS grp
        FROM source"""


def _judged(latest: int) -> str:
    codes = ", ".join(quoted(str(code).upper()) for code in declared()["non_product_codes"])
    prefixes = " OR ".join(
        f"starts_with(upper(code), {quoted(prefix)})"
        for prefix in declared()["non_product_prefixes"]
    )
    rules = {
        "malformed_row": ("malformed IS NOT NULL", "malformed"),
        "no_customer_id": ("customer IS NULL", "'the line has no customer id'"),
        "duplicate": ("copy > 1", "'the same line stands in this file before'"),
        "no_order_id": ("invoice IS NULL", "'the line has no invoice number'"),
        "unparseable_time": ("ts IS NULL", "concat('not a time: ', coalesce(given_time, 'blank'))"),
        "future_time": (f"epoch_us(ts) > {latest}", "concat(given_time, ' has not come yet')"),
        "implausible_time": (
            f"epoch_us(ts) < {to_micros(EARLIEST)}",
            "concat(given_time, ' is too long ago')",
        ),
        "non_product_code": (
            f"code IS NULL OR upper(code) IN ({codes}) OR {prefixes}",
            "concat(coalesce(code, 'no stock code'), ' is not a product')",
        ),
        "invalid_quantity": ("quantity IS NULL", "'the quantity is not a number'"),
        "zero_quantity": ("quantity = 0", "'the quantity is 0'"),
        "negative_quantity": (
            "quantity < 0 AND NOT is_refund",
            "'a negative quantity outside a cancellation'",
        ),
        "positive_quantity": (
            "quantity > 0 AND is_refund",
            "'a positive quantity in a cancellation'",
        ),
        "invalid_price": ("price IS NULL", "'the price is not a number'"),
        "price_not_positive": ("price <= 0", "concat('the price is ', price)"),
    }
    reasons = " ".join(f"WHEN {rule} THEN {quoted(name)}" for name, (rule, _) in rules.items())
    details = " ".join(f"WHEN {rule} THEN {detail}" for rule, detail in rules.values())
    return (
        f"CREATE TABLE judged AS SELECT *, CASE {reasons} END AS reason, "
        f"CASE {details} END AS detail FROM lines"
    )


def _categories() -> str:
    """One category per stock code, from the description most of its lines have."""
    cases = " ".join(
        f"WHEN regexp_matches(upper(description), {quoted(_any_word(row['words']))}) "
        f"THEN {quoted(row['category'])}"
        for row in declared()["categories"]
    )
    return f"""CREATE TABLE categories AS
        SELECT code, CASE {cases} ELSE 'other' END AS category
        FROM (SELECT code, description, count(*) AS times FROM judged
              WHERE reason IS NULL GROUP BY code, description)
        QUALIFY row_number() OVER (PARTITION BY code ORDER BY times DESC, description) = 1"""


def _any_word(words: list[str]) -> str:
    return rf"\b(?:{'|'.join(re.escape(word) for word in words)})\b"


def _profiles() -> str:
    """``profiles``: where a customer's country is first seen or changes."""
    no_country = ", ".join(quoted(name) for name in declared()["no_country"])
    return f"""CREATE TABLE profiles AS
        SELECT customer, country, ts, bucket FROM groups
        WHERE country IS NOT NULL AND country NOT IN ({no_country})
        QUALIFY country IS DISTINCT FROM
            lag(country) OVER (PARTITION BY customer ORDER BY ts, invoice)"""


def _candidates(currency: str) -> str:
    return f"""
        WITH candidates AS (
            SELECT concat('{SOURCE}:', invoice, ':', customer) AS event_id,
                CASE WHEN is_refund THEN 'order_refunded' ELSE 'order_completed' END AS type,
                customer, min(ts) AS ts, list(row ORDER BY row) AS rows, 1 AS place,
                to_json({{
                    'order_id': invoice, 'currency': {quoted(currency)},
                    'lines': list({{'product_id': code, 'category': category,
                        'quantity': abs(quantity), 'price': price}} ORDER BY row),
                    'total': round(sum(abs(quantity) * price), 4)
                }}) AS properties
            FROM members LEFT JOIN categories USING (code)
            GROUP BY invoice, customer, is_refund
            UNION ALL
            SELECT concat('{SOURCE}:profile:', customer, ':', country, ':', epoch_us(ts)),
                'profile_updated', customer, ts, CAST([] AS BIGINT[]), 0,
                to_json({{'country': country, 'currency': {quoted(currency)}}})
            FROM profiles WHERE bucket = {{bucket}}
        )
        SELECT event_id, type, customer AS customer_id, NULL::VARCHAR AS anonymous_id,
            NULL::VARCHAR AS session_id, ts, NULL::TIMESTAMPTZ AS sent_at,
            NULL::TIMESTAMPTZ AS received_at, NULL::VARCHAR AS channel, NULL::VARCHAR AS device,
            '{SOURCE}' AS source, CAST(properties AS VARCHAR) AS properties, rows
        FROM candidates ORDER BY ts, place, event_id"""
