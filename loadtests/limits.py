"""Pass or fail: what a run has to keep to, by the command line."""

import time
from argparse import Namespace
from collections.abc import Iterator

from locust import events
from locust.env import Environment
from locust.runners import STATE_MISSING, MasterRunner, Runner, WorkerRunner
from locust.stats import RequestStats
from options import EVERYTHING


class Span:
    """When the run began and when no more was asked, in seconds since the epoch.

    By the clock: a service that hangs makes the last answer early, and the rate of what was
    answered until then good.
    """

    began = ended = 0.0

    def begin(self) -> None:
        """It begins."""
        self.began, self.ended = time.time(), 0.0

    def end(self) -> None:
        """It ends: who is still waiting may go on to."""
        self.ended = time.time()

    def seconds(self, reset_at: float) -> float:
        """How long it took, at least one; ``reset_at`` is when statistics began anew."""
        return max((self.ended or time.time()) - max(self.began, reset_at), 1.0)


class Crew:
    """The processes that make load, where there are several: whose ends is told by nobody."""

    def __init__(self) -> None:
        self.joined: set[str] = set()
        self.lost = 0

    def count(self, runner: Runner | None) -> None:
        """Count who is not there any more."""
        if isinstance(runner, MasterRunner):
            there = sum(one.state != STATE_MISSING for one in runner.clients.all)
            self.lost = len(self.joined) - there


SPAN, CREW = Span(), Crew()


@events.worker_connect.add_listener
def joined(client_id: str, **_: object) -> None:
    """Note who makes load."""
    CREW.joined.add(client_id)


@events.test_start.add_listener
def begin(**_: object) -> None:
    """Note when the run begins."""
    SPAN.begin()


@events.test_stopping.add_listener
def end(environment: Environment, **_: object) -> None:
    """Note when it ends, and who is still there."""
    SPAN.end()
    CREW.count(environment.runner)


@events.quitting.add_listener
def judge(environment: Environment, **_: object) -> None:
    """Say what was missed and set the exit code; workers leave it to who leads them."""
    options = environment.parsed_options
    if options is None or isinstance(environment.runner, WorkerRunner):
        return
    stats = environment.stats
    found = [
        *missed(stats, options, SPAN.seconds(stats.total.start_time)),
        *broken(environment.runner),
    ]
    for line in found:
        print(f"MISSED  {line}")
    if not found:
        print("all limits were kept")
    environment.process_exit_code = 1 if found else 0


def broken(runner: Runner | None) -> Iterator[str]:
    """What went wrong with the load itself: a scenario that fails asks for nothing more."""
    if runner is None:
        return
    for one in runner.exceptions.values():
        yield f"a scenario broke off {one['count']} times: {one['msg']}"
    if CREW.lost:
        yield f"{CREW.lost} of {len(CREW.joined)} processes that made load were lost"


def missed(stats: RequestStats, options: Namespace, seconds: float) -> Iterator[str]:
    """What was not kept in a run of so many seconds, in words."""
    total = stats.total
    if not total.num_requests:
        yield "there was no request at all"
        return
    if total.num_failures == total.num_requests:
        yield "no request succeeded"
    if total.fail_ratio > options.max_error_ratio:
        yield (
            f"{total.num_failures:,} of {total.num_requests:,} requests failed or were refused "
            f"({total.fail_ratio:.2%}; at most {options.max_error_ratio:.2%})"
        )
    rate = (total.num_requests - total.num_failures) / seconds
    if rate < options.min_rps:
        yield f"{rate:,.1f} successful requests a second; at least {options.min_rps:,.1f}"
    for name, most in options.max_p99_ms or []:
        entries = [one for one in stats.entries.values() if name in (EVERYTHING, one.name)]
        if not entries:
            yield f"no request is named {name}"
        for one in entries:
            p99 = one.get_response_time_percentile(0.99) or 0.0
            if p99 > most:
                yield f"p99 of {one.name} is {p99:,.0f} ms; at most {most:,.0f} ms"
