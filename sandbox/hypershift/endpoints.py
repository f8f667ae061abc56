"""PrivateLink and private zones in the sandbox's AWS, as the simulated operators use them.

moto has VPC endpoints and endpoint services, but it neither joins them nor refuses what AWS does; the sandbox's DNS
leads an endpoint's name to the load balancer behind its service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.hypershift.cloud import Cloud

_TTL = 10  # seconds; as control-plane-operator writes them


@dataclass(frozen=True)
class Endpoint:
    """One VPC endpoint and the name that it is reached by."""

    id: str
    host: str


class Endpoints:
    """What AWS holds of them."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def service_of(self, balancer: str) -> str:
        """The name of the endpoint service of a load balancer, made where there is none. Raises ClientError."""
        arn = self._balancer(balancer)
        for each in self._cloud.ec2.describe_vpc_endpoint_service_configurations()["ServiceConfigurations"]:
            if arn in each.get("NetworkLoadBalancerArns", ()):
                return str(each["ServiceName"])
        made = self._cloud.ec2.create_vpc_endpoint_service_configuration(
            NetworkLoadBalancerArns=[arn], AcceptanceRequired=False
        )
        return str(made["ServiceConfiguration"]["ServiceName"])

    def delete_service(self, name: str) -> None:
        for each in self._cloud.ec2.describe_vpc_endpoint_service_configurations()["ServiceConfigurations"]:
            if each["ServiceName"] == name:
                self._cloud.ec2.delete_vpc_endpoint_service_configurations(ServiceIds=[each["ServiceId"]])

    def _balancer(self, name: str) -> str:
        """Its ARN. Raises botocore's ClientError until the cluster's cloud controller has made it."""
        found = self._cloud.elbv2.describe_load_balancers(Names=[name])["LoadBalancers"]
        return str(found[0]["LoadBalancerArn"])

    def ensure(self, service: str, vpc: str, subnets: Sequence[str], group: str, tags: Mapping[str, str]) -> Endpoint:
        """The endpoint with these tags, leading to this service. One that leads elsewhere is deleted first."""
        mine = None
        for each in self.living():
            if tags.items() <= {tag["Key"]: tag["Value"] for tag in each.get("Tags", ())}.items():
                if each["ServiceName"] == service:
                    mine = each
                else:
                    self.delete(each["VpcEndpointId"])
        if mine is None:
            mine = self._cloud.ec2.create_vpc_endpoint(
                VpcEndpointType="Interface",
                VpcId=vpc,
                ServiceName=service,
                SubnetIds=list(subnets),
                SecurityGroupIds=[group],
                PrivateDnsEnabled=False,
                TagSpecifications=[
                    {
                        "ResourceType": "vpc-endpoint",
                        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
                    }
                ],
            )["VpcEndpoint"]
        return Endpoint(mine["VpcEndpointId"], mine["DnsEntries"][0]["DnsName"])

    def living(self) -> list[dict[str, Any]]:
        """Every VPC endpoint but those that were deleted, which stay in sight."""
        found = self._cloud.ec2.describe_vpc_endpoints()["VpcEndpoints"]
        return [each for each in found if each["State"].lower() == "available"]

    def delete(self, endpoint: str) -> None:
        self._cloud.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])

    def security_group(self, vpc: str, name: str) -> str:
        """Its id, made where there is none."""
        filters = [{"Name": "group-name", "Values": [name]}, {"Name": "vpc-id", "Values": [vpc]}]
        found = self._cloud.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
        if found:
            return str(found[0]["GroupId"])
        made = self._cloud.ec2.create_security_group(GroupName=name, Description="VPC endpoint", VpcId=vpc)
        return str(made["GroupId"])

    def zone(self, domain: str) -> str:
        """The id of the private zone of that domain. Raises LookupError."""
        for each in self._cloud.route53.list_hosted_zones()["HostedZones"]:
            if each["Name"] == f"{domain}." and each["Config"]["PrivateZone"]:
                return str(each["Id"]).rpartition("/")[2]
        raise LookupError(f"no private zone {domain}")

    def point(self, zone: str, name: str, target: str) -> None:
        """Let a name lead to `target`, whoever wrote it before."""
        present = self._record(zone, name)
        if present is None or present["ResourceRecords"][0]["Value"] != target:
            record = {"Name": name, "Type": "CNAME", "TTL": _TTL, "ResourceRecords": [{"Value": target}]}
            self._change(zone, "UPSERT", record)

    def forget(self, zone: str, name: str) -> None:
        """Delete a record by its name."""
        if present := self._record(zone, name):
            self._change(zone, "DELETE", present)

    def _record(self, zone: str, name: str) -> dict[str, Any] | None:
        found = self._cloud.route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
        wanted = {f"{name}.", f"{name}.".replace("*", "\\052")}
        return next((each for each in found if each["Name"] in wanted and each["Type"] == "CNAME"), None)

    def _change(self, zone: str, action: str, record: dict[str, Any]) -> None:
        changes = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        self._cloud.route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)
