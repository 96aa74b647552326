"""One import, from a file to the log and its report."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from retain.clock import now
from retain.errors import InvalidInput, UnreadableFile
from retain.eventlog import EventLog
from retain.importers.currency import known_currency
from retain.importers.formats import FORMATS, open_reading, store
from retain.importers.reading import Request
from retain.importers.report import ImportReport, Tally
from retain.importers.scratch import Distinct, scratch
from retain.importers.set_aside_file import UNFINISHED, SetAsideFile
from retain.importers.source import digest, kind_of

Progress = Callable[[int, int], None]


def import_file(
    path: Path,
    format: str,  # noqa: A002 - the word of the command line
    log: EventLog,
    folder: Path,
    *,
    mapping: Path | None = None,
    currency: str | None = None,
    progress: Progress | None = None,
    received_at: datetime | None = None,
    mark_pending: bool = False,
    dry_run: bool = False,
) -> ImportReport:
    """Read the file at ``path`` into ``log``.

    Importing a file again adds nothing, and an import that was killed is simply started
    again: event ids come from the file's content. ``report.json`` and, where rows were set
    aside, ``set_aside.csv`` are written to a folder of their own under ``folder``, named by
    the file and its digest. ``mapping`` is the YAML file of the format ``csv``; ``currency``
    is that of orders which name none; ``progress`` is told rows done and rows in all.
    With ``mark_pending`` the customers are noted as not yet reflected in the online features.
    A ``dry_run`` reads and judges every row and stores nothing but the report, in a folder
    whose name ends in ``-dry-run``.

    Raises:
        InvalidInput: the format, mapping or currency is not one.
        UnreadableFile: the file is missing, empty, damaged, or of another format; wrong
            rows are never an error.
        StoreUnavailable: the log did not answer; start the import again.
    """
    if format not in FORMATS:
        raise InvalidInput(
            f"{format!r} is not a format", remedy=f"one of {', '.join(FORMATS)}", field="format"
        )
    currency = known_currency(currency)
    paths = _files(path)
    for part in paths:
        kind_of(part)
    content = digest(paths)
    kept_in = folder / f"{path.name}-{content[:12]}{'-dry-run' if dry_run else ''}"
    with scratch(folder) as database:
        request = Request(paths, format, received_at or now(), database, mapping, currency)
        reading = open_reading(request)
        tally = Tally()
        customers = Distinct(database, "customers")
        kept_in.mkdir(parents=True, exist_ok=True)
        aside = SetAsideFile(kept_in / "set_aside.csv", tally)
        try:
            for events in reading.events(tally, aside):
                tally.read(events)
                if not dry_run:
                    new = store(format, log, events, mark_pending=mark_pending)
                    tally.stored(events, new)
                if "customer_id" in events.column_names:
                    customers.add(events.column("customer_id"))
                if progress:
                    progress(*reading.progress())
        finally:
            aside.close()
        report = tally.report(
            file=path.name,
            format_name=format,
            digest=content,
            folder=kept_in,
            customers=customers.count(),
            dry_run=dry_run,
        )
    aside.finish()
    unfinished = kept_in / f"report.json{UNFINISHED}"
    unfinished.write_text(report.to_json(), "utf-8")
    unfinished.replace(kept_in / "report.json")
    return report


def _files(path: Path) -> tuple[Path, ...]:
    if not path.is_dir():
        return (path,)
    found = sorted(
        part
        for pattern in ("events*.parquet", "events*.jsonl", "events*.jsonl.gz")
        for part in path.glob(pattern)
    )
    if not found:
        raise UnreadableFile(
            f"{path} is a folder without event files",
            remedy="name a file, or a folder of events*.parquet or events*.jsonl",
        )
    return tuple(found)
