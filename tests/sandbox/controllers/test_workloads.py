"""What kube-controller-manager, scheduler and provisioner do for the objects that the sandbox runs."""

import socket
from pathlib import Path

import pytest

from sandbox.client import (
    DEPLOYMENTS,
    JOBS,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    SERVICES,
    STATEFUL_SETS,
    ApiError,
)
from sandbox.controllers.load_balancer import address_of
from sandbox.objects import condition


def a_pod(image="example.com/image:1", **spec):
    return {"containers": [{"name": "main", "image": image}], **spec}


def a_deployment(namespace, replicas, pod=None):
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod or a_pod()}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"metadata": {"name": "web", "namespace": namespace}, "spec": spec}


def a_stateful_set(namespace, replicas, **spec):
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "topology.kubernetes.io/zone"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "gp3-csi",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    template = {"metadata": {"labels": {"app": "db"}}, "spec": a_pod(affinity=affinity)}
    return {
        "metadata": {"name": "db", "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "serviceName": "db",
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": {"app": "db"}},
            "template": template,
            "volumeClaimTemplates": [claim],
            **spec,
        },
    }


def test_a_deployment_scales_up_and_down_to_nothing(management, namespace):
    client = management.client
    client.create(DEPLOYMENTS, a_deployment(namespace, 3))
    management.eventually(lambda: client.get(DEPLOYMENTS, "web", namespace).get("status", {}).get("readyReplicas") == 3)
    client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 0}}, namespace, subresource="scale")
    management.eventually(lambda: not management.pods(namespace))
    management.eventually(lambda: not client.get(DEPLOYMENTS, "web", namespace)["status"].get("replicas"))


def test_a_changed_template_replaces_the_pods(management, namespace):
    client = management.client
    client.create(DEPLOYMENTS, a_deployment(namespace, 2))
    management.eventually(lambda: client.get(DEPLOYMENTS, "web", namespace).get("status", {}).get("readyReplicas") == 2)
    client.patch(DEPLOYMENTS, "web", {"spec": {"template": {"spec": a_pod("example.com/image:2")}}}, namespace)

    def images():
        return {pod["spec"]["containers"][0]["image"] for pod in management.pods(namespace)}

    management.eventually(lambda: images() == {"example.com/image:2"})
    management.eventually(lambda: len(management.pods(namespace)) == 2)


def test_members_get_a_volume_in_a_zone_of_their_own(management, namespace):
    client = management.client
    client.create(STATEFUL_SETS, a_stateful_set(namespace, 3))
    management.eventually(
        lambda: client.get(STATEFUL_SETS, "db", namespace).get("status", {}).get("readyReplicas") == 3
    )
    nodes = {pod["spec"]["nodeName"] for pod in management.pods(namespace, "db")}
    assert len(nodes) == 3
    for claim in client.list(PERSISTENT_VOLUME_CLAIMS, namespace):
        volume = client.get(PERSISTENT_VOLUMES, claim["spec"]["volumeName"])
        assert Path(volume["spec"]["local"]["path"]).is_dir()


def test_a_member_returns_to_the_zone_of_its_volume(management, namespace):
    client = management.client
    client.create(STATEFUL_SETS, a_stateful_set(namespace, 1))
    before = management.eventually(lambda: [p for p in management.pods(namespace) if p["spec"].get("nodeName")])[0]
    client.delete(PODS, "db-0", namespace)

    def again():
        pod = client.get(PODS, "db-0", namespace)
        return pod and pod["metadata"]["uid"] != before["metadata"]["uid"] and pod["spec"].get("nodeName")

    assert management.eventually(again) == before["spec"]["nodeName"]


def test_scaling_down_keeps_claims_unless_told_otherwise(management, namespace):
    client = management.client
    client.create(STATEFUL_SETS, a_stateful_set(namespace, 2))
    management.eventually(
        lambda: client.get(STATEFUL_SETS, "db", namespace).get("status", {}).get("readyReplicas") == 2
    )
    client.patch(STATEFUL_SETS, "db", {"spec": {"replicas": 1}}, namespace)
    management.eventually(lambda: client.get(PODS, "db-1", namespace) is None)
    assert client.get(PERSISTENT_VOLUME_CLAIMS, "data-db-1", namespace)
    policy = {"whenScaled": "Delete", "whenDeleted": "Retain"}
    client.patch(STATEFUL_SETS, "db", {"spec": {"persistentVolumeClaimRetentionPolicy": policy}}, namespace)
    management.eventually(lambda: client.get(PERSISTENT_VOLUME_CLAIMS, "data-db-1", namespace) is None)


