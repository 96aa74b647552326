"""Whose stored rows a window edge has passed."""

from collections.abc import Sequence
from datetime import datetime

from feature_repo.online import OnlineReader
from retain.clock import to_micros


def due(reader: OnlineReader, customer_ids: Sequence[str], moment: datetime) -> list[str]:
    """Those of ``customer_ids`` whose rows do not hold any more at ``moment``."""
    ends = reader.ends(customer_ids, moment)
    return [one for one, end in zip(customer_ids, ends, strict=True) if end <= to_micros(moment)]
