"""What must be there before a service starts: looked at without loading any model.

The parent process asks this before it starts workers, so that a start that cannot succeed
ends with one reason. It imports neither LightGBM nor Feast, which take seconds.
"""

import hashlib
import logging
from collections.abc import Container, Mapping

from retain import artefacts, manifest, native, segments, signals
from retain.columns import ACTION_RULES, READ_TIME
from retain.database import connect
from retain.decisions import catalogues, strangers
from retain.decisions.catalogues import Catalogue
from retain.errors import CorruptModel, FingerprintMismatch, InvalidInput, NoModel
from retain.eventlog import EventLog
from retain.experiments import loading as experiments
from retain.ledger import Ledger
from retain.manifest import HEADS, Head, Manifest
from retain.quality import thresholds
from retain.segments import SegmentConfig
from retain.settings import Settings
from retain.triggers import declaration
from services import homes
from services.signatures import keys_of_endpoints

log = logging.getLogger("retain.service")
SCORING: tuple[Head, ...] = ("churn", "next_purchase", "ltv")


def check(settings: Settings) -> None:
    """A service over ``settings.home`` can start.

    Raises:
        StoreUnavailable: the database cannot be opened, or Redis does not answer.
        NoModel: the home is empty, too few heads have a champion, or one's folder is gone.
        CorruptModel: a champion's file is not the sealed one, or may not be read.
        FingerprintMismatch: a champion needs features this version does not compute.
        InvalidInput: a file of the configuration that the service reads is wrong, or the
            environment has no secret for an endpoint of the triggers.
    """
    if lacking := native.lacking():
        log.warning("%s run in Python: scripts/compile makes answers faster", ", ".join(lacking))
    homes.require(settings)
    engine = connect(settings.database_url)
    # here, with patience: to complete the indexes of a long log takes what workers do not wait for
    EventLog(engine)
    ledger = Ledger(engine)
    if not settings.online_url.startswith("sqlite:"):
        from feature_repo.packed_home import online_rows  # noqa: PLC0415 - only who uses it loads it

        # a worker does not ask: where it replaces another one, answers without it are better
        online_rows(settings).schemas()
    sealed: dict[Head, Manifest] = {}
    for head in HEADS:
        version = ledger.champion(head)
        if version is not None:
            sealed[head] = _sealed(settings, head, version)
    require_heads(sealed, settings)
    require_features(sealed)
    catalogue = catalogues.load(settings.config / "actions.yaml")
    require_stages(catalogue, segments.load(settings.config / "segments.yaml"))
    experiments.load(settings.config, catalogue)
    signals.load(settings.config)
    thresholds.load(settings.config)
    triggers = declaration.load(settings.config)
    if triggers and settings.as_of is None:
        # a secret that is missing is missed now, not when something fires
        keys_of_endpoints(triggers.config.endpoints)


def require_heads(champions: Container[str], settings: Settings) -> None:
    """Segments can be told (``rfm``), and at least one of :data:`SCORING` has a champion.

    The others may be missing: data without prices, for one, trains no ``ltv``.

    Raises:
        NoModel: there is not even that.
    """
    missing = without_champion(champions)
    segments_missing = "rfm" not in champions
    if segments_missing or len(missing) == len(SCORING):
        heads = [*missing, "rfm"] if segments_missing else missing
        raise NoModel(
            f"no model answers for {', '.join(heads)} in {settings.home}; "
            f"rfm and at least one of {', '.join(SCORING)} are needed",
            remedy="train some first: retain train (or run scripts/demo)",
        )


def without_champion(champions: Container[str]) -> list[Head]:
    """The heads of :data:`SCORING` that answer ``no_model``."""
    return [head for head in SCORING if head not in champions]


def require_features(manifests: Mapping[Head, Manifest]) -> None:
    """Every feature of every model is one the service computes.

    Raises:
        FingerprintMismatch: one is not.
    """
    for one in manifests.values():
        # the response model may also read the other models' scores
        computed = ACTION_RULES if one.head == "response" else READ_TIME
        unknown = sorted(set(one.feature_names) - computed.keys())
        if unknown:
            raise FingerprintMismatch(
                f"{one.name} needs features this version does not compute: {unknown}",
                remedy="train again, or roll back to a model of this version",
            )


def require_stages(catalogue: Catalogue, config: SegmentConfig) -> None:
    """Every journey stage that an action is for is one customers can be in.

    Raises:
        InvalidInput: one is not, so that nobody would ever get the action.
    """
    stages = [strangers.STAGE, *(stage.name for stage in config.stages)]
    for action in catalogue.actions:
        for name in action.stages:
            if name not in stages:
                raise InvalidInput(
                    f"{action.id} in actions.yaml is for the stage {name!r}, "
                    "which segments.yaml does not have",
                    remedy=f"there are: {', '.join(dict.fromkeys(stages))}",
                    field=f"{action.id}.stages",
                )


def _sealed(settings: Settings, head: Head, version: str) -> Manifest:
    try:
        return _verified(settings, head, version)
    except PermissionError as error:
        raise CorruptModel(
            f"the user who serves may not read {error.filename}, which {head}:{version} needs",
            remedy="let that user read it: chmod -R a+rX on the model store, or chown",
        ) from None


def _verified(settings: Settings, head: Head, version: str) -> Manifest:
    folder = artefacts.folder(settings.bentoml_home, head, version)
    found = manifest.read(folder)
    for name, digest in found.files.items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise CorruptModel(
                f"{name} of {found.name} is not the sealed file",
                remedy="train again, or roll back: retain models rollback",
            )
    return found
