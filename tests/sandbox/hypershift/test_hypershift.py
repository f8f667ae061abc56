"""The habits of HyperShift and Cluster API that a move has to reckon with. The last test takes `blue-green` away."""

import time

import pytest

from sandbox.client import (
    AWS_MACHINES,
    CLUSTER_ROLES,
    CLUSTERS,
    CONFIG_MAPS,
    DEPLOYMENTS,
    HOSTED_CLUSTERS,
    HOSTED_CONTROL_PLANES,
    MACHINE_DEPLOYMENTS,
    MACHINE_HEALTH_CHECKS,
    MACHINE_SETS,
    MACHINES,
    NAMESPACES,
    NODE_POOLS,
    PODS,
    REPLICA_SETS,
    ROUTES,
    SECRETS,
    STATEFUL_SETS,
)
from sandbox.hypershift.cloud import OIDC_BUCKET
from sandbox.objects import condition

NS = "clusters-blue"
PAUSED = "cluster.x-k8s.io/paused"
WRITERS = ("kube-apiserver", "openshift-apiserver", "openshift-oauth-apiserver")
SETTLED = 2.5  # seconds in which a controller that wanted to act would have acted


def replicas(world, *names, namespace=NS):
    return [world.client.get(DEPLOYMENTS, name, namespace)["spec"]["replicas"] for name in names]


def scale(world, count, *names, namespace=NS):
    for name in names:
        world.client.patch(DEPLOYMENTS, name, {"spec": {"replicas": count}}, namespace)
    world.eventually(
        lambda: all((len(world.pods(namespace, name)) > 0) == (count > 0) for name in names), f"{names} at {count}"
    )


def pause(world, value):
    world.client.patch(HOSTED_CLUSTERS, "blue", {"spec": {"pausedUntil": value}}, "clusters")
    for pool in ("workers-a", "workers-b"):
        world.client.patch(NODE_POOLS, pool, {"spec": {"pausedUntil": value}}, "clusters")


@pytest.fixture
def paused(world):
    pause(world, "true")
    world.eventually(lambda: world.client.get(CLUSTERS, "blue-x7k2p", NS)["spec"]["paused"])
    yield
    pause(world, None)
    world.eventually(lambda: not world.client.get(CLUSTERS, "blue-x7k2p", NS)["spec"]["paused"])
    world.eventually(lambda: not [md for md in world.client.list(MACHINE_DEPLOYMENTS, NS) if is_paused(md)])


def is_paused(obj):
    return PAUSED in (obj["metadata"].get("annotations") or {})


def test_every_owner_is_there(world):
    kinds = (SECRETS, DEPLOYMENTS, PODS, CLUSTERS, MACHINE_DEPLOYMENTS, MACHINE_SETS, MACHINES, AWS_MACHINES, ROUTES)
    owners = {world.control_plane()["metadata"]["uid"], world.control_plane("blue-green")["metadata"]["uid"]}
    owners |= {each["metadata"]["uid"] for each in world.client.list(HOSTED_CLUSTERS)}
    found = [each for kind in (*kinds, REPLICA_SETS, STATEFUL_SETS) for each in world.client.list(kind)]
    owners |= {each["metadata"]["uid"] for each in found}
    dangling = [
        (each["kind"], each["metadata"]["name"])
        for each in found
        for owner in each["metadata"].get("ownerReferences") or []
        if owner["uid"] not in owners
    ]
    assert dangling == []


def test_control_plane_operator_scales_the_writers_back_up(world):
    for name in WRITERS:
        world.client.patch(DEPLOYMENTS, name, {"spec": {"replicas": 0}}, NS)
    world.eventually(lambda: replicas(world, *WRITERS) == [3, 3, 3])


def test_without_control_plane_operator_writers_stay_down_even_unpaused(world, paused):
    world.eventually(lambda: world.control_plane()["spec"].get("pausedUntil") == "true")
    scale(world, 0, "control-plane-operator", *WRITERS)
    world.client.patch(HOSTED_CONTROL_PLANES, "blue", {"spec": {"pausedUntil": None}}, NS)
    time.sleep(SETTLED)
    assert replicas(world, *WRITERS) == [0, 0, 0]
    pause(world, None)
    world.eventually(lambda: replicas(world, "control-plane-operator", *WRITERS) == [1, 3, 3, 3])


def test_a_pause_reaches_control_plane_cluster_and_machine_deployments(world, paused):
    assert world.eventually(lambda: world.control_plane()["spec"].get("pausedUntil")) == "true"
    world.eventually(lambda: all(map(is_paused, world.client.list(MACHINE_DEPLOYMENTS, NS))))
    world.eventually(lambda: all(map(is_paused, world.client.list(MACHINE_SETS, NS))))
    hosted = world.eventually(
        lambda: (
            (found := world.client.get(HOSTED_CLUSTERS, "blue", "clusters"))
            and condition(found, "ReconciliationActive")["status"] == "False"
            and found
        )
    )
    assert condition(hosted, "ReconciliationActive")["reason"] == "ReconciliationPaused"


