"""`vpc_endpoints.VpcEndpoints` on EC2, and what the sandbox's DNS makes of an endpoint's name."""

import dns.message
import dns.query
import pytest

from lifeboat.adapters.vpc_endpoints import Ec2VpcEndpoints
from sandbox.hypershift.cloud import Cloud
from sandbox.hypershift.endpoints import Endpoints

BALANCER = "lb-127-70-24-9"


@pytest.fixture
def made(aws):
    """A VPC endpoint that leads to BALANCER."""
    cloud = Cloud(aws.plan)
    endpoints = Endpoints(cloud)
    subnet = cloud.ec2.describe_subnets()["Subnets"][0]
    if not any(each["LoadBalancerName"] == BALANCER for each in cloud.elbv2.describe_load_balancers()["LoadBalancers"]):
        cloud.elbv2.create_load_balancer(Name=BALANCER, Type="network", Subnets=[subnet["SubnetId"]])
    group = endpoints.security_group(subnet["VpcId"], "endpoint")
    service = endpoints.service_of(BALANCER)
    found = endpoints.ensure(service, subnet["VpcId"], [subnet["SubnetId"]], group, {"cluster": "blue"})
    return endpoints, service, found


def address(aws, name):
    host, _, port = aws.plan.resolver.rpartition(":")
    answer = dns.query.udp(dns.message.make_query(name, "A"), host, port=int(port), timeout=5)
    return [item.to_text() for each in answer.answer for item in each]


def test_an_endpoint_is_told_with_its_service_state_and_names(aws, made):
    _, service, endpoint = made
    found = Ec2VpcEndpoints(aws.client("ec2")).of([endpoint.id, "vpce-0123456789abcdef0"])
    assert list(found) == [endpoint.id]
    told = found[endpoint.id]
    assert (told.service, told.state, told.hosts) == (service, "available", (endpoint.host,))


def test_one_that_was_deleted_is_told_as_such_and_leads_nowhere(aws, made):
    endpoints, _, endpoint = made
    assert address(aws, endpoint.host) == ["127.70.24.9"]
    endpoints.delete(endpoint.id)
    found = Ec2VpcEndpoints(aws.client("ec2")).of([endpoint.id])
    assert found[endpoint.id].state == "deleted"
    assert address(aws, endpoint.host) == []


def test_without_its_service_it_leads_nowhere(aws, made):
    endpoints, service, endpoint = made
    endpoints.delete_service(service)
    assert address(aws, endpoint.host) == []
