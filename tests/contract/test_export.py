"""An export as an API server gives it: all that belongs to one hosted cluster, and nothing of its neighbours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading

import pytest
import yaml

from lifeboat import export, inventory, observed, settling
from lifeboat.errors import PreflightError
from lifeboat.layout import BackupLayout
from lifeboat.model import HostedClusterRef
from lifeboat.references import REFERENCED
from lifeboat.resources import HOSTED_CLUSTERS, MACHINE_SETS, MACHINES, NODE_POOLS, SECRETS
from sandbox import assets
from sandbox.client import NAMESPACES
from sandbox.objects import owner_reference
from sandbox.proof.kubectl import Kubectl
from sandbox.world.large import LargeSeed, create_large
from tests import backends
from tests.contract import apis
from tests.contract.lifeboats import close_all, kubeconfig_of, lifeboat_on
from tests.unit.memory import MemoryStore

_NAMES = ("blu", "blue", "blue-green")
"""Each is a prefix of the next."""

_SHARED = "pull-secret"


@pytest.fixture(scope="module", params=backends.here())
def backend(request, tmp_path_factory):
    """A source with three hosted clusters in one namespace, and an empty destination."""
    with apis.running(request.param, tmp_path_factory.mktemp(request.param)) as (source, destination):
        for number, name in enumerate(_NAMES):
            create_large(source.client, _seed(name, number))
        _share(source.client)
        yield source, destination
        close_all()


@pytest.fixture(scope="module")
def source(backend):
    return lifeboat_on(backend[0])


def _seed(name: str, number: int = 0) -> LargeSeed:
    return LargeSeed(name, machines=3, node_pools=2, secrets=6, seed=number, status=name == "blue")


def _share(client) -> None:
    """One pull secret for all, marked by the operator for those that it has seen."""
    marks = {f"{REFERENCED}{name}": "true" for name in _NAMES[:2]}
    metadata = {"name": _SHARED, "namespace": "clusters", "annotations": marks}
    client.create(_client_resource(SECRETS), {"metadata": metadata, "type": "Opaque", "data": {}})
    for name in _NAMES:
        patch = {"spec": {"pullSecret": {"name": _SHARED}}}
        client.patch(_client_resource(HOSTED_CLUSTERS), name, patch, "clusters")


def _client_resource(resource, version=None):
    from sandbox.client import Resource  # noqa: PLC0415 - beside Lifeboat's own of that name

    return Resource(resource.api_version(version), resource.plural, resource.kind)


def _ref(name: str) -> HostedClusterRef:
    return HostedClusterRef("clusters", name)


def _identity(manifest) -> tuple[str, str, str]:
    metadata = manifest["metadata"]
    return manifest["kind"], metadata.get("namespace", ""), metadata["name"]


def _names(found: inventory.Inventory) -> dict[tuple[str, str | None], set[str]]:
    return {
        (group.resource.plural, group.namespace): {each["metadata"]["name"] for each in group.objects}
        for group in (*found.groups, *found.records)
    }


@pytest.mark.parametrize("name", _NAMES)
def test_neighbours_whose_names_begin_alike_stay_out(source, name):
    names = _names(inventory.collect(source, _ref(name)))
    inner = f"clusters-{name}"
    pools = {f"{name}-pool-00", f"{name}-pool-01"}
    assert names["hostedclusters", "clusters"] == {name}
    assert names["nodepools", "clusters"] == pools
    own = {"ssh-key", "etcd-encryption-key", "old-etcd-encryption-key", "audit-webhook", "pull-secret"}
    assert names["secrets", "clusters"] == {_SHARED, *(f"{name}-{each}" for each in own)}
    assert names["configmaps", "clusters"] == {f"{name}-trust-bundle", *(f"{each}-kubelet" for each in pools)}
    assert len(names["secrets", inner]) == 6
    assert len(names["machines", inner]) == len(names["awsmachines", inner]) == 3
    assert names["machinedeployments", inner] == names["machinehealthchecks", inner] == pools
    assert names["clusterroles", None] == names["clusterrolebindings", None] == {f"{inner}-cpo"}
    assert {namespace for _, namespace in names} == {"clusters", inner, None}


def test_nothing_is_missing_and_every_owner_was_read(source):
    found = inventory.collect(source, _ref("blue"))
    assert (found.missing, found.dangling) == ((), ())
    assert all(int(each.resource_version) > 0 for each in found.read.lists.values())


def test_what_is_only_written_down_is_whole(source):
    document = observed.observe(source, _ref("blue"), inventory.collect(source, _ref("blue")))
    (service,) = document["records"]["awsendpointservices"]
    assert service["status"]["endpointID"] == "vpce-1"
    assert service["metadata"]["uid"]
    assert document["oidc"]["uploaded"]
    assert document["oidc"]["issuer"].endswith(_seed("blue", 1).infra_id)
    assert len(document["oidc"]["keyId"]) == 43  # 32 bytes in base64url
    assert json.loads(json.dumps(document)) == document


def test_pages_of_one_list_are_of_one_moment(source, monkeypatch):
    """However small they are: nothing twice, nothing lost."""
    whole = _names(inventory.collect(source, _ref("blue-green")))
    monkeypatch.setattr("lifeboat.adapters.kube._PAGE", 2)
    assert _names(inventory.collect(source, _ref("blue-green"))) == whole


def test_two_hosted_clusters_in_one_control_plane_namespace_are_refused(backend, source):
    """`clusters` and `blue.green` make the same name as `clusters` and `blue-green`."""
    source_api, _ = backend
    client = source_api.client
    theirs = client.get(_client_resource(HOSTED_CLUSTERS), "blue", "clusters")
    metadata = {"name": "lodger", "namespace": "clusters-blue-green"}
    made = client.create(_client_resource(HOSTED_CLUSTERS), {"metadata": metadata, "spec": theirs["spec"]})
    try:
        with pytest.raises(PreflightError, match="blue-green also holds HostedCluster lodger"):
            inventory.collect(source, _ref("blue-green"))
    finally:
        client.delete(_client_resource(HOSTED_CLUSTERS), "lodger", "clusters-blue-green", uid=made["metadata"]["uid"])


def test_kubectl_takes_every_exported_file(backend, source, tmp_path):
    """Into an empty management cluster, in one go, as `kubectl apply -f manifests/`; nothing stays behind."""
    source_api, destination = backend
    try:
        program = assets.find()["kubectl"]
    except assets.AssetsError as error:
        pytest.skip(f"no kubectl here: {error}")
    kubectl = Kubectl(program, destination.cluster)
    store = MemoryStore()
    exported = export.export(store, BackupLayout("b/"), inventory.collect(source, _ref("blue")))
    for each in exported.manifests:
        (tmp_path / each.part.key.rpartition("/")[2]).write_bytes(store.objects[each.part.key])
    for name in ("clusters", "clusters-blue"):
        destination.client.create(NAMESPACES, {"metadata": {"name": name}})
    validation = ["--validate=ignore"] if source_api.name == "emulated" else ["--validate=strict"]
    told = kubectl.run("apply", "--dry-run=server", f"--filename={tmp_path}", *validation).splitlines()
    assert len(told) == sum(each.count for each in exported.manifests)
    assert all(each.endswith("created (server dry run)") for each in told)
    there = lifeboat_on(destination)
    assert [each for kind in (NODE_POOLS, MACHINES) for each in there.list_objects(kind)] == []


def test_manifests_hold_what_the_api_server_has(source):
    """Read back, each document is the object but for what only that server may set."""
    store = MemoryStore()
    found = inventory.collect(source, _ref("blue"))
    exported = export.export(store, BackupLayout("b/"), found)
    loaded = [document for each in exported.manifests for document in yaml.safe_load_all(store.objects[each.part.key])]
    live = [export.clean(each) for group in found.groups for each in group.objects]
    assert sorted(loaded, key=_identity) == sorted(live, key=_identity)


def test_objects_that_come_between_two_lists_are_read_again(backend, source, monkeypatch):
    """A MachineSet made after its LIST, its Machine before that of Machines: never one without the other."""
    client, listing = backend[0].client, source.listing
    made = threading.Event()
    new = []

    def between(resource, namespace=None, *, labels=None):
        if resource == MACHINES:
            assert made.wait(10)
        found = listing(resource, namespace, labels=labels)
        if resource == MACHINE_SETS and not made.is_set():
            new.append(_like(client, MACHINE_SETS, found.objects[0], "late", None))
            machine = listing(MACHINES, namespace).objects[0]
            new.append(_like(client, MACHINES, machine, "late-0", new[0]))
            made.set()
        return found

    monkeypatch.setattr(source, "listing", between)
    found = inventory.collect(source, _ref("blue-green"))
    try:
        assert "late-0" in _names(found)["machines", "clusters-blue-green"]
        assert "late" in _names(found)["machinesets", "clusters-blue-green"]
        assert found.dangling == ()
    finally:
        for each, resource in zip(reversed(new), (MACHINES, MACHINE_SETS), strict=True):
            client.delete(_client_resource(resource, "v1beta1"), each["metadata"]["name"], "clusters-blue-green")


def _like(client, resource, other, name, owner):
    """A second object of the same spec, without finalizers."""
    metadata = {"name": name, "namespace": other["metadata"]["namespace"], "labels": other["metadata"]["labels"]}
    if owner:
        metadata["ownerReferences"] = [owner_reference(owner)]
    return client.create(_client_resource(resource, "v1beta1"), {"metadata": metadata, "spec": other["spec"]})


def test_a_machine_that_is_on_its_way_out_is_left_out(backend, source):
    """Its finalizer keeps it there, marked, until its instance is gone."""
    client, resource = backend[0].client, _client_resource(MACHINES, "v1beta1")
    machine = source.list_objects(MACHINES, "clusters-blu")[0]["metadata"]
    client.delete(resource, machine["name"], "clusters-blu")
    found = inventory.collect(source, _ref("blu"))
    with pytest.raises(PreflightError, match=f"Machine {machine['name']} is being deleted"):
        export.refuse_unfit(found)
    settled = settling.without_unsettled(found)
    export.refuse_unfit(settled)
    assert settled.left_out == (
        f"Machine {machine['name']} is being deleted",
        f"AWSMachine {machine['name']} belongs to what is left out",
    )
    assert len(settled.of(MACHINES)) == 2


@pytest.mark.full
def test_large_hosted_cluster_is_exported_in_seconds_and_little_memory(backend):
    """Run alone, as in a function: peak memory is that of the process."""
    source_api, _ = backend
    counts = create_large(source_api.client, LargeSeed("large", namespace="large"))
    environment = {**os.environ, "KUBECONFIG_TEXT": kubeconfig_of(source_api, source_api.cluster.admin_token)}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    program = [sys.executable, "-m", "tests.contract.large_export", "large", "large"]
    answer = json.loads(subprocess.run(program, check=True, capture_output=True, env=environment).stdout)
    assert answer["objects"] == sum(
        counts[each]
        for each in ("hostedclusters", "nodepools", "configmaps", "hostedcontrolplanes", "clusters", "awsclusters",
                     "awsmachinetemplates", "machinedeployments", "machinesets", "machines", "awsmachines")
    ) + 400 + 5  # fmt: skip
    assert answer["requests"] < 40
    assert answer["peak_mib"] < 200
    assert answer["seconds"] < 5
