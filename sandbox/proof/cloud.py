"""What AWS holds of a hosted cluster: instances, DNS records, OIDC documents, and which calls were made."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sandbox.hypershift.guest import resolve
from sandbox.plan import DOMAIN, Plan

_SERVICES = ("api", "oauth", "konnectivity", "ignition")


def instances(ec2: Any) -> dict[str, tuple[str, str]]:
    """Every instance of the account: id → (Name tag or infraID tag, state)."""
    found = {}
    for page in ec2.get_paginator("describe_instances").paginate():
        for reservation in page["Reservations"]:
            for each in reservation["Instances"]:
                tags = {tag["Key"]: tag["Value"] for tag in each.get("Tags", ())}
                owner = next((key.rpartition("/")[2] for key in tags if key.startswith("kubernetes.io/cluster/")), "")
                found[each["InstanceId"]] = (owner, each["State"]["Name"])
    return found


def records(route53: Any, name: str) -> dict[str, str]:
    """The records of one hosted cluster's public names, TXT ownership included: `TYPE name` → value."""
    hosts = [f"{service}-{name}.{DOMAIN}" for service in _SERVICES]
    wanted = {*hosts, *(f"{host}-external-dns" for host in hosts)}
    wanted |= {twin for host in hosts for twin in _twins(host)}
    found = {}
    for zone in route53.list_hosted_zones()["HostedZones"]:
        for page in route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone["Id"]):
            for record in page["ResourceRecordSets"]:
                plain = record["Name"].rstrip(".")
                if plain in wanted:
                    values = ",".join(each["Value"] for each in record.get("ResourceRecords", ()))
                    found[f"{record['Type']} {plain}"] = values
    return found


def answering(plan: Plan, hosts: Iterable[str]) -> dict[str, str]:
    """For each name the management cluster whose load balancer it leads to now, or `nobody`."""
    networks = {network: each.name for each in plan.management_clusters for network in each.load_balancer_networks()}
    addresses = {host: resolve(plan, host) or "" for host in hosts}
    return {host: networks.get(address.rpartition(".")[0], "nobody") for host, address in addresses.items()}


def endpoints(ec2: Any) -> dict[str, str]:
    """The VPC endpoints that are available: id → name of the service that each leads to."""
    found = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    return {each["VpcEndpointId"]: each["ServiceName"] for each in found if each["State"].lower() == "available"}


def _twins(host: str) -> list[str]:
    """Names under which external-dns keeps ownership: the suffix is put on the first label."""
    label, _, rest = host.partition(".")
    return [f"{label}-external-dns.{rest}", f"cname-{label}-external-dns.{rest}", f"cname-{host}-external-dns"]


def oidc_documents(s3: Any, infra_id: str) -> dict[str, bytes]:
    """The published OIDC documents of one hosted cluster."""
    bucket = "lifeboat-sandbox-oidc"
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"{infra_id}/").get("Contents", ())
    return {each["Key"]: s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in listed}


def calls(plan: Plan, *actions: str) -> list[dict[str, Any]]:
    """The AWS calls of these actions so far."""
    with plan.aws_calls.open(encoding="utf-8") as lines:
        every = [json.loads(line) for line in lines if line.endswith("\n")]
    return [call for call in every if call["action"] in actions]
