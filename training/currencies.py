"""Currencies: what a reader of amounts has to know where a shop has several."""

from collections import Counter

from retain.columns import Columns


def sentences(people: Columns) -> tuple[str, ...]:
    """Of the currencies these customers pay in; none where it is one, or none is known."""
    counts = Counter(str(one) for one in people["currency"] if one is not None)
    if len(counts) < 2:
        return ()
    shares = ", ".join(f"{name} {n / counts.total():.0%}" for name, n in counts.most_common())
    sentence = (
        f"Customers pay in {len(counts)} currencies ({shares}): every amount is learned and "
        "answered in the customer's own, nothing is converted, and totals and comparisons of "
        "amounts mix them."
    )
    return (sentence,)
