"""Holm's step-down correction: many comparisons, one error rate.

Source: S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure" (1979).
"""

from collections.abc import Sequence


def adjusted(p_values: Sequence[float]) -> list[float]:
    """P-values that may each be read against the one level, in the order given.

    The smallest is multiplied by how many there are, the next by one fewer, and so on; none
    comes out below one before it, nor above 1.
    """
    count = len(p_values)
    found = [1.0] * count
    least = 0.0
    for step, place in enumerate(sorted(range(count), key=lambda at: p_values[at])):
        least = max(least, min(1.0, (count - step) * p_values[place]))
        found[place] = least
    return found
