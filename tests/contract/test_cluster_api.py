"""Cluster API stored as v1beta2: the operator converts to v1beta1, and validates its own kinds, while it is there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from lifeboat.adapters.kube import KubernetesCluster
from lifeboat.errors import ApiUnavailableError
from lifeboat.resources import MACHINES
from sandbox.world import prepare_management_cluster
from tests.backends import here
from tests.contract.backends import Backend
from tests.contract.client import Api, at
from tests.contract.conftest import running
from tests.contract.words import Object, a_hosted_cluster

OLD, NEW = "cluster.x-k8s.io/v1beta1", "cluster.x-k8s.io/v1beta2"
DATA = "cluster.x-k8s.io/conversion-data"
OPERATOR = at("deployments", "hypershift", "operator")
WEBHOOKS = at("validatingwebhookconfigurations", name="hypershift.openshift.io")
_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=here())
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A management cluster with an operator installed anew."""
    with running(request.param, tmp_path_factory.mktemp(request.param), cluster_api="v1beta2") as backend:
        prepare_management_cluster(backend.plan, backend.cluster)
        yield backend


@pytest.fixture(scope="module")
def api(backend: Backend) -> Iterator[Api]:
    api = Api(backend)
    yield api
    api.close()


@pytest.fixture
def home(api: Api) -> str:
    name = f"converted-{next(_numbers)}"
    api.post(at("namespaces"), {"metadata": {"name": name}}).ok()
    return name


@pytest.fixture
def operator(api: Api) -> Iterator[None]:
    """It is there, and comes back after the test."""
    bring_back(api)
    yield
    bring_back(api)


def bring_back(api: Api) -> None:
    api.patch(OPERATOR, {"spec": {"replicas": 1}}).ok()
    probe = {**a_machine("probe", OLD), "metadata": {"name": "probe", "namespace": "default"}}
    api.eventually(lambda: api.post(at("machines", "default", version=OLD), probe, dryRun="All").code == 201, 60)


def take_away(api: Api) -> None:
    """To zero, as a teardown does, until no pod of it is left."""
    api.patch(OPERATOR, {"spec": {"replicas": 0}}).ok()
    api.eventually(lambda: not api.get(at("pods", "hypershift"), labelSelector="app=operator").ok()["items"], 60)
    machine = a_machine("probe", OLD)
    api.eventually(lambda: api.post(at("machines", "default", version=OLD), machine, dryRun="All").code == 500, 10)


def a_machine(name: str, version: str) -> Object:
    spec: Object = {"clusterName": "blue", "bootstrap": {"dataSecretName": "user-data"}}
    infrastructure = {"kind": "AWSMachine", "name": name}
    if version == NEW:
        spec["infrastructureRef"] = {"apiGroup": "infrastructure.cluster.x-k8s.io", **infrastructure}
        spec |= {"deletion": {"nodeDrainTimeoutSeconds": 90}, "minReadySeconds": 5}
    else:
        spec["infrastructureRef"] = {"apiVersion": "infrastructure.cluster.x-k8s.io/v1beta2", **infrastructure}
        spec |= {"nodeDrainTimeout": "1m30s"}
    return {"apiVersion": version, "kind": "Machine", "metadata": {"name": name}, "spec": spec}


@pytest.mark.usefixtures("operator")
def test_objects_are_stored_in_one_version_and_read_in_both(api, home):
    made = api.post(at("machines", home, version=OLD), a_machine("one", OLD)).ok()
    assert made["spec"]["nodeDrainTimeout"] == "1m30s"
    assert DATA in made["metadata"]["annotations"]
    new = api.get(at("machines", home, "one", version=NEW)).ok()
    assert new["spec"]["deletion"] == {"nodeDrainTimeoutSeconds": 90}
    assert new["spec"]["infrastructureRef"]["apiGroup"] == "infrastructure.cluster.x-k8s.io"
    assert "apiVersion" not in new["spec"]["infrastructureRef"]
    assert "annotations" not in new["metadata"]
    definition = api.get(at("customresourcedefinitions", name="machines.cluster.x-k8s.io")).ok()
    assert definition["status"]["storedVersions"] == ["v1beta2"]


@pytest.mark.usefixtures("operator")
def test_a_change_in_the_old_version_keeps_what_only_the_new_one_can_say(api, home):
    api.post(at("machines", home, version=NEW), a_machine("one", NEW)).ok()
    old = at("machines", home, "one", version=OLD)
    assert "minReadySeconds" not in api.get(old).ok()["spec"]
    changed = api.patch(old, {"spec": {"providerID": "aws:///us-east-2a/i-1"}}).ok()
    assert changed["metadata"]["generation"] == 2
    new = api.get(at("machines", home, "one", version=NEW)).ok()
    assert (new["spec"]["providerID"], new["spec"]["minReadySeconds"]) == ("aws:///us-east-2a/i-1", 5)


@pytest.mark.usefixtures("operator")
def test_lists_and_watches_convert_each_object(api, home):
    for name in ("one", "two"):
        api.post(at("machines", home, version=NEW), a_machine(name, NEW)).ok()
    listed = api.get(at("machines", home, version=OLD)).ok()
    assert listed["apiVersion"] == OLD
    assert [each["spec"]["nodeDrainTimeout"] for each in listed["items"]] == ["1m30s", "1m30s"]
    version = listed["metadata"]["resourceVersion"]
    with api.watch(at("machines", home, version=OLD), resourceVersion=version) as events:
        api.patch(at("machines", home, "two", version=NEW), {"spec": {"providerID": "aws:///a/i-2"}}).ok()
        type_, seen = next(events)
    assert (type_, seen["apiVersion"], seen["spec"]["providerID"]) == ("MODIFIED", OLD, "aws:///a/i-2")