def test_a_deleted_claim_takes_its_volume_and_folder_along_once_unused(management, namespace):
    client = management.client
    client.create(STATEFUL_SETS, a_stateful_set(namespace, 1))
    claim = management.eventually(
        lambda: (
            (found := client.get(PERSISTENT_VOLUME_CLAIMS, "data-db-0", namespace))
            and found.get("status", {}).get("phase") == "Bound"
            and found
        )
    )
    folder = Path(client.get(PERSISTENT_VOLUMES, claim["spec"]["volumeName"])["spec"]["local"]["path"])
    client.delete(PERSISTENT_VOLUME_CLAIMS, "data-db-0", namespace)
    assert client.get(PERSISTENT_VOLUME_CLAIMS, "data-db-0", namespace), "a pod still uses it"
    client.delete(STATEFUL_SETS, "db", namespace)
    management.eventually(lambda: client.get(PERSISTENT_VOLUMES, claim["spec"]["volumeName"]) is None)
    management.eventually(lambda: not folder.exists())


def test_a_pod_waits_for_a_node_that_fits(management, namespace):
    client = management.client
    zone = {"topology.kubernetes.io/zone": "us-east-2b"}
    client.create(PODS, {"metadata": {"name": "here", "namespace": namespace}, "spec": a_pod(nodeSelector=zone)})
    nowhere = a_pod(nodeSelector={"no": "node"})
    client.create(PODS, {"metadata": {"name": "nowhere", "namespace": namespace}, "spec": nowhere})
    node = management.eventually(lambda: client.get(PODS, "here", namespace)["spec"].get("nodeName"))
    assert client.get(NODES, node)["metadata"]["labels"] == zone | client.get(NODES, node)["metadata"]["labels"]
    assert not client.get(PODS, "nowhere", namespace)["spec"].get("nodeName")


def test_a_job_completes_with_its_pod(management, namespace):
    client = management.client
    template = {"spec": a_pod(restartPolicy="Never")}
    client.create(JOBS, {"metadata": {"name": "once", "namespace": namespace}, "spec": {"template": template}})
    pod = management.eventually(lambda: management.pods(namespace))[0]
    management.eventually(
        lambda: client.get(PODS, pod["metadata"]["name"], namespace).get("status", {}).get("startTime")
    )
    client.patch_status(PODS, pod["metadata"]["name"], {"phase": "Succeeded"}, namespace)
    management.eventually(lambda: condition(client.get(JOBS, "once", namespace), "Complete"))


def test_a_load_balancer_leads_to_the_ready_pods(management, namespace):
    client = management.client
    with socket.create_server(("127.0.0.9", 0)) as backend:
        client.create(DEPLOYMENTS, a_deployment(namespace, 1))
        port = {"port": 6443, "targetPort": backend.getsockname()[1]}
        spec = {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [port]}
        client.create(SERVICES, {"metadata": {"name": "web", "namespace": namespace}, "spec": spec})
        ingress = management.eventually(
            lambda: client.get(SERVICES, "web", namespace).get("status", {}).get("loadBalancer", {}).get("ingress")
        )
        assert ingress[0]["hostname"].startswith("lb-127-")

        def leads_there():
            with socket.create_connection((address_of(ingress[0]["hostname"]), 6443), 5) as connection:
                connection.settimeout(5)
                backend.settimeout(0.5)
                try:
                    backend.accept()[0].close()
                except TimeoutError:
                    assert connection.recv(1) == b""
                    return False
                return True

        management.eventually(leads_there)
        client.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 0}}, namespace)
        management.eventually(lambda: not leads_there())


def test_a_foreign_uid_is_not_deleted(management, namespace):
    client = management.client
    client.create(DEPLOYMENTS, a_deployment(namespace, 0))
    with pytest.raises(ApiError) as refused:
        client.delete(DEPLOYMENTS, "web", namespace, uid="00000000-0000-0000-0000-000000000000")
    assert refused.value.code == 409
