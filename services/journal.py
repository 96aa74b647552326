"""The log of the serving processes: a line of JSON for each thing that is worth one.

No line holds a customer's id, the content of an event or a secret. So the text of an error
nobody expected is left out below the level ``debug``: it quotes the value that was wrong.
"""

import atexit
import json
import logging
import sys
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from queue import Empty, Full, Queue
from types import TracebackType
from typing import Any, TextIO

from retain.errors import RetainError
from retain.telemetry import Telemetry
from services.gate.visit import Visit

TRACE = ("trace_id", "span_id")
FIELDS = (
    *("request_id", "route", "status", "duration_ms", "decision_id", "decisions", "key"),
    *("omitted", *TRACE),
)
"""What a line may say beside its message: ``log.info("…", extra={"route": …})``."""
LINES_A_SECOND = 20
"""Of one place in the code: a store that is away must not become a flood of lines."""
ACCESSES = "retain.access"
"""The logger of requests, which sees to its own number of lines."""
_FRAMES = 12
_MOST_WAITING = 10_000
_WRITTEN_WITHIN_SECONDS = 2.0
# these log with handlers of their own where the framework starts them
_FRAMEWORK = ("bentoml", "circus", "uvicorn", "uvicorn.error", "uvicorn.access")
log = logging.getLogger("retain.service")


def begin(told: Telemetry, process: str, *, behind: bool = False, to: TextIO | None = None) -> None:
    """Log as ``told`` from now on, in the name of ``process``; also what libraries have to say.

    ``behind`` has a thread write the lines, so that a request never waits for whoever reads
    them; of more than 10,000 that wait the newest are lost, and counted.
    """
    stream = sys.stderr if to is None else to
    as_json = told.format == "json" or (told.format == "auto" and not stream.isatty())
    handler: logging.Handler = _Behind(stream) if behind else logging.StreamHandler(stream)
    handler.setFormatter((AsJson if as_json else AsText)(process, told.level))
    handler.addFilter(Steady())
    root = logging.getLogger()
    for one in root.handlers:
        if isinstance(one, _Behind):
            one.close()
    root.handlers = [handler]
    # what others report as information is about themselves
    root.setLevel(max(told.level, logging.WARNING))
    logging.getLogger("retain").setLevel(told.level)
    for name in _FRAMEWORK:
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    logging.getLogger("bentoml").setLevel(max(told.level, logging.INFO))
    # it would log paths, which hold customers' ids; without a handler it costs nothing either
    logging.getLogger("uvicorn.access").propagate = False
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


class Steady(logging.Filter):
    """Lets so many lines of one place pass in a second; the next one after it says what was cut."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, int], list[int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether ``record`` passes."""
        if record.name == ACCESSES:
            return True
        second = int(record.created)
        place = self._seen.setdefault((record.pathname, record.lineno), [second, 0, 0])
        if place[0] != second:
            place[:2] = second, 0
        place[1] += 1
        if place[1] > LINES_A_SECOND:
            place[2] += 1
            return False
        if place[2]:
            record.omitted, place[2] = place[2], 0
        return True


class AsJson(logging.Formatter):
    """One object a line: time, level, logger, process, message, and what of FIELDS is known."""

    def __init__(self, process: str, level: int) -> None:
        super().__init__()
        self._process = process
        self._texts = level <= logging.DEBUG

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        return json.dumps(self._told(record), default=str)

    def _told(self, record: logging.LogRecord) -> dict[str, Any]:
        said: dict[str, Any] = {
            "time": _time(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": self._process,
            "message": record.getMessage(),
        }
        known = record.__dict__
        said |= {name: known[name] for name in FIELDS if known.get(name) is not None}
        if record.exc_info and record.exc_info[1] is not None:
            said["error"] = list(_chain(record.exc_info[1], texts=self._texts))
        return said


class AsText(AsJson):
    """The same for a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and below it where an error was raised."""
        told = self._told(record)
        errors = told.pop("error", ())
        begun = " ".join(str(told.pop(name)) for name in ("time", "level", "message"))
        del told["logger"], told["process"]
        # a message of several lines would pass for several messages
        lines = [" ".join([begun, *(f"{k}={v}" for k, v in told.items())]).replace("\n", "\\n")]
        for one in errors:
            lines.append(f"  {one['type']} {one.get('message', '')}".rstrip())
            lines += [f"    {where}" for where in one["where"]]
        return "\n".join(lines)


class _Behind(logging.Handler):
    """Hands formatted lines to a thread that writes them; never waits, and loses the newest."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: Queue[str | None] = Queue(_MOST_WAITING)
        self._lost = 0
        self._thread = threading.Thread(target=self._write, name="retain-journal", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 - a line that cannot be made must not end a request
            self._lost += 1
            return
        try:
            self._lines.put_nowait(line)
        except Full:
            self._lost += 1

    def close(self) -> None:
        """Have what waits written, within two seconds."""
        if self._thread.is_alive():
            try:
                self._lines.put(None, timeout=_WRITTEN_WITHIN_SECONDS)
            except Full:
                return
            self._thread.join(_WRITTEN_WITHIN_SECONDS)
        super().close()

    def _write(self) -> None:
        while (first := self._lines.get()) is not None:
            lines, ended = [first], False
            while not ended:
                try:
                    line = self._lines.get_nowait()
                except Empty:
                    break
                if line is None:
                    ended = True
                else:
                    lines.append(line)
            self._put(lines)
            if ended:
                return

    def _put(self, lines: list[str]) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            lines.append(json.dumps({"level": "warning", "message": f"{lost} lines were lost"}))
        try:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            # a full disk, or nobody who reads: what cannot be told is counted
            self._lost += len(lines)


def _chain(error: BaseException, *, texts: bool) -> Iterator[dict[str, Any]]:
    """``error`` and what it came from: types and places, and ``texts`` where they are wanted."""
    seen: BaseException | None = error
    for _ in range(_FRAMES):
        if seen is None:
            return
        frames = traceback.extract_tb(seen.__traceback__)[-_FRAMES:]
        told: dict[str, Any] = {"type": f"{type(seen).__module__}.{type(seen).__qualname__}"}
        if texts:
            told["message"] = str(seen)
        told["where"] = [f"{one.filename}:{one.lineno} {one.name}" for one in frames]
        yield told
        hidden = seen.__suppress_context__
        seen = seen.__cause__ or (None if hidden else seen.__context__)


def _time(seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return at.replace("+00:00", "Z")


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("the process ends by %s", described(error), exc_info=(kind, error, trace))


def _uncaught_in_thread(given: threading.ExceptHookArgs) -> None:
    if given.exc_value is not None and not issubclass(given.exc_type, SystemExit):
        name = given.thread.name if given.thread is not None else "a thread"
        told = (given.exc_type, given.exc_value, given.exc_traceback)
        log.critical("%s ends by %s", name, described(given.exc_value), exc_info=told)


def about(visit: Visit | None) -> dict[str, Any]:
    """What tells lines of one request from those of others, as ``extra``."""
    if visit is None:
        return {}
    return {
        "request_id": visit.request_id,
        "route": visit.route,
        "key": visit.key,
        "decision_id": visit.decision_id,
        "decisions": visit.decisions,
    }


def described(error: BaseException) -> str:
    """``error`` in words that quote nothing: those of a domain error, else its type."""
    return error.message if isinstance(error, RetainError) else type(error).__name__