@pytest.mark.usefixtures("operator")
def test_each_version_is_validated_by_its_own_schema(api, home):
    wrong = a_machine("one", NEW)
    wrong["spec"]["infrastructureRef"] = a_machine("one", OLD)["spec"]["infrastructureRef"]
    refusal = api.post(at("machines", home, version=NEW), wrong)
    refusal.refused(422, "Invalid", "spec.infrastructureRef.apiGroup: Required value")


@pytest.mark.usefixtures("operator")
def test_without_the_operator_the_stored_version_goes_on(api, home):
    """What a teardown does with the operator at 0: read, change, delete, all in the stored version."""
    api.post(at("machines", home, version=OLD), {**a_machine("one", OLD), "metadata": {
        "name": "one", "finalizers": ["machine.cluster.x-k8s.io"]}}).ok()  # fmt: skip
    take_away(api)
    new = at("machines", home, "one", version=NEW)
    assert api.get(new).ok()["spec"]["clusterName"] == "blue"
    assert len(api.get(at("machines", home, version=NEW)).ok()["items"]) == 1
    api.post(at("machines", home, version=NEW), a_machine("two", NEW)).ok()
    api.patch(new, {"metadata": {"finalizers": None}}).ok()
    api.delete(new).ok()
    api.gone(new)
    api.delete(at("namespaces", name=home)).ok()
    api.gone(at("namespaces", name=home), 60)


@pytest.mark.usefixtures("operator")
def test_without_the_operator_nothing_is_written_in_the_other_version(api, home):
    api.post(at("machines", home, version=NEW), a_machine("one", NEW)).ok()
    take_away(api)
    failed = "conversion webhook for cluster.x-k8s.io/v1beta1, Kind=Machine failed: Post"
    refused = api.post(at("machines", home, version=OLD), a_machine("two", OLD)).refused(500, "", failed)
    assert refused["message"].endswith("connect: connection refused")
    api.patch(at("machines", home, "one", version=NEW), {"spec": {"providerID": "aws:///a/i-1"}}).ok()
    api.patch(at("machines", home, "one", version=OLD), {"spec": {"version": "1"}}).refused(500, "")


@pytest.mark.usefixtures("operator")
def test_without_the_operator_lists_of_the_other_version_go_on_until_something_changes(api, home):
    """They come from a cache; a plain read and a delete do not."""
    api.post(at("machines", home, version=NEW), a_machine("one", NEW)).ok()
    old = at("machines", home, "one", version=OLD)
    assert len(api.get(at("machines", home, version=OLD)).ok()["items"]) == 1
    take_away(api)
    failed = "conversion webhook for cluster.x-k8s.io/v1beta2, Kind=Machine failed: Post"
    api.get(old).refused(500, "", failed)
    api.delete(old).refused(500, "", failed)
    assert api.get(old, resourceVersion="0").ok()["spec"]["nodeDrainTimeout"] == "1m30s"
    assert len(api.get(at("machines", home, version=OLD)).ok()["items"]) == 1
    api.patch(at("machines", home, "one", version=NEW), {"spec": {"providerID": "aws:///a/i-1"}}).ok()
    api.get(at("machines", home, version=OLD)).refused(500, "", failed)


@pytest.mark.usefixtures("operator")
def test_a_change_that_nobody_validates_is_refused_unless_that_is_ignored(api, home):
    api.post(at("hostedclusters", home), a_hosted_cluster("blue")).ok()
    path, patch = at("hostedclusters", home, "blue"), {"spec": {"pausedUntil": "true"}}
    take_away(api)
    failed = 'failed calling webhook "hostedclusters.hypershift.openshift.io": failed to call webhook: Post'
    refused = api.patch(path, patch).refused(500, "InternalError", failed)
    assert refused["message"].endswith("connect: connection refused")
    was = api.get(WEBHOOKS).ok()["webhooks"]
    try:
        ignoring = [{**each, "failurePolicy": "Ignore"} for each in was]
        api.patch(WEBHOOKS, {"webhooks": ignoring}).ok()
        api.eventually(lambda: api.patch(path, patch).code == 200, 10)
        api.delete(path).ok()
    finally:
        api.patch(WEBHOOKS, {"webhooks": was}).ok()


@pytest.mark.usefixtures("operator")
def test_lifeboat_creates_in_the_version_of_a_manifest_and_needs_the_stored_one_alone(api, backend, home):
    cluster = KubernetesCluster.from_kubeconfig("mgmt-2", backend.cluster.kubeconfig.read_text(encoding="utf-8"))
    exported = {
        **a_machine("one", OLD),
        "metadata": {"name": "one", "namespace": home, "finalizers": ["example.com/x"]},
    }
    assert cluster.create(MACHINES, exported) is not None
    take_away(api)
    (seen,) = cluster.list_objects(MACHINES, home)
    assert (seen["apiVersion"], seen["spec"]["deletion"]) == (NEW, {"nodeDrainTimeoutSeconds": 90})
    again = {**exported, "metadata": {"name": "two", "namespace": home}}
    with pytest.raises(ApiUnavailableError, match=r"conversion webhook for .* failed"):
        cluster.create(MACHINES, again)
    cluster.patch(MACHINES, home, "one", {"metadata": {"finalizers": None}})
    cluster.delete(MACHINES, home, "one", uid=seen["metadata"]["uid"])
    assert cluster.get(MACHINES, home, "one") is None
