"""A mixed day at a constant pace for hours: grows slowly, then holds.

    locust -f loadtests/soak.py --headless --soak-users 16 --soak-minutes 120

Every user asks once in ``--soak-pace`` seconds whatever the answers take, so that a service that
slows down is not spared.
"""

from locust import LoadTestShape, constant_pacing, events
from locust.argument_parser import LocustArgumentParser
from locustfile import CallCentre, Campaign, EventStream, PageView

__all__ = ["CallCentre", "Campaign", "EventStream", "Hold", "PageView"]

GROWTH_SECONDS = 60


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    """Add how many, how fast and how long."""
    parser.add_argument("--soak-users", type=int, default=16)
    parser.add_argument("--soak-minutes", type=float, default=60.0, help="after growth")
    parser.add_argument("--soak-pace", type=float, default=0.1, help="seconds per request and user")


class Hold(LoadTestShape):
    """A minute of growth, then the same number of users to the end."""

    def tick(self) -> tuple[int, float] | None:
        """Users now, and how many may be added a second; None at the end."""
        options = self.runner.environment.parsed_options
        since = self.get_run_time()
        if since > GROWTH_SECONDS + 60.0 * options.soak_minutes:
            return None
        share = min(1.0, (since + 1.0) / GROWTH_SECONDS)
        return max(1, int(options.soak_users * share)), options.soak_users


@events.test_start.add_listener
def pace(environment: object, **_: object) -> None:
    """Give every user the same constant pace."""
    options = environment.parsed_options  # type: ignore[attr-defined]
    for kind in (PageView, CallCentre, Campaign, EventStream):
        kind.wait_time = constant_pacing(options.soak_pace)
