"""Starting the service: this process becomes ``bentoml serve``."""

import os
import sys

from retain import claimed_folder
from retain.clock import iso
from retain.settings import Settings, access, telemetry, worker_count
from services import homes, ports

SERVICE = "services.service:Retain"


MOST_WORKERS_UNASKED = 2


def serve(
    settings: Settings, host: str = "127.0.0.1", port: int = 3000, workers: int | None = None
) -> None:
    """Serve ``settings.home`` until it is told to stop; does not return.

    The process is replaced, so that signals and exit codes are the server's own. Several
    workers share the home: SQLite is safe with several processes, and one of them refreshes
    the online features.

    Raises:
        Conflict: somebody else listens there.
        InvalidInput: ``host`` is no address of this machine, or a setting is wrong.
        NoModel: there is nothing in the home that could be served.
    """
    shared_by, asked = access().shared_by, worker_count()
    telemetry()
    homes.require(settings)
    ports.require_free(port, host)
    os.environ["RETAIN_HOME"] = str(settings.home)
    # BentoML puts its metrics files here; the models are read from ``settings.bentoml_home``
    own, held = claimed_folder.claim(settings.home / "run", "server-")
    os.set_inheritable(held, True)  # the folder is used for as long as the server runs
    os.environ["BENTOML_HOME"] = str(own)
    os.environ["BENTOML_DO_NOT_TRACK"] = "True"
    workers = workers or asked or workers_here()
    # not by BENTOML_CONFIG_OVERRIDES, of which every process tells in a line that is no JSON
    os.environ["RETAIN_WORKERS"] = str(workers)
    # without it a worker takes it that other machines reach it, and asks for keys
    os.environ["RETAIN_HOST"] = host
    os.environ["RETAIN_RATE_SHARED_BY"] = str(shared_by * workers)
    # Feast's SQLite store writes times as local ones
    os.environ["TZ"] = "UTC"
    if settings.as_of is not None:
        os.environ["RETAIN_AS_OF"] = iso(settings.as_of)
    command = [sys.executable, "-m", "bentoml", "serve", SERVICE]
    os.execv(sys.executable, [*command, "--host", host, "--port", str(port)])  # noqa: S606


def workers_here() -> int:
    """How many workers serve where nobody says: one interpreter does not fill two cores."""
    return min(len(os.sched_getaffinity(0)), MOST_WORKERS_UNASKED)
