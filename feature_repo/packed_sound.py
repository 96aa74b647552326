"""Reads that one unusable row does not spoil for everybody else; no Feast.

A row written by another version of the features (while a new version is rolled out), or a
damaged one, is as if it were not there: whoever can compute it again does, and writes it anew.
"""

import logging
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa

from feature_repo.packed_ages import Ages
from feature_repo.packed_reader import PackedReader, PackedTable
from retain.errors import FingerprintMismatch

log = logging.getLogger("retain.service")


def sound_table(reader: PackedReader, customer_ids: Sequence[str], at: datetime) -> PackedTable:
    """As :meth:`PackedReader.read_table`, an unusable row being as none at all.

    Where there is one, the list is read again in halves until it stands alone.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    try:
        return reader.read_table(customer_ids, at)
    except FingerprintMismatch as error:
        if len(customer_ids) == 1:
            log.warning("computing a customer from the log: %s", error)
            return reader.nothing(customer_ids)
    middle = len(customer_ids) // 2
    parts = [sound_table(reader, own, at) for own in (customer_ids[:middle], customer_ids[middle:])]
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
