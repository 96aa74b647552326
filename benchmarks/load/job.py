"""What a load is and what came of it; the load itself runs in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

GRACE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Job:
    """What to send.

    Attributes:
        mode: ``closed`` (each connection asks again when it is answered), ``paced`` (``rate``
            requests a second whatever comes back, latency from the moment each was due), or
            ``retrying`` (closed, and whoever is refused waits out a jittered ``Retry-After``).
        bodies: sent in turn, one request each.
        warmup: seconds before anything is counted.
        latencies: where those of status 200 go, as float32 seconds; "" for nowhere.
    """

    port: int
    path: str
    bodies: Sequence[str]
    mode: str = "closed"
    connections: int = 8
    seconds: float = 10.0
    warmup: float = 1.0
    rate: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    latencies: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back.

    Attributes:
        seconds: how long was counted.
        answered: by status while counting; "lost" for connections that broke, "unanswered" for
            requests without an answer at the end, "unsent" for those no connection was free for.
        all_answers: answers of any kind, with those of the warm-up.
        ok_per_tenth: answers of status 200 in every tenth of a second.
        latency_ms: of status 200; ``refusal_ms`` of 429 and 503.
        client_cores: what the client used; near one it is the client that was measured.
    """

    seconds: float
    answered: dict[str, int]
    all_answers: int
    ok_per_tenth: list[int]
    latency_ms: dict[str, float]
    refusal_ms: dict[str, float]
    client_cores: float

    @property
    def rate(self) -> float:
        """Answers of status 200 a second."""
        return self.answered.get("200", 0) / self.seconds

    @property
    def refusals(self) -> int:
        """Answers of status 429 and 503."""
        return self.answered.get("429", 0) + self.answered.get("503", 0)

    @property
    def errors(self) -> int:
        """Whatever is neither a success nor a refusal."""
        return sum(self.answered.values()) - self.answered.get("200", 0) - self.refusals


def begin(job: Job) -> "subprocess.Popen[str]":
    """Start a load; :func:`end` waits for it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "load.client"],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None  # noqa: S101 - for the type checker
    process.stdin.write(json.dumps(asdict(job)))
    process.stdin.close()
    process.stdin = None
    return process


def end(process: "subprocess.Popen[str]", job: Job) -> Outcome:
    """What came of a load that was begun.

    Raises:
        subprocess.SubprocessError: the client failed, or did not end in time.
    """
    said, _ = process.communicate(timeout=job.warmup + job.seconds + GRACE_SECONDS)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args)
    return Outcome(**json.loads(said))


def run(job: Job) -> Outcome:
    """Carry out one load; raises as :func:`end`."""
    return end(begin(job), job)
