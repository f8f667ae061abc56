"""What HyperShift makes for a private hosted cluster, and how it goes. The last test takes `blue` away."""

import time

import pytest

from sandbox.client import (
    DEPLOYMENTS,
    HOSTED_CLUSTERS,
    HOSTED_CONTROL_PLANES,
    NAMESPACES,
    ROUTES,
    SERVICES,
)
from sandbox.objects import condition
from sandbox.world import create_hosted_clusters, prepare_management_cluster
from tests.sandbox.private.conftest import API, NS

pytestmark = pytest.mark.full
SETTLED = 3.0  # seconds in which a controller that wanted to act would have acted
HOST = "external-dns.alpha.kubernetes.io/hostname"
FINALIZERS = {
    "hypershift.openshift.io/control-plane-operator-finalizer",
    "hypershift.openshift.io/hypershift-operator-finalizer",
}


def pause(cluster, value):
    cluster.client.patch(HOSTED_CLUSTERS, "blue", {"spec": {"pausedUntil": value}}, "clusters")

    def arrived():
        live = cluster.client.get(HOSTED_CONTROL_PLANES, "blue", NS)
        return live["spec"].get("pausedUntil") == value

    cluster.eventually(arrived)


def fence(cluster):
    """As Lifeboat does it: paused, and control-plane-operator seen gone. Awake, the operator would start it again."""
    pause(cluster, "true")
    cluster.client.patch(DEPLOYMENTS, "control-plane-operator", {"spec": {"replicas": 0}}, NS)
    cluster.eventually(lambda: not cluster.pods(NS, "control-plane-operator"), "no control-plane-operator")


def test_each_internal_load_balancer_has_an_endpoint_and_both_operators_guard_it(world):
    found = world.endpoint_services(world.first)
    assert set(found) == {"private-router", "kube-apiserver-private"}
    for name, each in found.items():
        assert set(each["metadata"]["finalizers"]) == FINALIZERS
        endpoint = world.endpoints()[each["status"]["endpointID"]]
        assert endpoint["ServiceName"] == each["status"]["endpointServiceName"]
        host = endpoint["DnsEntries"][0]["DnsName"]
        assert world.address(host) == world.balancer(world.first, name) is not None


def test_the_api_is_reached_by_the_endpoint_under_its_private_name_and_its_public_one(world):
    balancer = world.balancer(world.first, "kube-apiserver-private")
    assert world.address(API) == balancer
    world.first.eventually(lambda: world.address("api-blue.hosted.example.com") == balancer)
    assert set(world.records("blue.hypershift.local")) == {API, "*.apps.blue.hypershift.local"}


def test_private_routes_are_nobodys_public_names(world):
    public = {each for each in world.records("hosted.example.com") if "blue-green" not in each}
    assert public == {"api-blue.hosted.example.com", "oauth-blue.hosted.example.com"}
    routes = world.first.client.list(ROUTES, NS)
    hidden = {each["metadata"]["labels"].get("hypershift.openshift.io/route-visibility") for each in routes}
    assert hidden == {"private"}
    assert "konnectivity-blue.hosted.example.com" in {each["spec"]["host"] for each in routes}
    assert world.first.client.get(SERVICES, "router", NS) is None


def test_the_hosted_cluster_tells_of_its_endpoints(world):
    def told():
        hosted = world.first.client.get(HOSTED_CLUSTERS, "blue", "clusters")
        kinds = ("AWSEndpointServiceAvailable", "AWSEndpointAvailable")
        return [(condition(hosted, kind) or {}).get("status") for kind in kinds] == ["True", "True"]

    world.first.eventually(told)
    green = world.first.client.get(HOSTED_CLUSTERS, "blue-green", "clusters")
    assert condition(green, "AWSEndpointAvailable") is None


def test_a_public_name_goes_with_its_annotation_and_comes_back_with_its_operator(world):
    fence(world.first)
    for each in world.first.client.list(SERVICES, NS):
        if HOST in (each["metadata"].get("annotations") or {}):
            patch = {"metadata": {"annotations": {HOST: None}}}
            world.first.client.patch(SERVICES, each["metadata"]["name"], patch, NS)
    world.first.eventually(lambda: world.address("api-blue.hosted.example.com") is None)
    assert world.address(API)  # the private name has no owner who would take it away
    pause(world.first, None)
    world.first.eventually(lambda: world.address("api-blue.hosted.example.com"))


def test_while_it_is_paused_nobody_mends_an_endpoint(world):
    pause(world.first, "true")
    lost = world.endpoint_services(world.first)["private-router"]["status"]["endpointID"]
    world.cloud.ec2.delete_vpc_endpoints(VpcEndpointIds=[lost])
    time.sleep(SETTLED)
    assert len(world.endpoints()) == 1
    pause(world.first, None)
    world.first.eventually(lambda: len(world.endpoints()) == 2, "a new endpoint")


@pytest.fixture
def second(world):
    """The other management cluster, with a `blue` of its own under the same names; it ends with the test."""
    second = world.second.start()
    prepare_management_cluster(world.plan, second.cluster)
    create_hosted_clusters(world.plan, second.cluster)
    second.eventually(lambda: len(world.endpoint_services(second)) == 2, "AWSEndpointServices", 60)
    yield second
    second.stop()


def test_two_operators_that_are_alive_take_the_endpoint_from_each_other(world, second):
    """What a fence is for."""
    seen = set()

    def fought():
        seen.add(world.address(API))
        return {world.balancer(each, "kube-apiserver-private") for each in (world.first, second)} <= seen

    world.first.eventually(fought, "the private name to lead here and there")
    fence(world.first)
    settled = world.balancer(second, "kube-apiserver-private")
    second.eventually(lambda: world.address(API) == settled)
    for _ in range(20):
        assert world.address(API) == settled
        time.sleep(SETTLED / 20)


def test_a_real_deletion_takes_the_records_by_name_and_the_endpoints(world):
    """What a teardown that leaves finalizers to their controllers would do to the living cluster."""
    client = world.first.client
    pause(world.first, None)
    world.first.eventually(lambda: world.address(API) == world.balancer(world.first, "kube-apiserver-private"))
    own = {each["status"]["endpointServiceName"] for each in world.endpoint_services(world.first).values()}
    client.delete(HOSTED_CLUSTERS, "blue", "clusters")
    world.first.eventually(lambda: client.get(HOSTED_CLUSTERS, "blue", "clusters") is None, "HostedCluster", 60)
    assert client.get(NAMESPACES, NS) is None
    assert world.records("blue.hypershift.local") == {}
    assert world.endpoints() == {}
    left = world.cloud.ec2.describe_vpc_endpoint_service_configurations()["ServiceConfigurations"]
    assert own.isdisjoint(each["ServiceName"] for each in left)
    assert len(own) == 2
