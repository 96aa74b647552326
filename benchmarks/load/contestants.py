"""The servers that are compared: Retain, the peers of ``loadtests/peers``, and two floors."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

from load.server import Server
from load.service import Service

PEERS = Path(__file__).parents[2] / "loadtests" / "peers"
RETAIN, FASTAPI, BENTO, MOUNT, ECHO = "retain", "fastapi", "bento", "mount", "echo"
NAMES = {
    RETAIN: "Retain",
    FASTAPI: "FastAPI + Feast SDK + LightGBM",
    BENTO: "BentoML + Feast SDK + LightGBM",
    MOUNT: "empty ASGI app mounted in BentoML",
    ECHO: "bare uvicorn echo",
}
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Ground:
    """What all of them stand on: a home, what the peers made of it, and where logs go."""

    home: Path
    peers: Path
    logs: Path

    @property
    def customers(self) -> list[str]:
        """Everybody of whom there are features, in the order of their ids."""
        return (self.peers / "customers.txt").read_text("utf-8").split()


@dataclass(frozen=True, slots=True)
class Field:
    """What a run has: who serves, whom to ask for, with which headers."""

    ground: Ground
    servers: dict[str, Server]
    customers: list[str]
    headers: dict[str, str]


def prepare_peers(home: Path, out: Path, customers: int) -> None:
    """Load the home's features into stock Feast, beside its models."""
    command = [sys.executable, str(PEERS / "prepare.py"), "--home", str(home), "--out", str(out)]
    with (out.parent / "prepare.log").open("ab") as log:
        subprocess.run(  # noqa: S603 - our own program
            [*command, "--customers", str(customers)], check=True, stdout=log, stderr=log
        )


@contextmanager
def serving(
    ground: Ground, names: list[str], environment: Mapping[str, str]
) -> Iterator[dict[str, Server]]:
    """All of them, one worker each, until the block ends; ``environment`` is for Retain."""
    with ExitStack() as stack:
        yield {name: stack.enter_context(_server(name, ground, environment)) for name in names}


def _server(name: str, ground: Ground, environment: Mapping[str, str]) -> Server:
    log = ground.logs / f"{name}.log"
    if name == RETAIN:
        return Service(ground.home, log, workers=1, environment=environment)
    own = {
        "PEER_STORE": str(ground.peers),
        "BENTOML_HOME": str(ground.logs / f"bentoml-{name}"),
        "BENTOML_DO_NOT_TRACK": "True",
        "FEAST_USAGE": "False",
        "TZ": "UTC",
    }
    if name in (ECHO, FASTAPI):
        module = {ECHO: "echo:app", FASTAPI: "fastapi_feast:app"}[name]
        command = [sys.executable, "-m", "uvicorn", module, "--app-dir", str(PEERS)]
        command += ["--port", "{port}", "--no-access-log", "--log-level", "warning"]
        return Server(command, log, probe="/livez", environment=own)
    module = {MOUNT: "empty_mount:Empty", BENTO: "bento_feast:Scores"}[name]
    command = [sys.executable, "-m", "bentoml", "serve", module, "--working-dir", str(PEERS)]
    return Server([*command, "--port", "{port}"], log, probe="/readyz", environment=own)


def check(ground: Ground, servers: Mapping[str, Server]) -> None:
    """Exit where a peer does not answer what the model files say: it would be no peer."""
    expected = json.loads((ground.peers / "expected.json").read_bytes())
    for name in (FASTAPI, BENTO):
        if name not in servers:
            continue
        for customer, scores in expected.items():
            answer = ask(servers[name].port, "/predict", {"customer_id": customer})
            off = {h: answer[h] for h, s in scores.items() if abs(answer[h] - s) > _TOLERANCE}
            if off:
                sys.exit(f"{NAMES[name]} answers {off} for {customer}, the models say {scores}")


def ask(
    port: int, path: str, body: object, headers: Mapping[str, str] | None = None
) -> dict[str, object]:
    """One answer, without hurry.

    Raises:
        OSError: there is none, or it is not a success.
    """
    told = {"content-type": "application/json", **(headers or {})}
    request = Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), told)
    with urlopen(request, timeout=120) as answer:  # noqa: S310 - of this machine
        found: dict[str, object] = json.load(answer)
    return found
