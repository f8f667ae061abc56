"""Two management clusters on one AWS; `blue` is private and published by load balancers on the first."""

import pytest

from sandbox.client import AWS_ENDPOINT_SERVICES, SERVICES
from sandbox.guest.hosted import Object
from sandbox.hypershift.cloud import Cloud
from sandbox.hypershift.endpoints import Endpoints
from sandbox.hypershift.guest import resolve
from sandbox.objects import condition
from sandbox.shape import Shape
from sandbox.world import create_hosted_clusters, prepare_aws, prepare_management_cluster
from tests.sandbox.controllers.management import ManagementCluster

NS = "clusters-blue"
API = "api.blue.hypershift.local"


class PrivateWorld:
    """`first` holds the hosted clusters."""

    def __init__(self, folder):
        shape = Shape("SingleReplica", access="Private", publishing="LoadBalancer", node_pools=1, machines=1)
        self.first = ManagementCluster(folder, aws=True, shape=shape)
        self.plan = self.first.plan
        self.second = ManagementCluster.second(self.first)
        self.cloud = Cloud(self.plan)

    def begin(self):
        self.first.start()
        prepare_aws(self.plan)
        prepare_management_cluster(self.plan, self.first.cluster)
        create_hosted_clusters(self.plan)
        self.first.eventually(lambda: len(self.endpoint_services(self.first)) == 2, "AWSEndpointServices", 60)
        self.first.eventually(lambda: self.are_available(self.first), "available", 60)
        return self

    def stop(self):
        self.first.stop()

    def endpoint_services(self, cluster) -> dict[str, Object]:
        return {each["metadata"]["name"]: each for each in cluster.client.list(AWS_ENDPOINT_SERVICES, NS)}

    def are_available(self, cluster):
        kinds = ("AWSEndpointServiceAvailable", "AWSEndpointAvailable")
        found = self.endpoint_services(cluster).values()
        return all((condition(each, kind) or {}).get("status") == "True" for each in found for kind in kinds)

    def endpoints(self):
        return {each["VpcEndpointId"]: each for each in Endpoints(self.cloud).living()}

    def records(self, domain):
        zones = self.cloud.route53.list_hosted_zones()["HostedZones"]
        zone = next(each["Id"] for each in zones if each["Name"] == f"{domain}.")
        found = self.cloud.route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        return {
            each["Name"].rstrip(".").replace("\\052", "*"): each["ResourceRecords"][0]["Value"]
            for each in found
            if each["Type"] == "CNAME"
        }

    def address(self, name):
        return resolve(self.plan, name)

    def balancer(self, cluster, name):
        ingress = cluster.client.get(SERVICES, name, NS)["status"]["loadBalancer"]["ingress"]
        return self.address(ingress[0]["hostname"])


@pytest.fixture(scope="package")
def world(tmp_path_factory):
    world = PrivateWorld(tmp_path_factory.mktemp("run"))
    try:
        yield world.begin()
    finally:
        world.stop()
