"""Examples of deployment are files that their programs can read, and that agree within themselves."""

from __future__ import annotations

import configparser
from pathlib import Path
from typing import Any

import pytest
import yaml

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


@pytest.fixture(scope="module")
def objects() -> dict[str, Any]:
    """The Kubernetes objects by their kind."""
    found = list(yaml.safe_load_all((EXAMPLES / "kubernetes" / "tympan.yaml").read_text(encoding="utf-8")))
    assert len({item["kind"] for item in found}) == len(found) == 3
    return {item["kind"]: item for item in found}


def test_service_and_autoscaler_lead_to_the_deployment(objects: dict[str, Any]) -> None:
    deployment, service = objects["Deployment"], objects["Service"]
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == service["spec"]["selector"] == labels
    target = objects["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"], target["apiVersion"]) == (
        "Deployment",
        deployment["metadata"]["name"],
        deployment["apiVersion"],
    )


def test_probes_and_service_ask_the_port_that_is_open(objects: dict[str, Any]) -> None:
    (container,) = objects["Deployment"]["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")}
    assert paths == {"startup": "/healthz", "readiness": "/readyz", "liveness": "/healthz"}
    assert {container[f"{kind}Probe"]["httpGet"]["port"] for kind in paths} <= set(ports)
    assert {port["targetPort"] for port in objects["Service"]["spec"]["ports"]} <= set(ports)
    assert all(isinstance(word, str) for word in [*container["command"], *container["args"], *(item["value"] for item in container["env"])])


def test_pods_are_added_before_their_streams_are_full(objects: dict[str, Any]) -> None:
    (container,) = objects["Deployment"]["spec"]["template"]["spec"]["containers"]
    (metric,) = objects["HorizontalPodAutoscaler"]["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == "tympan_streams"
    most = int(container["args"][container["args"].index("--max-streams") + 1])
    assert int(metric["pods"]["target"]["averageValue"]) < most


def test_what_is_mounted_is_there(objects: dict[str, Any]) -> None:
    pod = objects["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}
    token = container["args"][container["args"].index("--token") + 1]
    assert Path(token).parent.as_posix() in {mount["mountPath"] for mount in container["volumeMounts"]}


def test_the_unit_is_read_and_starts_the_server_with_the_credential_that_it_loads() -> None:
    # A key may stand more than once in a unit, as SystemCallFilter does.
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    text = (EXAMPLES / "systemd" / "tympan.service").read_text(encoding="utf-8")
    parser.read_string(text)
    assert parser.sections() == ["Unit", "Service", "Install"]
    service = parser["Service"]
    name, _, source = service["LoadCredential"].partition(":")
    assert service["ExecStart"].startswith("/opt/tympan/bin/tympan serve ") and f"${{CREDENTIALS_DIRECTORY}}/{name}" in service["ExecStart"]
    readme = (EXAMPLES / "systemd" / "README.md").read_text(encoding="utf-8")
    assert source in readme and "/opt/tympan" in readme
    assert service["DynamicUser"] == service["NoNewPrivileges"] == "yes" and service["CapabilityBoundingSet"] == ""
