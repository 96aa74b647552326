"""What the scenarios add to locust's command line."""

from argparse import ArgumentTypeError

from locust import events
from locust.argument_parser import LocustArgumentParser

EVERYTHING = "*"


def limit_of_requests(said: str) -> tuple[str, float]:
    """``50`` is of every kind of request, ``/predict=50`` of the one with that name."""
    name, _, value = said.rpartition("=")
    try:
        return name or EVERYTHING, float(value)
    except ValueError as error:
        raise ArgumentTypeError(f"{said!r} is neither a number nor NAME=NUMBER") from error


@events.init_command_line_parser.add_listener
def add_options(parser: LocustArgumentParser) -> None:
    """Add them."""
    parser.add_argument(
        "--customers",
        default="scores.parquet",
        env_var="RETAIN_CUSTOMERS",
        help="scores.parquet of `retain score`, or a file with one customer id per line",
    )
    parser.add_argument(
        "--api-key",
        default="",
        env_var="RETAIN_API_KEY",
        is_secret=True,
        help="a key of `retain keys add` with the scopes score, ingest and admin",
    )
    parser.add_argument(
        "--hurry",
        type=float,
        default=1.0,
        env_var="RETAIN_HURRY",
        help="think times are divided by this; 0 waits for nothing",
    )

    parser.add_argument(
        "--max-p99-ms",
        action="append",
        type=limit_of_requests,
        include_in_web_ui=False,
        metavar="[NAME=]MS",
        help="99th percentile of every kind of request, or of one (/predict=50); repeatable",
    )
    parser.add_argument(
        "--max-error-ratio",
        type=float,
        default=0.0,
        include_in_web_ui=False,
        metavar="SHARE",
        help="failures and refusals among all requests (default 0: none)",
    )
    parser.add_argument(
        "--min-rps",
        type=float,
        default=0.0,
        include_in_web_ui=False,
        metavar="N",
        help="successful requests a second, over the whole run",
    )
