"""``python -m services``: the service without the command line's other rooms."""

import argparse
import sys

from retain import settings
from retain.errors import RetainError
from services.server import serve


def main() -> None:
    """Serve the home ``RETAIN_HOME`` names."""
    parser = argparse.ArgumentParser(prog="python -m services", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument(
        "--workers", type=int, help="default: RETAIN_WORKERS, or two (one on a single core)"
    )
    given = parser.parse_args()
    try:
        serve(settings.load(), given.host, given.port, given.workers)
    except RetainError as error:
        sys.exit(f"retain: {error.message}\n  remedy: {error.remedy}")


if __name__ == "__main__":
    main()
