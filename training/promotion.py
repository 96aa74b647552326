"""Promotion: who may become champion, and what the ledger is told."""

from pathlib import Path
from typing import Any

from retain import artefacts, predictors
from retain.errors import Conflict, CorruptModel, NoModel
from retain.ledger import Entry, Ledger
from retain.manifest import Head, Manifest
from training.policies import gate
from training.policies.gate import Verdict


def eligible(model: Manifest) -> bool:
    """Whether nobody has to force it: it beats its dumb rule, or predicts nothing."""
    return model.beats_baseline or model.head == "rfm"


def worse(model: Manifest) -> bool:
    """Whether its rules rank better than it does in every comparison, beyond chance."""
    differences = [d for name, d in model.baselines.items() if name.startswith("difference.")]
    return bool(differences) and all(difference.high < 0 for difference in differences)


def standing(model: Manifest) -> str:
    """Where a model stands that is no champion, and what would make it one."""
    how = f'retain models promote {model.name} --reason "…"'
    if eligible(model) and model.head == "response":
        prove = f"retain policy evaluate --model {model.name}"
        return f"which has not proved better than the champion: {prove}, then {how}"
    if eligible(model):
        return f"which is above its baseline: {how}"
    place = "below" if worse(model) else "not above"
    return f"which is {place} its baseline on the holdout: {how} --force"


def challenged(ledger: Ledger, model: Manifest, store: Path | None = None) -> str | None:
    """The champion that a response model has to be better than; None where there is none.

    One that cannot be loaded from ``store`` any more, as of an older version, answers nobody and
    cannot be compared with.
    """
    champion = ledger.champion(model.head) if model.head == "response" else None
    if champion is None or champion == model.version:
        return None
    if store is not None and not _loads(store, model.head, champion):
        return None
    return f"{model.head}:{champion}"


def _loads(store: Path, head: Head, version: str) -> bool:
    try:
        predictors.load(artefacts.folder(store, head, version))
    except (NoModel, CorruptModel):
        return False
    return True


def held_back(
    ledger: Ledger, model: Manifest, evaluations: Path, store: Path | None = None
) -> bool:
    """Whether it has yet to prove better than the champion, by `retain policy evaluate`."""
    champion = challenged(ledger, model, store)
    if champion is None:
        return False
    found = gate.verdict(evaluations, model.name, champion)
    return found is None or not found.passes


def evidence(model: Manifest, *, forced: bool, proof: Verdict | None = None) -> dict[str, Any]:
    """What the ledger keeps beside the decision."""
    proven = {} if proof is None else {"policy_evaluation": proof.as_json()}
    return {
        **proven,
        "metrics": {name: metric.model_dump() for name, metric in model.metrics.items()},
        "baselines": {name: metric.model_dump() for name, metric in model.baselines.items()},
        "beats_baseline": model.beats_baseline,
        "forced": forced,
    }


def promote(
    ledger: Ledger,
    model: Manifest,
    *,
    by: str,
    reason: str,
    force: bool = False,
    evaluations: Path | None = None,
    store: Path | None = None,
) -> Entry:
    """Make ``model`` the champion of its head.

    A response model that is to replace another needs a policy evaluation in ``evaluations`` that
    says it is better, unless the one in ``store`` does not load any more.

    Raises:
        Conflict: it does not beat its dumb rule or the champion, and nobody forces it.
        InvalidInput: nobody signs, or no reason is given.
    """
    if not (eligible(model) or force):
        place = "below" if worse(model) else "not above"
        raise Conflict(
            f"{model.name} is {place} its baseline on the holdout",
            remedy=f"see `retain models show {model.name}`; --force promotes it all the same, "
            "and its --reason stands in the ledger",
        )
    champion = challenged(ledger, model, store)
    proof = None
    if champion is not None and evaluations is not None:
        proof = gate.verdict(evaluations, model.name, champion)
    passed = champion is None or (proof is not None and proof.passes)
    if champion is not None and not (passed or force):
        raise Conflict(
            gate.sentence(proof, model.name, champion),
            remedy=f"run `retain policy evaluate --model {model.name}` on campaigns later than "
            "both learned from; --force promotes it all the same, and its --reason stands in "
            "the ledger",
        )
    forced = force and not (eligible(model) and passed)
    return ledger.promote(
        model.head,
        model.version,
        by=by,
        reason=reason,
        evidence=evidence(model, forced=forced, proof=proof),
    )
