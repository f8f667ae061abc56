"""Restore and abandon over the real adapter against an API with a garbage collector and terminating namespaces."""

import dataclasses
import socket
import time

import pytest

from lifeboat.adapters.kube import KubernetesCluster
from lifeboat.errors import ConflictError
from lifeboat.resources import AWS_MACHINES, CONFIG_MAPS, MACHINES, NAMESPACES, SECRETS
from lifeboat.restore import etcd_volumes, objects
from lifeboat.restore.abandon import abandon
from lifeboat.restore.destination import create_namespaces
from lifeboat.restore.order import ALL, GROUPS
from lifeboat.restore.relink import relink
from sandbox.plan import AWS_PORT, Plan
from tests.sandbox.kube.conftest import RunningServer
from tests.unit.backed_up import OPERATION, a_backup
from tests.unit.builders import SERVICES

INNER = "clusters-blue"
COLLECTED = 1.5  # seconds in which the collector has looked at everything


_TEMPLATE = {
    "selector": {"matchLabels": {"a": "b"}},
    "template": {
        "metadata": {"labels": {"a": "b"}},
        "spec": {
            "clusterName": "blue-x7k2p",
            "bootstrap": {},
            "infrastructureRef": {"kind": "AWSMachineTemplate", "name": "t"},
        },
    },
}
REQUIRED = {
    "HostedControlPlane": {
        "dns": {"baseDomain": "example.com"},
        "etcd": {
            "managementType": "Managed",
            "managed": {"storage": {"type": "PersistentVolume", "persistentVolume": {"size": "8Gi"}}},
        },
        "issuerURL": "https://issuer.example.com",
        "platform": {"type": "AWS"},
        "pullSecret": {"name": "pull-secret"},
        "releaseImage": "release",
        "services": [
            {
                "service": service,
                "servicePublishingStrategy": {"type": "Route", "route": {"hostname": f"{name}.example.com"}},
            }
            for service, name in SERVICES.items()
        ],
        "sshKey": {"name": "ssh-key"},
    },
    "MachineDeployment": _TEMPLATE,
    "MachineSet": _TEMPLATE,
    "Machine": {"infrastructureRef": {"kind": "AWSMachine", "name": "m"}},
    "AWSMachine": {"instanceType": "m5.large"},
}
"""What the schemas demand and the builders of the unit tests leave out."""


class Completing(KubernetesCluster):
    """The real adapter, creating what the schemas accept."""

    def create(self, resource, manifest):
        spec = {"spec": {**REQUIRED[resource.kind], **manifest["spec"]}} if resource.kind in REQUIRED else {}
        return super().create(resource, {**manifest, **spec})


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    plan = Plan.create(tmp_path_factory.mktemp("run"), isolation="rewrite")
    with socket.socket() as reserved:  # another run must not choose the same network
        reserved.bind((plan.aws_address, AWS_PORT))
        running = RunningServer(plan)
        cluster = Completing.from_kubeconfig("mgmt-2", running.cluster.kubeconfig.read_text())
        yield cluster
        cluster._api.rest_client.pool_manager.clear()
        cluster._api.close()
        running.stop()


@pytest.fixture
def destination(cluster):
    return dataclasses.replace(a_backup().open(), cluster=cluster)


def restored(destination):
    create_namespaces(destination)
    for group in GROUPS:
        objects.restore_group(destination, group)
    relink(objects.destination_links(destination), ALL, INNER)


def abandoned(destination):
    for _ in range(100):
        try:
            if abandon(destination.cluster, destination.hosted, OPERATION)["done"]:
                return
        except ConflictError:
            pass  # the machine would try again
        time.sleep(0.1)
    pytest.fail("the namespace never went")


def test_what_is_restored_survives_the_garbage_collector_and_goes_when_abandoned(destination):
    """Owners are live: nothing is collected, and Machines keep their ids. Abandoned, no trace is left."""
    restored(destination)
    first = objects.check_owners(destination)
    time.sleep(COLLECTED)
    assert objects.check_owners(destination) == first
    assert len(destination.cluster.list_objects(MACHINES, INNER)) == 4
    assert all(each["spec"]["providerID"] for each in destination.cluster.list_objects(AWS_MACHINES, INNER))

    etcd_volumes.create(destination)
    abandoned(destination)
    assert destination.cluster.get(NAMESPACES, None, INNER) is None
    assert not destination.cluster.list_objects(SECRETS, "clusters")


def test_an_abandoned_restore_can_be_done_again(destination):
    restored(destination)
    abandoned(destination)
    restored(destination)
    assert objects.check_owners(destination)["objects"] > 20
    abandoned(destination)


def test_a_delete_that_names_what_it_read_meets_nothing_newer(cluster):
    """What a finalizer was put on since is not marked."""
    read = cluster.create(CONFIG_MAPS, {"metadata": {"name": "read", "namespace": "default"}})
    patch = {"metadata": {"finalizers": ["example.com/came-back"]}}
    newer = cluster.patch(CONFIG_MAPS, "default", "read", patch)
    with pytest.raises(ConflictError):
        cluster.delete(
            CONFIG_MAPS,
            "default",
            "read",
            uid=read["metadata"]["uid"],
            resource_version=read["metadata"]["resourceVersion"],
        )
    live = cluster.get(CONFIG_MAPS, "default", "read")
    assert "deletionTimestamp" not in live["metadata"]
    assert live["metadata"]["resourceVersion"] == newer["metadata"]["resourceVersion"]
