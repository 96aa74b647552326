"""The packed rows of a home whose stores are both files of this machine."""

from dataclasses import dataclass

from feature_repo.packed_home import ENTITY, PROJECT, file_of, is_redis
from feature_repo.packed_lines import ENDS
from feature_repo.packed_one import OnePlan
from feature_repo.packed_sqlite import column_of, table_of
from feature_repo.packed_view import stored_views
from retain.eventlog import EventLog
from retain.features.ageing import STORED_NUMBERS
from retain.features.lifetimes import lifetimes
from retain.one.log_file import LogFile
from retain.settings import Settings

ONLINE = "online"
"""The schema of the online store's file beside the log's."""


@dataclass(frozen=True, slots=True)
class FileRows:
    """The packed rows of a home whose stores are both files, and how they are read there.

    Attributes:
        plan: how a customer's rows are cut: the stored numbers, behind them the views' ends.
        columns: what to select of a row, one per view; ``table`` is where from.
        life: microseconds after which a row is too old to be used; None is never.
    """

    files: LogFile
    plan: OnePlan
    columns: str
    table: str
    life: int | None

    @classmethod
    def of(cls, settings: Settings, log: EventLog) -> "FileRows | None":
        """Those of a home; None where a store is elsewhere, or rows answer whatever they hold."""
        embedded = log.engine.dialect.name == "sqlite" and not is_redis(settings.online_url)
        if not embedded or not settings.recompute:
            return None
        views = stored_views(lifetimes(settings.feature_ttl_days))
        lives = [view.ttl_us for view in views if view.ttl_us is not None]
        return cls(
            LogFile(log.engine, {ONLINE: file_of(settings.online_url)}),
            OnePlan(views, (*STORED_NUMBERS, *ENDS)),
            ", ".join(f"t.{column_of(view.name)}" for view in views),
            f"{ONLINE}.{table_of(PROJECT, ENTITY)}",
            min(lives, default=None),
        )
