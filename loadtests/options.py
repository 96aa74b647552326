"""What the scenarios add to locust's command line."""

from argparse import ArgumentTypeError
from math import isfinite

from locust import events
from locust.argument_parser import LocustArgumentParser

EVERYTHING = "*"


def amount(said: str) -> float:
    """A number that can be a limit: ``nan`` is beaten by nothing and ``inf`` by everything."""
    try:
        value = float(said)
    except ValueError:
        value = -1.0
    if not isfinite(value) or value < 0:
        raise ArgumentTypeError(f"{said!r} is no number from 0 on")
    return value


def share(said: str) -> float:
    """A number from 0 to 1."""
    value = amount(said)
    if value > 1:
        raise ArgumentTypeError(f"{said!r} is no share from 0 to 1")
    return value


def limit_of_requests(said: str) -> tuple[str, float]:
    """``50`` is of every kind of request, ``/predict=50`` of the one with that name."""
    name, _, value = said.rpartition("=")
    return name or EVERYTHING, amount(value)


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
        type=amount,
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
        type=share,
        default=0.0,
        include_in_web_ui=False,
        metavar="SHARE",
        help="failures and refusals among all requests (default 0: none)",
    )
    parser.add_argument(
        "--min-rps",
        type=amount,
        default=0.0,
        include_in_web_ui=False,
        metavar="N",
        help="successful requests a second, over the whole run",
    )
