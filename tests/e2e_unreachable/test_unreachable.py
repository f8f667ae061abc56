"""The source's API dies after an online backup, its pods go on: who serves, what is lost, and what it may still do."""

import dataclasses
import json

import pytest

from lifeboat.adapters.traffic import TlsDoors
from sandbox import client as kinds
from sandbox.aws.functions import faults
from sandbox.aws.functions.faults import Fault
from sandbox.breaking.api import without_api
from sandbox.controllers.load_balancer import address_of
from sandbox.plan import API_PORT, DOMAIN
from sandbox.proof import cloud, objects, writes
from sandbox.proof.clients import client_of
from sandbox.proof.observation import BLUE, NAMESPACE
from tests.operations import Operations, lifeboat, wait_until

pytestmark = [pytest.mark.full, pytest.mark.timeout(1500)]

PLANE = f"{NAMESPACE}-{BLUE}"
RECOVER = {
    "source": "mgmt-1",
    "destination": "mgmt-2",
    "approval": "none",
    "unreachableSource": {"accept": "data-loss", "reason": "its API died"},
}


def addresses(sandbox, name):
    """Where the control plane of `blue` answers at a management cluster."""
    services = client_of(sandbox.plan.management_cluster(name)).list(kinds.SERVICES, PLANE)
    hosts = [each["status"]["loadBalancer"]["ingress"][0]["hostname"] for each in services if _is_balancer(each)]
    assert hosts
    return [address_of(each) for each in hosts]


def _is_balancer(service):
    return service["spec"].get("type") == "LoadBalancer" and service.get("status", {}).get("loadBalancer")


def answering(hosts):
    return [each for each in hosts if TlsDoors().answers(each, API_PORT, [f"api-{BLUE}.{DOMAIN}"])]


def protected(sandbox):
    ec2 = sandbox.client("ec2")
    found = {}
    for each, (owner, state) in cloud.instances(ec2).items():
        if owner.startswith(f"{BLUE}-") and not owner.startswith(f"{BLUE}-green") and state == "running":
            told = ec2.describe_instance_attribute(InstanceId=each, Attribute="disableApiTermination")
            found[each] = told["DisableApiTermination"]["Value"]
    assert found
    return found


def grown(sandbox):
    """The number of writes that were acknowledged, once it has grown."""
    before = len(writes.acknowledged(sandbox.plan))
    wait_until(lambda: len(writes.acknowledged(sandbox.plan)) > before + 2, seconds=120)


def recover(operations, sandbox):
    """Start it, approve it when it asks, and wait for its end."""
    arn = operations.start("recover", **RECOVER)

    def approved():
        seen = operations.stepfunctions.describe_execution(executionArn=arn)
        assert seen["status"] == "RUNNING", seen.get("cause")
        return lifeboat(sandbox, "approve", arn, check=False) is not None

    wait_until(approved, seconds=400)  # it listens for a minute before it asks
    return operations.end_of(arn, seconds=900)


def test_a_source_that_answers_is_refused_before_anything(operations, sandbox):
    before = operations.source()
    ended = operations.run("recover", **RECOVER)
    assert (ended.status, ended.error) == ("FAILED", "PreflightError")
    assert "leave unreachableSource out" in ended.cause
    assert operations.source() == before


@dataclasses.dataclass(frozen=True)
class Before:
    """What there was, once an online backup had been made."""

    saved: list
    """Acknowledged writes up to the backup's revision."""
    addresses: list
    instances: dict
    names: dict
    neighbours: dict
    made: int
    """Calls that make or end instances."""


