"""One management cluster with HyperShift and both hosted clusters, their control planes without processes."""

import pytest

from sandbox.client import HOSTED_CONTROL_PLANES, MACHINES
from sandbox.hypershift.cloud import Cloud
from sandbox.world import create_hosted_clusters, prepare_aws, prepare_management_cluster
from tests.sandbox.controllers.management import ManagementCluster


class World(ManagementCluster):
    """`blue` and `blue-green` with their machines; nothing answers at the hosted APIs."""

    def begin(self):
        self.start()
        self.cloud = Cloud(self.plan)
        prepare_aws(self.plan)
        prepare_management_cluster(self.plan, self.cluster)
        create_hosted_clusters(self.plan)
        self.eventually(
            lambda: len([m for m in self.client.list(MACHINES) if m["spec"].get("providerID")]) == 5, "machines", 120
        )
        self.eventually(lambda: len(self.records()) == 24, "records", 60)
        return self

    def records(self):
        zone = self.cloud.route53.list_hosted_zones()["HostedZones"][0]["Id"]
        found = self.cloud.route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        return {(each["Name"].rstrip("."), each["Type"]): each for each in found if each["Type"] in ("CNAME", "TXT")}

    def instances(self, infra_id):
        answer = self.cloud.ec2.describe_instances(
            Filters=[{"Name": f"tag:kubernetes.io/cluster/{infra_id}", "Values": ["owned"]}]
        )
        return {
            each["InstanceId"]: each["State"]["Name"] for group in answer["Reservations"] for each in group["Instances"]
        }

    def control_plane(self, name="blue"):
        return self.client.get(HOSTED_CONTROL_PLANES, name, f"clusters-{name}")


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("run"), aws=True)
    yield world.begin()
    world.stop()
