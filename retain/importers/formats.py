"""The formats an import can be asked for, and what each expects of a file."""

from collections.abc import Callable, Mapping

from retain.envelopes import unwrap
from retain.importers.online_retail import OnlineRetailReading
from retain.importers.reading import Reading, Request
from retain.importers.records import RecordReading, as_it_is

Opener = Callable[[Request], Reading]

_OPENERS: Mapping[str, Opener] = {
    "retain": lambda request: RecordReading(request, as_it_is),
    "segment": lambda request: RecordReading(request, unwrap),
    "online-retail": OnlineRetailReading,
}
FORMATS = tuple(_OPENERS)


def open_reading(request: Request) -> Reading:
    """The reading of ``request``'s format.

    Raises:
        UnreadableFile: the file is not of that format.
    """
    return _OPENERS[request.format](request)
