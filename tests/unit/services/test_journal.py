"""The log: one JSON object a line, and no customer in any of them."""

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from retain.errors import InvalidInput
from retain.telemetry import Telemetry, read
from services import journal
from services.access_log import LINES_A_SECOND, AccessLog
from services.gate.visit import Visit

log = logging.getLogger("retain.service")
Begin = Callable[..., io.StringIO]


@pytest.fixture
def begin() -> Iterator[Begin]:
    names = ("", "retain", *journal._FRAMEWORK)
    loggers = [logging.getLogger(name) for name in names]
    kept = [(one, list(one.handlers), one.level, one.propagate) for one in loggers]
    hooks = sys.excepthook, threading.excepthook

    def made(told: Telemetry | None = None, **options) -> io.StringIO:
        stream = io.StringIO()
        journal.begin(told or Telemetry(), "worker", to=stream, **options)
        return stream

    yield made
    for one in logging.getLogger().handlers:
        one.close()
    for one, handlers, level, propagate in kept:
        one.handlers, one.propagate = handlers, propagate
        one.setLevel(level)
    sys.excepthook, threading.excepthook = hooks
    logging.captureWarnings(capture=False)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_object_with_what_is_known(begin) -> None:
    stream = begin()
    log.warning("it %s", "waits\nlong", extra={"route": "/predict", "status": 503, "secret": "s"})
    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "retain.service",
        "process": "worker",
        "message": "it waits\nlong",
        "route": "/predict",
        "status": 503,
    }


def failing() -> None:
    try:
        raise KeyError("C-marked")  # noqa: TRY301
    except KeyError as error:
        raise RuntimeError("C-marked failed") from error


@pytest.mark.parametrize("level", [logging.INFO, logging.DEBUG])
@pytest.mark.parametrize("form", ["json", "text"])
def test_what_went_wrong_is_told_by_type_and_place_and_quoted_only_in_debug(
    begin, level, form
) -> None:
    stream = begin(Telemetry(level=level, format=form))
    try:
        failing()
    except RuntimeError:
        log.exception("it failed")
    said = stream.getvalue()
    assert "builtins.RuntimeError" in said
    assert "builtins.KeyError" in said
    assert " failing" in said
    assert ("C-marked" in said) is (level == logging.DEBUG)


def test_text_has_one_line_for_a_message_whatever_it_holds(begin) -> None:
    stream = begin(Telemetry(format="text"))
    log.warning("first\n2026-11-22T09:00:00Z error forged", extra={"key": "abc"})
    (line,) = stream.getvalue().splitlines()
    assert line.endswith("key=abc")


def test_libraries_speak_through_the_same_log_and_only_when_it_matters(begin) -> None:
    stream = begin()
    logging.getLogger("uvicorn.error").error("a")
    logging.getLogger("uvicorn.error").info("b")
    logging.getLogger("bentoml.serve").info("c")
    logging.getLogger("some.library").info("d")
    logging.getLogger("some.library").warning("e")
    assert [line["message"] for line in lines(stream)] == ["a", "c", "e"]


def test_the_servers_own_access_log_is_off_and_costs_nothing(begin) -> None:
    stream = begin(Telemetry(level=logging.DEBUG))
    logger = logging.getLogger("uvicorn.access")
    logger.error("GET /customers/C-marked")
    assert stream.getvalue() == ""
    # what uvicorn asks before it puts a line together
    assert not logger.hasHandlers()


def test_the_level_is_that_of_the_settings(begin) -> None:
    stream = begin(Telemetry(level=logging.ERROR))
    log.warning("no")
    log.error("yes")
    assert [line["message"] for line in lines(stream)] == ["yes"]


def test_a_thread_writes_every_line_by_the_end_and_in_order(begin, monkeypatch) -> None:
    monkeypatch.setattr(journal, "LINES_A_SECOND", 1_000_000)
    stream = begin(behind=True)
    for number in range(2_000):
        log.warning("%d", number)
    logging.getLogger().handlers[0].close()
    assert [int(line["message"]) for line in lines(stream)] == list(range(2_000))


def test_whoever_logs_never_waits_for_whoever_reads(begin, monkeypatch) -> None:
    monkeypatch.setattr(journal, "LINES_A_SECOND", 1_000_000)

    class Stuck(io.StringIO):
        released = threading.Event()

        def write(self, text: str) -> int:
            self.released.wait()
            return super().write(text)

    stream = Stuck()
    journal.begin(Telemetry(), "worker", behind=True, to=stream)
    for number in range(25_000):
        log.warning("%d", number)
    stream.released.set()
    logging.getLogger().handlers[0].close()
    told = lines(stream)
    assert told[0]["message"] == "0"
    assert 10_000 <= len(told) <= 20_003
    assert any("lines were lost" in line["message"] for line in told)


