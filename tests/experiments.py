"""Small experiments, written by hand; importable by worker processes."""

from typing import Any

from retain.experiments.assignment import Assigner
from retain.experiments.declaration import Experiment, ExperimentConfig
from retain.experiments.loading import Experiments, checked
from tests.catalogues import action, catalogue

CATALOGUE = catalogue(
    action("offer", treatments=[{"name": "small"}, {"name": "large"}], tags=["discount"]),
    action("mail"),
    action("must", transactional=True),
)
SIZED = {"baseline_conversion": 0.1, "minimum_lift": 0.1}


def arm(name: str, share: float, **change: Any) -> dict[str, Any]:
    return {"name": name, "share": share, "change": change}


def experiment(name: str = "coupons", **fields: Any) -> dict[str, Any]:
    return {
        "name": name,
        "question": "?",
        "layer": "offers",
        "traffic": [0.0, 1.0],
        "status": "running",
        "start": "2026-11-01",
        "arms": [arm("control", 0.5), arm("large", 0.5, treatments={"offer": "large"})],
        "design": SIZED,
        **fields,
    }


def factors(**more: Any) -> list[dict[str, Any]]:
    return [
        {"name": "depth", "levels": [arm("low", 0.5), arm("deep", 0.5, levers={"offer": 2})]},
        {"name": "tone", "levels": [arm("plain", 0.5), arm("warm", 0.5, **more)]},
    ]


def declared(*experiments: dict[str, Any], layers: tuple[str, ...] = ("offers",)) -> Experiments:
    config = {"layers": list(layers), "experiments": list(experiments)}
    return checked(ExperimentConfig.model_validate(config), CATALOGUE)


def one(**fields: Any) -> Experiment:
    return declared(experiment(**fields)).config.experiments[0]


def arms_of(ids: list[str]) -> list[str]:
    """What a worker process does: say the arm of every customer."""
    from tests.catalogues import NOW

    assigner = Assigner(declared(experiment()))
    return [arms[0].arm for arms in assigner.assign({}, ids, NOW)]
