"""A load on one server, in a process of its own: ``python -m load.client`` in ``benchmarks``.

Reads a :class:`~load.job.Job` as JSON from standard input and writes its
:class:`~load.job.Outcome` as JSON to standard output.
"""

import gc
import json
import sys
import time
from dataclasses import asdict

import numpy as np
import uvloop
from numpy.typing import NDArray

from load.job import Job, Outcome
from load.lanes import Record, drive

_QUANTILES = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99.9": 99.9, "p99.99": 99.99, "max": 100.0}


def main() -> None:
    """Carry out one job."""
    job = Job(**json.load(sys.stdin))
    gc.disable()  # its pauses would be taken for the server's
    began, cpu = time.perf_counter(), time.process_time()
    record = uvloop.run(drive(job))
    cores = (time.process_time() - cpu) / (time.perf_counter() - began)
    print(json.dumps(asdict(outcome(job, record, cores))))


def outcome(job: Job, record: Record, cores: float) -> Outcome:
    """The numbers of a record."""
    ok = np.array(record.ok, dtype=np.float32)
    if job.latencies:
        np.save(job.latencies, ok)
    tenths = np.array(10.0 * np.array(record.ok_at), dtype=np.int64)
    return Outcome(
        seconds=job.seconds,
        answered=dict(record.answered),
        all_answers=record.all_answers,
        ok_per_tenth=np.bincount(tenths, minlength=int(10 * job.seconds)).tolist(),
        latency_ms=percentiles(ok),
        refusal_ms=percentiles(np.array(record.refused, dtype=np.float32)),
        client_cores=round(cores, 2),
    )


def percentiles(latencies: NDArray[np.float32]) -> dict[str, float]:
    """Milliseconds; empty where there was no answer."""
    if not len(latencies):
        return {}
    found = np.percentile(latencies, list(_QUANTILES.values()), method="higher")
    return {name: round(1e3 * float(one), 3) for name, one in zip(_QUANTILES, found, strict=True)}


if __name__ == "__main__":
    main()