def test_a_full_disk_ends_nothing_and_what_was_lost_is_told_later(begin) -> None:
    class Full(io.StringIO):
        full = True

        def write(self, text: str) -> int:
            if self.full:
                raise OSError(28, "No space left on device")
            return super().write(text)

    stream = Full()
    handler = journal._Behind(stream)
    handler._put(["one", "two"])
    stream.full = False
    handler._put(["three"])
    handler.close()
    assert stream.getvalue().splitlines()[0] == "three"
    assert "2 lines were lost" in stream.getvalue()


def test_an_error_that_ends_a_thread_is_one_line(begin) -> None:
    stream = begin()
    thread = threading.Thread(target=failing, name="retain-x")
    thread.start()
    thread.join()
    (line,) = lines(stream)
    assert line["message"] == "retain-x ends by RuntimeError"
    assert "C-marked" not in stream.getvalue()


def visit(status: int) -> Visit:
    one = Visit("/customers/{customer_id}", "r-1", 0.0, 0.0)
    one.status, one.key = status, "abcd"
    return one


@pytest.mark.parametrize(
    ("status", "seconds", "level"),
    [
        (200, 0.001, None),
        (404, 0.001, None),
        (422, 0.001, None),
        (200, 2.0, "info"),
        (401, 0.001, "warning"),
        (403, 0.001, "warning"),
        (429, 0.001, "warning"),
        (413, 0.001, "warning"),
        (500, 0.001, "error"),
        (503, 0.001, "error"),
        (504, 0.001, "error"),
    ],
)
def test_a_request_has_a_line_where_it_failed_was_refused_or_was_slow(
    begin, status, seconds, level
) -> None:
    stream = begin()
    AccessLog(Telemetry())(visit(status), seconds)
    assert [line["level"] for line in lines(stream)] == ([level] if level else [])


def test_a_line_names_template_status_duration_and_key(begin) -> None:
    stream = begin()
    AccessLog(Telemetry())(visit(500), 0.0123456)
    (line,) = lines(stream)
    told = {name: line[name] for name in ("request_id", "route", "status", "duration_ms", "key")}
    assert told == {
        "request_id": "r-1",
        "route": "/customers/{customer_id}",
        "status": 500,
        "duration_ms": 12.346,
        "key": "abcd",
    }


@pytest.mark.parametrize(("accesses", "count"), [("all", 2), ("errors", 1), ("off", 0)])
def test_the_access_log_is_of_all_of_errors_or_off(begin, accesses, count) -> None:
    stream = begin()
    note = AccessLog(Telemetry(accesses=accesses))
    note(visit(200), 0.001)
    note(visit(500), 0.001)
    assert len(lines(stream)) == count


def test_a_flood_of_refusals_is_no_flood_of_lines_and_is_counted(begin, monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr("services.access_log.perf_counter", lambda: now[0])
    stream = begin()
    note = AccessLog(Telemetry())
    for _ in range(1_000):
        note(visit(503), 0.001)
    now[0] += 1.0
    note(visit(503), 0.001)
    told = lines(stream)
    assert len(told) == LINES_A_SECOND + 1
    assert told[-1]["omitted"] == 1_000 - LINES_A_SECOND


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RETAIN_LOG_LEVEL", "loud"),
        ("RETAIN_LOG_FORMAT", "xml"),
        ("RETAIN_ACCESS_LOG", "some"),
        ("RETAIN_SLOW_MS", "fast"),
        ("RETAIN_SLOW_MS", "0"),
        ("RETAIN_SLOW_MS", "nan"),
    ],
)
def test_a_setting_that_is_not_understood_is_an_error(name, value) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read({name: value})
    assert refusal.value.field == name


def test_settings_are_read_as_they_are_written_down() -> None:
    given = {
        "RETAIN_LOG_LEVEL": "WARNING",
        "RETAIN_LOG_FORMAT": "json",
        "RETAIN_ACCESS_LOG": "all",
        "RETAIN_SLOW_MS": "250",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318",
    }
    assert read(given) == Telemetry(logging.WARNING, "json", "all", 250.0, traced=True)
    assert read({}) == Telemetry()
    assert not read(given | {"OTEL_SDK_DISABLED": "True"}).traced


def test_one_place_that_fails_on_and_on_is_no_flood_of_lines(begin) -> None:
    stream = begin()
    for now in [100.5] * 500 + [101.5]:
        record = log.makeRecord(log.name, logging.ERROR, "here", 1, "away", (), None)
        record.created = now
        log.handle(record)
    log.error("elsewhere")
    told = lines(stream)
    assert [line["message"] for line in told] == ["away"] * 21 + ["elsewhere"]
    assert told[-2]["omitted"] == 480


@pytest.mark.parametrize("given", ["nonsense", "collector:4318", "grpc://u:pw@host", "http://:80"])
def test_an_endpoint_of_traces_that_is_no_url_is_named_and_not_repeated(given) -> None:
    name = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    with pytest.raises(InvalidInput, match=name) as refused:
        read({name: given})
    assert given not in refused.value.message
    assert "http://collector:4318" in refused.value.remedy
    assert not read({name: given, "OTEL_SDK_DISABLED": "true"}).traced
    assert read({name: " https://[::1]:4318/v1/traces "}).traced
