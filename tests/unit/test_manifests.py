"""The Kubernetes manifests: valid by the real schemas, and consistent with the service."""

import copy
import re
import subprocess
from typing import Any

import pytest
import yaml

from services.drain import STOPPED_WITHIN_SECONDS
from tests.manifests import K8S, ROOT, Invalid, Manifest, rendered, validate

FOLDERS = ("base", "overlays/single")


@pytest.fixture(scope="module")
def manifests() -> dict[str, list[Manifest]]:
    return {folder: rendered(folder) for folder in FOLDERS}


@pytest.fixture(scope="module")
def base(manifests: dict[str, list[Manifest]]) -> dict[str, Manifest]:
    return {one["kind"]: one for one in manifests["base"]}


@pytest.fixture(scope="module")
def single(manifests: dict[str, list[Manifest]]) -> dict[str, Manifest]:
    return {one["kind"]: one for one in manifests["overlays/single"]}


def pod(kinds: dict[str, Manifest]) -> dict[str, Any]:
    return kinds["Deployment"]["spec"]["template"]["spec"]


def container(kinds: dict[str, Manifest]) -> dict[str, Any]:
    [only] = pod(kinds)["containers"]
    return only


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_rendered_resource_is_valid_in_every_field(folder: str, manifests) -> None:
    for one in manifests[folder]:
        validate(one)


@pytest.mark.parametrize(
    ("kind", "where", "typo"),
    [
        ("Deployment", ("spec", "template", "spec", "containers", 0), "livenesProbe"),
        ("Deployment", ("spec", "strategy", "rollingUpdate"), "maxUnavailble"),
        ("HorizontalPodAutoscaler", ("spec",), "minReplica"),
        ("NetworkPolicy", ("spec",), "ingres"),
        ("ServiceMonitor", ("spec", "endpoints", 0), "scrapeTimout"),
        ("PrometheusRule", ("spec", "groups", 0, "rules", 0), "exprs"),
    ],
)
def test_a_misspelt_field_is_found(base, kind: str, where: tuple, typo: str) -> None:
    wrong = copy.deepcopy(base[kind])
    inside = wrong
    for step in where:
        inside = inside[step]
    inside[typo] = {}
    with pytest.raises(Invalid, match=typo):
        validate(wrong)


def test_a_kind_or_version_nobody_knows_is_no_pass(base) -> None:
    with pytest.raises(Invalid, match="PodMonitor"):
        validate({**base["ServiceMonitor"], "kind": "PodMonitor"})
    with pytest.raises(Invalid):
        validate({**base["HorizontalPodAutoscaler"], "apiVersion": "autoscaling/v9"})


def test_the_rules_of_the_cluster_are_the_tested_ones(base) -> None:
    kept = yaml.safe_load((ROOT / "observability" / "rules.yaml").read_text("utf-8"))
    assert base["PrometheusRule"]["spec"]["groups"] == kept["groups"]
    written = subprocess.run([K8S / "wrap-rules"], capture_output=True, text=True, check=True)
    assert written.stdout == (K8S / "base" / "prometheusrule.yaml").read_text("utf-8")


def test_a_pod_has_the_time_to_end_that_the_service_takes(base) -> None:
    config = base["ConfigMap"]["data"]
    [_, before] = container(base)["lifecycle"]["preStop"]["exec"]["command"]
    needed = int(before) + int(config["RETAIN_DRAIN_SECONDS"]) + STOPPED_WITHIN_SECONDS
    assert pod(base)["terminationGracePeriodSeconds"] >= needed


def test_no_secret_is_in_the_manifests_and_each_is_referred_to(base, manifests) -> None:
    assert all(one["kind"] != "Secret" for folder in FOLDERS for one in manifests[folder])
    example, _ = yaml.safe_load_all((K8S / "secret.example.yaml").read_text("utf-8"))
    referred = {one["valueFrom"]["secretKeyRef"]["key"] for one in container(base)["env"]}
    [endpoint] = base["ServiceMonitor"]["spec"]["endpoints"]
    referred.add(endpoint["authorization"]["credentials"]["key"])
    assert referred == set(example["stringData"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_pod_runs_with_nothing_it_does_not_need(folder: str, manifests) -> None:
    kinds = {one["kind"]: one for one in manifests[folder]}
    assert pod(kinds)["automountServiceAccountToken"] is False
    assert pod(kinds)["securityContext"]["runAsNonRoot"] is True
    rights = container(kinds)["securityContext"]
    assert rights["readOnlyRootFilesystem"]
    assert not rights["allowPrivilegeEscalation"]
    assert rights["capabilities"] == {"drop": ["ALL"]}
    mounted = {one["name"] for one in container(kinds)["volumeMounts"]}
    assert mounted == {one["name"] for one in pod(kinds)["volumes"]}


def test_what_selects_pods_selects_these(base) -> None:
    labels = base["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (
        base["Deployment"]["spec"]["selector"]["matchLabels"],
        base["Service"]["spec"]["selector"],
        base["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        base["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
        *(one["labelSelector"]["matchLabels"] for one in pod(base)["topologySpreadConstraints"]),
    ):
        assert selector.items() <= labels.items()
    monitored = base["ServiceMonitor"]["spec"]["selector"]["matchLabels"]
    assert monitored.items() <= base["Service"]["metadata"]["labels"].items()


def test_one_pod_over_one_volume_never_meets_another_and_is_not_scaled(single) -> None:
    assert "HorizontalPodAutoscaler" not in single
    spec = single["Deployment"]["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert not container(single).get("env")
    state = next(one for one in pod(single)["volumes"] if one["name"] == "state")
    claimed = state["persistentVolumeClaim"]["claimName"]
    assert single["PersistentVolumeClaim"]["metadata"]["name"] == claimed


def test_every_setting_of_the_config_map_is_one_there_is(base) -> None:
    known = "".join(
        (ROOT / "retain" / name).read_text("utf-8") for name in ("settings.py", "access.py")
    )
    for name in base["ConfigMap"]["data"]:
        assert not name.startswith("RETAIN_") or re.search(rf"\b{name}\b", known), name
