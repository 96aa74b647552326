"""The home a service is started over, looked at without making anything in it."""

from pathlib import Path

from retain.errors import NoModel
from retain.settings import Settings


def require(settings: Settings) -> None:
    """Something was ever put into the home; a home that was mistyped is not made.

    Raises:
        NoModel: its SQLite database is not there. Any other database is asked, and not looked at.
    """
    kind, _, file = settings.database_url.partition(":///")
    if kind.startswith("sqlite") and file and not Path(file).exists():
        raise NoModel(
            f"no model answers for churn, next_purchase, ltv, rfm: there is no {file}",
            remedy="check RETAIN_HOME; if it is as it should be, train some models first: "
            "retain train (or run scripts/demo)",
        )
