"""Whether this process traces: it does where an endpoint is configured, and is spared it else."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from retain.errors import InvalidInput
from retain.telemetry import Telemetry

if TYPE_CHECKING:
    from services.tracing import Tracing

_EXPORTER = "opentelemetry.exporter.otlp.proto.http"


def require(told: Telemetry) -> None:
    """What traces need is installed, where they are asked for.

    Raises:
        InvalidInput: it is not.
    """
    if told.traced and not _installed():
        raise InvalidInput(
            "an endpoint for traces is set, and the extra `tracing` is not installed",
            remedy="pip install 'retain[tracing]', or unset OTEL_EXPORTER_OTLP_ENDPOINT",
            field="OTEL_EXPORTER_OTLP_ENDPOINT",
        )


def tracing(told: Telemetry) -> "Tracing | None":
    """The tracing of this process, None where no endpoint is configured.

    Raises:
        InvalidInput: what it needs is not installed.
    """
    require(told)
    if not told.traced:
        return None
    # the SDK takes a quarter of a second to import, and a worker without an endpoint none of it
    from services.tracing import Tracing  # noqa: PLC0415

    return Tracing()


def _installed() -> bool:
    try:
        return find_spec(_EXPORTER) is not None
    except ModuleNotFoundError:
        return False
