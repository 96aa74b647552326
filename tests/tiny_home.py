"""A real home, small enough for tests: simulated events, features, tiny champions."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from feature_repo.materialize import materialize
from retain import artefacts, manifest, rfm, settings, simulator
from retain.database import connect
from retain.eventlog import EventLog
from retain.features.ageing import aged
from retain.features.reader import LogReader
from retain.ledger import Ledger
from retain.manifest import Manifest, TrainingWindow
from retain.rfm import RfmEdges
from retain.settings import Settings
from tests.tiny_models import write_model

AS_OF = datetime(2026, 10, 31, tzinfo=UTC)
HEADS = ("churn", "next_purchase", "ltv")
EDGES = RfmEdges(
    recency_days=(10, 20, 30, 40),
    frequency=(1, 2, 3, 4),
    monetary=(10, 20, 30, 40),
    vip_spend_365d=100,
    customers=5,
)


def make_home(
    home: Path, customers: int = 60, heads: Sequence[str] = HEADS, **environ: str
) -> Settings:
    """A home with ``customers`` simulated customers that can be served as of :data:`AS_OF`."""
    made = settings.load({"RETAIN_AS_OF": AS_OF.isoformat(), **environ}, home=home)
    log = EventLog(connect(made.database_url))
    for events in simulator.simulate(customers, seed=11):
        log.append(events)
    materialize(made, AS_OF)
    table = LogReader(log).read(sorted(customers_of(log)), AS_OF).table
    promote_tiny_champions(made, heads, rfm.fit(aged(table)))
    return made


def promote_tiny_champions(
    made: Settings, heads: Sequence[str] = HEADS, edges: RfmEdges = EDGES
) -> None:
    """A champion of every head of ``heads``, and of ``rfm``."""
    ledger = Ledger(connect(made.database_url))
    for head in heads:
        folder = made.home / "fitted" / head
        _promote(made, ledger, write_model(folder, head), folder)
    folder = made.home / "fitted" / "rfm"
    folder.mkdir(parents=True)
    sealed = manifest.seal(
        folder,
        Manifest(
            head="rfm",
            horizon_days=0,
            training=TrainingWindow(as_of=AS_OF),
            parameters=edges.model_dump(),
        ),
    )
    _promote(made, ledger, sealed, folder)


def customers_of(log: EventLog) -> set[str]:
    """Everybody with an event."""
    ids: set[str] = set()
    for chunk in log.after(0):
        ids |= set(chunk.column("customer_id").to_pylist()) - {None}
    return ids


def _promote(made: Settings, ledger: Ledger, sealed: Manifest, folder: Path) -> None:
    stored = made.bentoml_home / "models" / artefacts.store_name(sealed.head) / sealed.version
    stored.parent.mkdir(parents=True)
    folder.rename(stored)
    ledger.promote(sealed.head, sealed.version, by="tests", reason="tiny", evidence={})
