"""A private hosted cluster after a move: its endpoint and its names have to lead to the destination."""

import pytest

from lifeboat.ports import DnsRecord
from lifeboat.restore.serving import TRUE_WITH_PRIVATE_ACCESS
from lifeboat.verification.restored import verify
from lifeboat.vpc_endpoints import VpcEndpoint
from tests.unit.a_restored import GOOD, World
from tests.unit.builders import an_object

ENDPOINT, SERVICE, HOST = "vpce-1", "com.amazonaws.vpce.us-east-2.vpce-svc-2", "vpce-1-x.example"
OLD, OLD_HOST = "com.amazonaws.vpce.us-east-2.vpce-svc-1", "vpce-0-x.example"
API = "api.blue.hypershift.local"
ZONE = "/hostedzone/Z9"


class Private(World):
    """`blue` by an internal load balancer at mgmt-2; its public names lead to the VPC endpoint."""

    def __init__(self):
        super().__init__()
        hosted = self.held("HostedCluster", "clusters", "blue")
        hosted["spec"]["platform"] = {"type": "AWS", "aws": {"endpointAccess": "Private"}}
        self.set_conditions(**GOOD, **dict.fromkeys(TRUE_WITH_PRIVATE_ACCESS, "True"))
        self.destination.remove("Service", "clusters-blue", "router")
        ingress = {"loadBalancer": {"ingress": [{"hostname": "internal-2-0a1b.elb.us-east-2.amazonaws.example"}]}}
        self.destination.add(an_object("v1", "Service", "private-router", "clusters-blue", status=ingress))
        status = {"endpointID": ENDPOINT, "endpointServiceName": SERVICE, "dnsNames": [API], "dnsZoneID": "Z9"}
        self.add_endpoint_service("internal-2", status)
        self.endpoints.held[ENDPOINT] = VpcEndpoint(ENDPOINT, SERVICE, "available", (HOST,))
        self.half.external_dns()
        for service in ("APIServer", "OAuthServer", "Konnectivity", "Ignition"):
            self.half.dns.add(self.half.hosted.hostname(service), "CNAME", HOST)
        self.point(HOST)

    def add_endpoint_service(self, balancer, status):
        api_version = "hypershift.openshift.io/v1beta1"
        self.destination.add(
            an_object(
                api_version,
                "AWSEndpointService",
                "private-router",
                "clusters-blue",
                spec={"networkLoadBalancerName": balancer},
                status=status,
            )
        )

    def point(self, target, zone=ZONE):
        held = self.half.dns.held
        held[:] = [each for each in held if each.name != API]
        if target:
            held.append(DnsRecord(zone, API, "CNAME", (target,), {}))

    def endpoint(self, service=SERVICE, state="available"):
        self.endpoints.held[ENDPOINT] = VpcEndpoint(ENDPOINT, service, state, (HOST,))


@pytest.fixture
def world():
    return Private()


def test_a_private_cluster_that_leads_to_the_destination_is_verified(world):
    found = verify(world.restored)
    assert found.not_yet == []
    assert found.facts["endpoints"] == [
        {"name": "private-router", "endpointID": ENDPOINT, "endpointServiceName": SERVICE, "dnsNames": [API]}
    ]


def test_nothing_of_it_is_asked_of_a_public_cluster():
    world = World()
    assert verify(world.restored).not_yet == []
    assert "endpoints" not in verify(world.restored).facts


def _other_zone(world):
    """A hosted cluster of the same name in another VPC has a zone of the same domain."""
    world.point(HOST, "/hostedzone/Z8")


def _another_balancer(world):
    world.held("AWSEndpointService", "clusters-blue", "private-router")["spec"]["networkLoadBalancerName"] = (
        "internal-1"
    )


def _without(field):
    def disturb(world):
        del world.held("AWSEndpointService", "clusters-blue", "private-router")["status"][field]

    return disturb


@pytest.mark.parametrize(
    ("disturb", "told"),
    [
        (lambda world: world.destination.remove("AWSEndpointService", "clusters-blue", "private-router"), "AWSEndpoin"),
        (_without("endpointID"), "private-router to have a VPC endpoint (it names none)"),
        (lambda world: world.endpoints.held.clear(), "to have a VPC endpoint (it names vpce-1)"),
        (lambda world: world.endpoint(OLD), f"vpce-1 to lead to {SERVICE} (it leads to {OLD})"),
        (lambda world: world.endpoint(state="deleted"), "vpce-1 to be available (it is deleted)"),
        (_another_balancer, "(it names internal-1)"),
        (lambda world: world.point(OLD_HOST), f"{API} to point to vpce-1 (it points to {OLD_HOST})"),
        (lambda world: world.point(None), f"{API} to be in its private zone"),
        (_other_zone, f"{API} to be in its private zone"),
        (_without("dnsNames"), "private-router to have its names"),
    ],
)
def test_what_still_leads_elsewhere_is_waited_for(world, disturb, told):
    disturb(world)
    assert any(told in line for line in verify(world.restored).not_yet)


@pytest.mark.parametrize("disturb", [lambda world: world.endpoint(OLD), lambda world: world.endpoint(state="deleted")])
def test_a_public_name_that_leads_to_a_lost_endpoint_is_not_the_destinations(world, disturb):
    disturb(world)
    assert any("api-blue.hosted.example.com to point to mgmt-2" in line for line in verify(world.restored).not_yet)