def test_a_paused_node_pool_tells_that_it_would_replace_its_nodes_and_replaces_none(world, paused):
    """As HyperShift computes UpdatingConfig before it looks at the pause."""

    def updating():
        return condition(world.client.get(NODE_POOLS, "workers-a", "clusters"), "UpdatingConfig")["status"]

    def machines():
        return sorted(each["metadata"]["name"] for each in world.client.list(MACHINES, NS))

    before, config = machines(), world.client.get(CONFIG_MAPS, "workers-kubelet-config", "clusters")["data"]
    world.eventually(lambda: updating() == "False")
    world.client.patch(CONFIG_MAPS, "workers-kubelet-config", {"data": {"config": "another"}}, "clusters")
    try:
        world.eventually(lambda: updating() == "True")
        time.sleep(SETTLED)
        assert machines() == before
    finally:
        world.client.patch(CONFIG_MAPS, "workers-kubelet-config", {"data": config}, "clusters")
    world.eventually(lambda: updating() == "False")


def test_writers_of_a_paused_control_plane_stay_down(world, paused):
    world.eventually(lambda: world.control_plane()["spec"].get("pausedUntil") == "true")
    scale(world, 0, "openshift-apiserver")
    time.sleep(SETTLED)
    assert replicas(world, "openshift-apiserver") == [0]


def test_finalizers_come_back_even_while_paused(world, paused):
    world.client.patch(HOSTED_CLUSTERS, "blue", {"metadata": {"finalizers": None}}, "clusters")
    world.client.patch(DEPLOYMENTS, "cluster-api", {"metadata": {"finalizers": None}}, NS)

    def finalizers(resource, name, namespace):
        return set(world.client.get(resource, name, namespace)["metadata"].get("finalizers") or [])

    world.eventually(lambda: "hypershift.openshift.io/finalizer" in finalizers(HOSTED_CLUSTERS, "blue", "clusters"))
    world.eventually(
        lambda: "hypershift.openshift.io/component-finalizer" in finalizers(DEPLOYMENTS, "cluster-api", NS)
    )


def test_a_date_without_zone_does_not_pause(world):
    world.client.patch(HOSTED_CLUSTERS, "blue", {"spec": {"pausedUntil": "2999-01-01T00:00:00"}}, "clusters")
    hosted = world.eventually(
        lambda: (
            (found := world.client.get(HOSTED_CLUSTERS, "blue", "clusters"))
            and condition(found, "ReconciliationActive")["reason"] == "InvalidPausedUntilValue"
            and found
        )
    )
    assert condition(hosted, "ReconciliationActive")["status"] == "True"
    assert not world.client.get(CLUSTERS, "blue-x7k2p", NS)["spec"]["paused"]
    world.client.patch(HOSTED_CLUSTERS, "blue", {"spec": {"pausedUntil": None}}, "clusters")


def test_deleted_routes_take_their_records_along_and_nobody_elses(world, paused):
    world.eventually(lambda: world.control_plane()["spec"].get("pausedUntil") == "true")
    neighbours = {key: value for key, value in world.records().items() if "blue-green" in key[0]}
    for route in world.client.list(ROUTES, NS):
        world.client.delete(ROUTES, route["metadata"]["name"], NS)
    world.eventually(lambda: world.records() == neighbours)
    pause(world, None)
    world.eventually(lambda: len(world.records()) == 24)


def test_a_record_of_another_owner_is_left_alone(world):
    zone = world.cloud.route53.list_hosted_zones()["HostedZones"][0]["Id"]
    records = world.records()
    text = records["api-blue-external-dns.hosted.example.com", "TXT"]
    assert "external-dns/owner=owner-mgmt-1" in text["ResourceRecords"][0]["Value"]
    foreign = [
        {"Name": name, "Type": "TXT", "TTL": 60, "ResourceRecords": [{"Value": '"external-dns/owner=other"'}]}
        for name in ("old-external-dns.hosted.example.com", "cname-old-external-dns.hosted.example.com")
    ]
    foreign.append(
        {"Name": "old.hosted.example.com", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "lb.example.com"}]}
    )

    def change(action):
        changes = [{"Action": action, "ResourceRecordSet": each} for each in foreign]
        world.cloud.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})

    change("CREATE")
    world.client.delete(PODS, world.pods("hypershift", "external-dns")[0]["metadata"]["name"], "hypershift")
    time.sleep(SETTLED)  # a new pod has read the zone anew
    assert ("old.hosted.example.com", "CNAME") in world.records()
    change("DELETE")