@pytest.fixture(scope="package")
def before(sandbox):
    backup = Operations(sandbox).run("backup", source="mgmt-1", kind="online")
    assert backup.status == "SUCCEEDED", backup.cause
    saved = [each for each in writes.acknowledged(sandbox.plan) if each["revision"] <= backup.output["revision"]]
    assert len(saved) > 5
    route53 = sandbox.client("route53")
    return Before(
        saved,
        addresses(sandbox, "mgmt-1"),
        cloud.instances(sandbox.client("ec2")),
        cloud.records(route53, BLUE),
        cloud.records(route53, f"{BLUE}-green"),
        len(cloud.calls(sandbox.plan, "RunInstances", "TerminateInstances")),
    )


def test_a_recovery_that_fails_before_the_handover_puts_back_what_was_cut(operations, sandbox, before):
    with without_api(sandbox.plan.management_cluster("mgmt-1")):
        grown(sandbox)  # the hosted API does not need its management cluster's
        assert answering(before.addresses) == before.addresses
        faults.plant(sandbox.plan, Fault("fence-unreachable-source", "after"))
        ended = recover(operations, sandbox)
        assert (ended.status, ended.error) == ("FAILED", "PlantedFaultError")
        assert "what had been cut of the source was put back" in ended.cause
        assert cloud.records(sandbox.client("route53"), BLUE) == before.names
        assert answering(before.addresses) == before.addresses
        assert not any(protected(sandbox).values())
        grown(sandbox)
        destination = client_of(sandbox.plan.management_cluster("mgmt-2"))
        wait_until(lambda: not objects.made_by_lifeboat(destination, NAMESPACE, BLUE))
    check_nothing_else_happened(sandbox, before)


def test_a_recovery_without_the_source_and_what_becomes_of_one_that_comes_back(operations, sandbox, before):
    with without_api(sandbox.plan.management_cluster("mgmt-1")):
        assert answering(before.addresses) == before.addresses
        ended = recover(operations, sandbox)
        assert ended.status == "SUCCEEDED", ended.cause
        check_served_by_the_destination(operations, sandbox, before)
        assert all(protected(sandbox).values())
        raised = report_of(sandbox, ended)["unreachableSource"]["revisions"]
        by = 10**9 if sandbox.plan.kube == "real" else 0  # etcd 3.6, or 3.5, which people approved
        assert raised
        assert {after - at_first for at_first, after in raised.values()} == {by}
    # The source comes back as it was: awake, with all its controllers.
    source = client_of(sandbox.plan.management_cluster("mgmt-1"))
    wait_until(lambda: source.get(kinds.HOSTED_CLUSTERS, BLUE, NAMESPACE) is not None)
    zombie = operations.run("backup", source="mgmt-1", kind="online")
    assert (zombie.status, zombie.error) == ("FAILED", "PreflightError"), zombie.cause
    assert "is run by mgmt-2" in zombie.cause
    again = operations.run("recover", source="mgmt-1", destination="mgmt-2", approval="none")
    assert again.status == "FAILED"
    check_served_by_the_destination(operations, sandbox, before)
    check_nothing_else_happened(sandbox, before)


def check_nothing_else_happened(sandbox, before):
    """No instance came or went, and the neighbour is as it was."""
    assert cloud.instances(sandbox.client("ec2")) == before.instances
    assert len(cloud.calls(sandbox.plan, "RunInstances", "TerminateInstances")) == before.made
    assert cloud.records(sandbox.client("route53"), f"{BLUE}-green") == before.neighbours


def check_served_by_the_destination(operations, sandbox, before):
    grown(sandbox)
    home = sandbox.plan.management_cluster("mgmt-2")
    hosts = [each.partition(" ")[2] for each in cloud.records(sandbox.client("route53"), BLUE) if "TXT" not in each]
    assert set(cloud.answering(sandbox.plan, hosts).values()) == {"mgmt-2"}
    assert writes.lost(home, PLANE, before.saved) == []
    assert operations.write() == ""
    assert answering(before.addresses) == []


def report_of(sandbox, ended):
    body = sandbox.client("s3").get_object(Bucket=sandbox.stack.bucket, Key=ended.output["report"])["Body"].read()
    return json.loads(body)["payload"]
