"""The formats an import can be asked for, and what each expects of a file."""

from collections.abc import Callable, Mapping

import pyarrow as pa

from retain.calendar import Calendar
from retain.envelopes import unwrap
from retain.errors import InvalidInput
from retain.eventlog import EventLog
from retain.importers.calendar import CalendarReading
from retain.importers.mapped import MappedReading
from retain.importers.mapping import load, preset
from retain.importers.online_retail import OnlineRetailReading
from retain.importers.product_feed import ProductReading
from retain.importers.reading import Reading, Request
from retain.importers.records import RecordReading, as_it_is
from retain.products import Products

Opener = Callable[[Request], Reading]


def _by_mapping(request: Request) -> Reading:
    if request.mapping is None:
        raise InvalidInput(
            "the format csv needs a mapping: which column means what",
            remedy="write one as docs/guides/importing.md describes, and name it with --map",
            field="mapping",
        )
    return MappedReading(request, load(request.mapping))


_OPENERS: Mapping[str, Opener] = {
    "retain": lambda request: RecordReading(request, as_it_is),
    "segment": lambda request: RecordReading(request, unwrap),
    "online-retail": OnlineRetailReading,
    "cdnow": lambda request: MappedReading(request, preset("cdnow")),
    "retailrocket": lambda request: MappedReading(request, preset("retailrocket")),
    "csv": _by_mapping,
    "products": ProductReading,
    "calendar": CalendarReading,
}
FORMATS = tuple(_OPENERS)


def open_reading(request: Request) -> Reading:
    """The reading of ``request``'s format.

    Raises:
        UnreadableFile: the file is not of that format.
    """
    return _OPENERS[request.format](request)


def store(format_name: str, log: EventLog, table: pa.Table, *, mark_pending: bool) -> int:
    """Write what a reading of this format yields; returns how many rows were new.

    Raises:
        StoreUnavailable: the store did not answer.
    """
    if format_name == "products":
        return Products(log.engine).append(table)
    if format_name == "calendar":
        return Calendar(log.engine).append(table)
    return log.append(table, mark_pending=mark_pending).accepted
