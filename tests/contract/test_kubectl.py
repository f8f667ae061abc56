"""What operators type: Kubernetes' own kubectl against either API."""

from __future__ import annotations

import json

import pytest

from sandbox import assets
from sandbox.proof.kubectl import Kubectl, KubectlError
from tests.contract.words import a_config_map

NO_OPENAPI = "--validate=ignore"
"""The emulated API publishes no OpenAPI, without which kubectl cannot ask for its default, strict validation."""


@pytest.fixture(scope="module")
def kubectl(backend):
    try:
        program = assets.find()["kubectl"]
    except assets.AssetsError as error:
        pytest.skip(f"no kubectl here: {error}")
    return Kubectl(program, backend.cluster)


@pytest.fixture
def manifest(tmp_path):
    """A function that writes an object to a file for `--filename`."""

    def write(obj):
        path = tmp_path / "manifest.json"
        path.write_text(json.dumps(obj))
        return f"--filename={path}"

    return write


@pytest.mark.parametrize("side", ["false", "true"], ids=["client", "server"])
def test_applying_creates_changes_and_leaves_alone(kubectl, home, manifest, side):
    """Client-side and server-side apply."""
    apply = ("apply", f"--namespace={home}", f"--server-side={side}", NO_OPENAPI)
    word = {"false": ("created", "unchanged", "configured"), "true": ("serverside-applied",) * 3}[side]
    steps = ({"a": "1"}, {"a": "1"}, {"b": "2"})
    told = [kubectl.run(*apply, manifest(a_config_map("c", data))).split()[1] for data in steps]
    assert tuple(told) == word
    live = json.loads(kubectl.run("get", "configmap", "c", f"--namespace={home}", "--output=json"))
    assert live["data"] == {"b": "2"}


def test_strict_validation_needs_openapi(kubectl, backend, home, manifest):
    """A difference: nothing is written in either case, but for another reason."""
    told = {"real": "unknown field", "emulated": "error validating"}[backend.name]
    with pytest.raises(KubectlError, match=told):
        kubectl.run("apply", f"--namespace={home}", manifest({**a_config_map("c"), "date": {"a": "1"}}))
    assert not kubectl.exists("configmap", "c", home)


def test_labels_patches_and_waiting(kubectl, home, manifest):
    where = f"--namespace={home}"
    kubectl.run("create", NO_OPENAPI, where, manifest(a_config_map("c")))
    kubectl.run("label", where, "configmap", "c", "one=two")
    kubectl.run("patch", where, "configmap", "c", "--type=merge", '--patch={"data": {"key": null, "new": "x"}}')
    kubectl.run("wait", where, "configmap/c", "--for=jsonpath={.data.new}=x", "--timeout=20s")
    (found,) = json.loads(kubectl.run("get", "configmap", where, "--selector=one=two", "--output=json"))["items"]
    assert found["data"] == {"new": "x"}


def test_deleting_waits_until_it_is_gone(kubectl, api, home, manifest):
    kubectl.run("create", NO_OPENAPI, f"--namespace={home}", manifest(a_config_map("c")))
    kubectl.run("delete", f"--namespace={home}", "configmap", "c", "--timeout=30s")
    assert not kubectl.exists("configmap", "c", home)
    kubectl.run("delete", "namespace", home, "--timeout=60s")
    assert not kubectl.exists("namespace", home)


def test_all_kinds_are_listed_at_once(kubectl, home, manifest):
    """What the demo's independent eye rests on."""
    kubectl.run("create", NO_OPENAPI, f"--namespace={home}", manifest(a_config_map("mine")))
    seen = kubectl.look(home)
    assert ("ConfigMap", home, "mine") in seen.objects
    assert ("Namespace", "", home) in seen.objects
    assert seen.ready_nodes == 3
    assert seen.server.startswith("v1.")
