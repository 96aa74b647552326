"""Product feeds: tables of id, name, category, price, margin, in stock, and since when."""

from collections.abc import Iterator

import pyarrow as pa

from retain.clock import to_micros
from retain.event import EARLIEST, FUTURE_TOLERANCE
from retain.importers.mapped_sql import Columns
from retain.importers.mapping import Time
from retain.importers.reading import Request
from retain.importers.recognise import PRODUCTS, another_format, pick
from retain.importers.report import Tally
from retain.importers.set_aside_file import SetAsideFile
from retain.importers.staging import Staging
from retain.importers.table_files import open_table
from retain.importers.wording import as_id, as_number, as_text, judging
from retain.products import PRODUCT_SCHEMA

_IN_STOCK = "('true', 't', 'yes', 'y', '1', '1.0', 'in stock', 'in_stock', 'instock')"
_OUT_OF_STOCK = (
    "('false', 'f', 'no', 'n', '0', '0.0', 'out of stock', 'out_of_stock', 'outofstock')"
)


class ProductReading:
    """One product feed. Rows without a time hold from the moment of the import on."""

    def __init__(self, request: Request) -> None:
        file = open_table(request.paths[0])
        needed = {name: PRODUCTS[name] for name in ("product_id", "price")}
        if pick(file.columns, needed) is None:
            expected = [" or ".join(spellings) for spellings in needed.values()]
            raise another_format(request.paths[0], request.format, expected, file.columns)
        self._request = request
        self._staging = Staging(request.database, file)
        self._columns = {
            name: found[name]
            for name, spellings in PRODUCTS.items()
            if (found := pick(file.columns, {name: spellings})) is not None
        }

    def progress(self) -> tuple[int, int]:
        """See :class:`retain.importers.reading.Reading`."""
        return self._staging.progress()

    def events(self, tally: Tally, aside: SetAsideFile) -> Iterator[pa.Table]:
        """Tables of :data:`retain.products.PRODUCT_SCHEMA`, in the order of their times."""
        staging = self._staging
        for _ in staging.load():
            yield PRODUCT_SCHEMA.empty_table()
        tally.rows_read = staging.rows
        staging.run(self._feed())
        staging.run(_judged(to_micros(self._request.received_at + FUTURE_TOLERANCE)))
        staging.set_aside("SELECT row, reason, detail FROM judged WHERE reason IS NOT NULL", aside)
        names = ", ".join("since" if n == "at" else n for n in PRODUCT_SCHEMA.names)
        for table in staging.tables(
            f"SELECT {names} FROM judged WHERE reason IS NULL ORDER BY since, row"
        ):
            tally.rows_kept += table.num_rows
            staging.kept += table.num_rows
            yield table.rename_columns(PRODUCT_SCHEMA.names).cast(PRODUCT_SCHEMA)

    def _feed(self) -> str:
        inner = {name: self._staging.inner[column] for name, column in self._columns.items()}

        def raw(name: str) -> str:
            return inner.get(name, "NULL")

        at = f"make_timestamptz({to_micros(self._request.received_at)})"
        if "at" in self._columns:
            columns = Columns(self._staging.inner, self._staging.types())
            at = columns.time(Time(column=(self._columns["at"],), format=("iso", "epoch")))
        stock = f"lower({as_text(raw('in_stock'))})"
        every = ", ".join(self._staging.inner.values())
        return f"""CREATE TABLE feed AS
            SELECT row, malformed, {as_id(raw("product_id"))} AS product_id,
                {as_text(raw("name"))} AS name, {as_text(raw("category"))} AS category,
                {as_number(raw("price"))} AS price, {as_text(raw("price"))} AS given_price,
                {as_number(raw("margin"))} AS margin, {as_text(raw("margin"))} AS given_margin,
                CASE WHEN {stock} IN {_IN_STOCK} THEN true WHEN {stock} IN {_OUT_OF_STOCK}
                    THEN false END AS in_stock, {stock} AS given_stock,
                {at} AS since, {as_text(raw("at"))} AS given_time,
                row_number() OVER (PARTITION BY {every} ORDER BY row) AS copy
            FROM source"""


def _judged(latest: int) -> str:
    rules = [
        ("malformed_row", "malformed IS NOT NULL", "malformed"),
        ("no_product_id", "product_id IS NULL", "'no product id'"),
        ("invalid_field", "length(product_id) > 200", "'the product id is too long'"),
        ("duplicate", "copy > 1", "'the same row stands in this file before'"),
        (
            "unparseable_time",
            "since IS NULL",
            "concat('not a time: ', coalesce(given_time, 'blank'))",
        ),
        ("future_time", f"epoch_us(since) > {latest}", "concat(given_time, ' has not come yet')"),
        (
            "implausible_time",
            f"epoch_us(since) < {to_micros(EARLIEST)}",
            "concat(given_time, ' is too long ago')",
        ),
        (
            "invalid_price",
            "price IS NULL",
            "concat('not a price: ', coalesce(given_price, 'blank'))",
        ),
        ("price_not_positive", "price <= 0", "concat('the price is ', price)"),
        (
            "invalid_margin",
            "given_margin IS NOT NULL AND (margin IS NULL OR abs(margin) > 1)",
            "concat(given_margin, ' is not a share of the price, like 0.35')",
        ),
        (
            "invalid_in_stock",
            "given_stock IS NOT NULL AND in_stock IS NULL",
            "concat(given_stock, ' is neither yes nor no')",
        ),
    ]
    return f"CREATE TABLE judged AS SELECT *, {judging(rules)} FROM feed"
