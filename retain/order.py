"""What an order event must say about its value."""

from collections.abc import Mapping
from typing import Any

from retain.set_aside import Refused

MAX_NUMBER = 1e11
"""No amount, quantity or score is larger: sums of what is accepted stay exact decimals."""

ORDER_TYPES = frozenset({"order_completed", "order_cancelled", "order_refunded"})
RETURN_TYPES = frozenset({"order_cancelled", "order_refunded"})


def settle(type_name: str, properties: dict[str, Any]) -> None:
    """Give an order its ``total``; what comes back counts as positive amounts in a return.

    Raises:
        Refused: the value is unknown, or negative where something was bought.
    """
    lines = properties.get("lines") or ()
    if type_name in RETURN_TYPES:
        for line in lines:
            if (quantity := line.get("quantity")) is not None:
                line["quantity"] = abs(quantity)
        if (given := properties.get("total")) is not None:
            properties["total"] = abs(given)
    for line in lines:
        _check_line(line)
    total = order_total(properties)
    if total is None:
        raise Refused("no_value", f"{type_name} needs `total` or priced `lines`")
    if total < 0:
        raise Refused("negative_value", "the total is negative: send an order_refunded")
    if total > MAX_NUMBER:
        raise Refused("invalid_property", f"the total is more than {MAX_NUMBER:,.0f}")
    properties["total"] = total


def _check_line(line: Mapping[str, Any]) -> None:
    if (line.get("quantity") or 0) < 0:
        raise Refused("negative_quantity", "a line has a negative quantity: send an order_refunded")
    if (line.get("price") or 0) < 0:
        raise Refused("negative_value", "a line has a negative price")
    if line.get("price") is not None and abs(_line_value(line)) > MAX_NUMBER:
        raise Refused("invalid_property", f"a line is worth more than {MAX_NUMBER:,.0f}")


def order_total(properties: Mapping[str, Any]) -> float | None:
    """``total`` as given, else the lines' values less the order's discount; else None.

    The total is product revenue in the order's currency: after discounts, without
    shipping and tax where the lines are given. A line without a quantity is one piece.
    """
    if (total := properties.get("total")) is not None:
        return float(total)
    lines = properties.get("lines") or []
    if not lines or any(line.get("price") is None for line in lines):
        return None
    gross = sum(_line_value(line) for line in lines)
    return max(gross - (properties.get("discount") or 0), 0.0)


def _line_value(line: Mapping[str, Any]) -> float:
    quantity = line.get("quantity")
    pieces = 1.0 if quantity is None else float(quantity)
    return float(line["price"]) * pieces - (line.get("discount") or 0.0)
