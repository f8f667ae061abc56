"""Projected volumes, as a real API adds one to every pod for its service account."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.node import volumes
from sandbox.node.environment import ConfigError

from .conftest import Dictionary

ACCESS = {
    "name": "kube-api-access",
    "projected": {
        "defaultMode": 0o640,
        "sources": [
            {"serviceAccountToken": {"path": "token", "expirationSeconds": 3607}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {
                "downwardAPI": {
                    "items": [
                        {"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}},
                        {"path": "name", "mode": 0o600, "fieldRef": {"fieldPath": "metadata.name"}},
                    ]
                }
            },
        ],
    },
}
POD = {"metadata": {"name": "p", "namespace": "n"}, "spec": {"volumes": [ACCESS]}}


def test_service_account_volume_has_token_authority_and_namespace(tmp_path: Path) -> None:
    """The three sources of kube-api-access lie in one folder, with the modes that are asked for."""
    sources = Dictionary(config_maps={"kube-root-ca.crt": {"kind": "ConfigMap", "data": {"ca.crt": "CA", "x": "y"}}})
    folder = volumes.prepare(POD, tmp_path, sources)["kube-api-access"]
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    assert texts == {"token": "token of p for None", "ca.crt": "CA", "namespace": "n", "name": "p"}
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes == {"token": 0o640, "ca.crt": 0o640, "namespace": 0o640, "name": 0o600}


def test_pod_waits_for_the_authority_that_is_not_published_yet(tmp_path: Path) -> None:
    """A new namespace's kube-root-ca.crt comes a moment later."""
    with pytest.raises(ConfigError, match=r"configmap .* not found"):
        volumes.prepare(POD, tmp_path, Dictionary())
