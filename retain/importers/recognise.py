"""What a file looks like, so that the wrong --format is answered with the right one."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from retain.errors import UnreadableFile

ONLINE_RETAIL: Mapping[str, tuple[str, ...]] = {
    "invoice": ("Invoice", "InvoiceNo"),
    "stock_code": ("StockCode",),
    "description": ("Description",),
    "quantity": ("Quantity",),
    "time": ("InvoiceDate",),
    "price": ("Price", "UnitPrice"),
    "customer_id": ("Customer ID", "CustomerID"),
    "country": ("Country",),
}
PRODUCTS: Mapping[str, tuple[str, ...]] = {
    "product_id": ("product_id", "id", "sku", "item_id"),
    "name": ("name", "title", "product_name"),
    "category": ("category", "product_category", "product_type"),
    "price": ("price", "unit_price"),
    "margin": ("margin",),
    "in_stock": ("in_stock", "availability", "available"),
    "at": ("at", "time", "timestamp", "updated_at"),
}
CALENDAR: Mapping[str, tuple[str, ...]] = {
    name: (name,) for name in ("date", "region", "kind", "name", "known_at", "withdrawn")
}
_SIGNS: Mapping[str, Sequence[Sequence[str]]] = {
    "online-retail": list(ONLINE_RETAIL.values()),
    "retailrocket": [("visitorid", "user_idx"), ("itemid", "item_idx"), ("event",)],
    "products": [PRODUCTS["product_id"], PRODUCTS["price"], ("margin", "in_stock")],
    "calendar": [CALENDAR["date"], CALENDAR["kind"], CALENDAR["known_at"]],
    "retain": [("type",), ("customer_id", "anonymous_id"), ("ts", "timestamp")],
    "segment": [("userId", "anonymousId"), ("type",)],
}


def looks_like(columns: Iterable[str]) -> tuple[str, ...]:
    """The formats whose columns these may be."""
    found = set(columns)
    return tuple(
        name
        for name, signs in _SIGNS.items()
        if all(any(spelling in found for spelling in spellings) for spellings in signs)
    )


def pick(columns: Sequence[str], wanted: Mapping[str, Sequence[str]]) -> dict[str, str] | None:
    """For each name wanted the column that has it, by the first spelling; None if one lacks.

    Case, spaces and underscores do not matter.
    """
    by_spelling = {_plain(column): column for column in reversed(columns)}
    picked = {}
    for name, spellings in wanted.items():
        found = next((by_spelling[_plain(s)] for s in spellings if _plain(s) in by_spelling), None)
        if found is None:
            return None
        picked[name] = found
    return picked


def another_format(
    path: Path, format_name: str, expected: Iterable[str], found: Iterable[str]
) -> UnreadableFile:
    """The error for a file that is not of the format it was said to be."""
    columns = list(found)
    others = [name for name in looks_like(columns) if name != format_name]
    shown = ", ".join(columns[:20]) or "none"
    remedy = (
        f"it looks like --format {' or '.join(others)}"
        if others
        else "check --format; any table can be read with --format csv --map mapping.yaml"
    )
    return UnreadableFile(
        f"{path} is not of the format {format_name}: it needs the columns "
        f"{', '.join(expected)}, and has {shown}",
        remedy=remedy,
    )


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
