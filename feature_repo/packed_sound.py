"""Reads that one unusable row does not spoil for everybody else; no Feast.

A row written by another version of the features (while a new version is rolled out), or a
damaged one, is as if it were not there: whoever can compute it again does, and writes it anew.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

import numpy as np
import pyarrow as pa

from feature_repo.packed_ages import Ages
from feature_repo.packed_reader import PackedReader, PackedTable
from retain.errors import FingerprintMismatch

log = logging.getLogger("retain.service")
Part = TypeVar("Part")


def in_sound_parts(
    customer_ids: Sequence[str],
    read: Callable[[Sequence[str]], Part],
    instead: Callable[[Sequence[str], FingerprintMismatch], Part],
) -> list[Part]:
    """What ``read`` gives for all at once, or for parts of the list, in its order.

    Where there is an unusable row, the list is read again in halves until it stands alone;
    ``instead`` is asked for that one.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    try:
        return [read(customer_ids)]
    except FingerprintMismatch as error:
        if len(customer_ids) == 1:
            return [instead(customer_ids, error)]
    middle = len(customer_ids) // 2
    halves = customer_ids[:middle], customer_ids[middle:]
    return [part for half in halves for part in in_sound_parts(half, read, instead)]


def sound_table(reader: PackedReader, customer_ids: Sequence[str], at: datetime) -> PackedTable:
    """As :meth:`PackedReader.read_table`, an unusable row being as none at all.

    Raises:
        StoreUnavailable: the store did not answer.
    """

    def nothing(unusable: Sequence[str], error: FingerprintMismatch) -> PackedTable:
        log.warning("computing a customer from the log: %s", error)
        return reader.nothing(unusable)

    parts = in_sound_parts(customer_ids, lambda ids: reader.read_table(ids, at), nothing)
    if len(parts) == 1:
        return parts[0]
    ages = [part.ages for part in parts]
    return PackedTable(
        pa.concat_tables([part.table for part in parts]),
        Ages(
            ages[0].views,
            np.concatenate([own.event_us for own in ages]),
            np.concatenate([own.present for own in ages]),
            np.concatenate([own.stale for own in ages]),
        ),
    )
