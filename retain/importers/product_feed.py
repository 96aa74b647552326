"""Product feeds: tables of id, name, category, price, margin, in stock, and since when."""

from collections.abc import Sequence

from retain.clock import to_micros
from retain.event import EARLIEST
from retain.importers.recognise import PRODUCTS
from retain.importers.table_reading import TableReading
from retain.importers.wording import as_id, as_number, as_text
from retain.products import PRODUCT_SCHEMA

_IN_STOCK = "('true', 't', 'yes', 'y', '1', '1.0', 'in stock', 'in_stock', 'instock')"
_OUT_OF_STOCK = (
    "('false', 'f', 'no', 'n', '0', '0.0', 'out of stock', 'out_of_stock', 'outofstock')"
)


class ProductReading(TableReading):
    """One product feed. Rows without a time hold from the moment of the import on."""

    schema = PRODUCT_SCHEMA
    spellings = PRODUCTS
    needed = ("product_id", "price")
    kept = tuple("since" if name == "at" else name for name in PRODUCT_SCHEMA.names)
    order = "since, row"

    def entries(self) -> str:
        """See :meth:`TableReading.entries`."""
        raw = self.raw
        since = f"make_timestamptz({to_micros(self.received_at)})"
        if "at" in self._columns:
            since = self.time("at")
        stock = f"lower({as_text(raw('in_stock'))})"
        every = ", ".join(self._staging.inner.values())
        return f"""SELECT row, malformed, {as_id(raw("product_id"))} AS product_id,
                {as_text(raw("name"))} AS name, {as_text(raw("category"))} AS category,
                {as_number(raw("price"))} AS price, {as_text(raw("price"))} AS given_price,
                {as_number(raw("margin"))} AS margin, {as_text(raw("margin"))} AS given_margin,
                CASE WHEN {stock} IN {_IN_STOCK} THEN true WHEN {stock} IN {_OUT_OF_STOCK}
                    THEN false END AS in_stock, {stock} AS given_stock,
                {since} AS since, {as_text(raw("at"))} AS given_time,
                row_number() OVER (PARTITION BY {every} ORDER BY row) AS copy
            FROM source"""

    def rules(self, latest: int) -> Sequence[tuple[str, str, str]]:
        """See :meth:`TableReading.rules`."""
        return [
            ("malformed_row", "malformed IS NOT NULL", "malformed"),
            ("no_product_id", "product_id IS NULL", "'no product id'"),
            ("invalid_field", "length(product_id) > 200", "'the product id is too long'"),
            ("duplicate", "copy > 1", "'the same row stands in this file before'"),
            (
                "unparseable_time",
                "since IS NULL",
                "concat('not a time: ', coalesce(given_time, 'blank'))",
            ),
            (
                "future_time",
                f"epoch_us(since) > {latest}",
                "concat(given_time, ' has not come yet')",
            ),
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
