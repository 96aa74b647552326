"""Files of other systems, read into the event log with an account of every row."""

from retain.importers.formats import FORMATS
from retain.importers.importing import import_file
from retain.importers.report import ImportReport

__all__ = ["FORMATS", "ImportReport", "import_file"]
