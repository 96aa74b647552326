"""What a serving process tells about itself: its log, and where its traces go."""

import logging
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from retain.errors import InvalidInput

Format = Literal["auto", "json", "text"]
Accesses = Literal["errors", "all", "off"]
LEVELS = ("debug", "info", "warning", "error", "critical")
SLOW_MS = 1_000.0
_LONGEST_MS = 3_600_000.0
_ENDPOINT = re.compile(r"https?://[^\s/?#:]", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Telemetry:
    """How a process logs and traces.

    Attributes:
        level: the least level that is logged (``RETAIN_LOG_LEVEL``, default info); ``debug``
            also logs the texts of errors nobody expected, which may hold customers' data.
        format: ``json``, ``text``, or ``auto``: text on a terminal, JSON elsewhere
            (``RETAIN_LOG_FORMAT``).
        accesses: which requests have a line: ``errors`` are those that failed, were refused or
            were slow (``RETAIN_ACCESS_LOG``: errors, all or off).
        slow_ms: from how many milliseconds on a request is slow (``RETAIN_SLOW_MS``).
        traced: whether an endpoint for traces is configured (``OTEL_EXPORTER_OTLP_ENDPOINT`` or
            ``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT``, and ``OTEL_SDK_DISABLED`` is not ``true``).
    """

    level: int = logging.INFO
    format: Format = "auto"
    accesses: Accesses = "errors"
    slow_ms: float = SLOW_MS
    traced: bool = False


STANDARD = Telemetry()


def read(environ: Mapping[str, str]) -> Telemetry:
    """What ``environ`` asks for.

    Raises:
        InvalidInput: a word or a number is none of those allowed.
    """
    level = (environ.get("RETAIN_LOG_LEVEL") or "info").lower()
    if level not in LEVELS:
        raise _wrong("RETAIN_LOG_LEVEL", level, LEVELS)
    return Telemetry(
        level=logging.getLevelNamesMapping()[level.upper()],
        format=_format(environ.get("RETAIN_LOG_FORMAT") or "auto"),
        accesses=_accesses(environ.get("RETAIN_ACCESS_LOG") or "errors"),
        slow_ms=_milliseconds(environ.get("RETAIN_SLOW_MS") or SLOW_MS),
        traced=_traced(environ),
    )


def _traced(environ: Mapping[str, str]) -> bool:
    # names and meanings: OpenTelemetry specification, "Environment Variable Specification"
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    given = {name: told for name in names if (told := environ.get(name, "").strip())}
    for name, told in given.items():
        if not _ENDPOINT.match(told):
            raise InvalidInput(
                # without its text: what is malformed may hold a password
                f"{name} is no http:// or https:// URL",
                remedy="write it like http://collector:4318, or leave it out for no traces",
                field=name,
            )
    return bool(given)


def _format(given: str) -> Format:
    match given:
        case "auto" | "json" | "text":
            return given
    raise _wrong("RETAIN_LOG_FORMAT", given, ("json", "text"))


def _accesses(given: str) -> Accesses:
    match given:
        case "errors" | "all" | "off":
            return given
    raise _wrong("RETAIN_ACCESS_LOG", given, ("errors", "all", "off"))


def _milliseconds(given: str | float) -> float:
    try:
        number = float(given)
    except ValueError:
        number = math.nan
    if not 0 < number <= _LONGEST_MS:
        raise InvalidInput(
            f"{given!r} is no number of milliseconds",
            remedy="write it like 1000",
            field="RETAIN_SLOW_MS",
        )
    return number


def _wrong(name: str, given: str, allowed: tuple[str, ...]) -> InvalidInput:
    return InvalidInput(
        f"{name} is {given!r}", remedy=f"write one of {', '.join(allowed)}", field=name
    )