def test_machines_without_owners_are_adopted_and_no_instance_is_made(world, paused):
    before = world.instances("blue-x7k2p")
    world.eventually(lambda: all(map(is_paused, world.client.list(MACHINE_SETS, NS))))
    for resource in (MACHINE_SETS, MACHINES, AWS_MACHINES):
        for each in world.client.list(resource, NS):
            world.client.patch(resource, each["metadata"]["name"], {"metadata": {"ownerReferences": None}}, NS)
    pause(world, None)

    def adopted():
        return all(
            each["metadata"].get("ownerReferences")
            for resource in (MACHINE_SETS, MACHINES, AWS_MACHINES)
            for each in world.client.list(resource, NS)
        )

    world.eventually(adopted)
    time.sleep(SETTLED)
    assert world.instances("blue-x7k2p") == before
    assert len(world.client.list(MACHINES, NS)) == 4


def test_instances_survive_the_deletion_of_their_machines_while_cluster_api_is_down(world):
    before = world.instances("blue-x7k2p")
    pause(world, "true")
    world.eventually(lambda: world.client.get(CLUSTERS, "blue-x7k2p", NS)["spec"]["paused"])
    scale(world, 0, "cluster-api", "capi-provider")
    machine = world.client.list(AWS_MACHINES, NS)[0]
    world.client.patch(AWS_MACHINES, machine["metadata"]["name"], {"metadata": {"finalizers": None}}, NS)
    world.client.delete(AWS_MACHINES, machine["metadata"]["name"], NS)
    time.sleep(SETTLED)
    assert world.instances("blue-x7k2p") == before
    kept = {field: machine["metadata"][field] for field in ("name", "namespace", "labels", "annotations")}
    spec = {key: value for key, value in machine["spec"].items() if key not in ("providerID", "instanceID")}
    world.client.create(AWS_MACHINES, {"metadata": kept, "spec": spec})
    pause(world, None)
    found = world.eventually(
        lambda: world.client.get(AWS_MACHINES, machine["metadata"]["name"], NS)["spec"].get("providerID")
    )
    assert found == machine["spec"]["providerID"], "found again by its tags"
    assert world.instances("blue-x7k2p") == before


def test_turning_auto_repair_off_removes_the_health_check(world):
    name = "workers-b"
    world.eventually(lambda: world.client.get(MACHINE_HEALTH_CHECKS, name, NS))
    world.client.patch(NODE_POOLS, name, {"spec": {"management": {"autoRepair": False}}}, "clusters")
    world.eventually(lambda: world.client.get(MACHINE_HEALTH_CHECKS, name, NS) is None)
    world.client.patch(NODE_POOLS, name, {"spec": {"management": {"autoRepair": True}}}, "clusters")


def test_a_missing_config_map_stops_the_pool_and_another_one_replaces_its_machines(world):
    original = world.client.get(CONFIG_MAPS, "workers-kubelet-config", "clusters")
    before = {each["metadata"]["name"] for each in world.client.list(MACHINES, NS)}
    world.client.delete(CONFIG_MAPS, "workers-kubelet-config", "clusters")

    def valid(status):
        pool = world.client.get(NODE_POOLS, "workers-a", "clusters")
        return condition(pool, "ValidMachineConfig")["status"] == status

    world.eventually(lambda: valid("False"))
    assert {each["metadata"]["name"] for each in world.client.list(MACHINES, NS)} == before
    metadata = {"name": "workers-kubelet-config", "namespace": "clusters"}
    world.client.create(CONFIG_MAPS, {"metadata": metadata, "data": {"config": "another"}})
    world.eventually(lambda: len(world.client.list(MACHINE_SETS, NS)) == 3, "a new MachineSet")
    world.eventually(lambda: len(world.client.list(MACHINES, NS)) == 5, "a machine more, before an old one goes")
    world.client.patch(CONFIG_MAPS, "workers-kubelet-config", {"data": original["data"]}, "clusters")


def test_a_lost_secret_comes_back_as_another_identity(world):
    before = world.client.get(SECRETS, "kubeadmin-password", NS)
    world.client.delete(SECRETS, "kubeadmin-password", NS)
    after = world.eventually(lambda: world.client.get(SECRETS, "kubeadmin-password", NS))
    assert after["data"] != before["data"]


def test_a_real_deletion_takes_instances_records_and_documents_in_spite_of_a_pause(world):
    client = world.client
    client.patch(HOSTED_CLUSTERS, "blue-green", {"spec": {"pausedUntil": "true"}}, "clusters")
    client.delete(HOSTED_CLUSTERS, "blue-green", "clusters")
    world.eventually(lambda: client.get(HOSTED_CLUSTERS, "blue-green", "clusters") is None, "HostedCluster", 40)
    world.eventually(lambda: client.get(NAMESPACES, "clusters-blue-green") is None, "namespace")
    assert set(world.instances("blue-green-q9w4z").values()) <= {"terminated", "shutting-down"}
    world.eventually(lambda: not [key for key in world.records() if "blue-green" in key[0]])
    documents = world.cloud.s3.list_objects_v2(Bucket=OIDC_BUCKET)["Contents"]
    assert {each["Key"].split("/")[0] for each in documents} == {"blue-x7k2p"}
    assert [each["metadata"]["name"] for each in client.list(CLUSTER_ROLES) if "blue-green" in str(each)] == []
