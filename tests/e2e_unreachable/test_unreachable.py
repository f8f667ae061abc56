"""The source's API dies after an online backup, its pods go on: who serves, what is lost, and what it may still do."""

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
from tests.operations import lifeboat, wait_until

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


def test_a_recovery_without_the_source(operations, sandbox):
    """First one that fails and leaves the source as it was, then one that succeeds, then the source comes back."""
    plan = sandbox.plan
    backup = operations.run("backup", source="mgmt-1", kind="online")
    assert backup.status == "SUCCEEDED", backup.cause
    revision = backup.output["revision"]
    saved = [each for each in writes.acknowledged(plan) if each["revision"] <= revision]
    assert len(saved) > 5
    old = addresses(sandbox, "mgmt-1")
    instances = cloud.instances(sandbox.client("ec2"))
    neighbours = cloud.records(sandbox.client("route53"), f"{BLUE}-green")
    names = cloud.records(sandbox.client("route53"), BLUE)
    made = len(cloud.calls(plan, "RunInstances", "TerminateInstances"))
    with without_api(plan.management_cluster("mgmt-1")):
        grown(sandbox)  # the hosted API does not need its management cluster's
        assert answering(old) == old

        faults.plant(plan, Fault("fence-unreachable-source", "after"))
        ended = recover(operations, sandbox)
        assert (ended.status, ended.error) == ("FAILED", "PlantedFaultError")
        assert "what had been cut of the source was put back" in ended.cause
        assert cloud.records(sandbox.client("route53"), BLUE) == names
        assert answering(old) == old
        assert not any(protected(sandbox).values())
        grown(sandbox)
        destination = client_of(plan.management_cluster("mgmt-2"))
        wait_until(lambda: not objects.made_by_lifeboat(destination, NAMESPACE, BLUE))

        ended = recover(operations, sandbox)
        assert ended.status == "SUCCEEDED", ended.cause
        check_served_by_the_destination(operations, sandbox, saved, old)
        assert all(protected(sandbox).values())
        report = report_of(sandbox, ended)
        raised = report["unreachableSource"]["revisions"]
        if plan.kube == "real":  # with etcd 3.6
            assert {after - before for before, after in raised.values()} == {10**9}
        else:
            assert raised
            assert {after - before for before, after in raised.values()} == {0}
    # The source comes back as it was: awake, with all its controllers.
    source = client_of(plan.management_cluster("mgmt-1"))
    wait_until(lambda: source.get(kinds.HOSTED_CLUSTERS, BLUE, NAMESPACE) is not None)
    zombie = operations.run("backup", source="mgmt-1", kind="online")
    assert (zombie.status, zombie.error) == ("FAILED", "PreflightError"), zombie.cause
    assert "is run by mgmt-2" in zombie.cause
    again = operations.run("recover", source="mgmt-1", destination="mgmt-2", approval="none")
    assert again.status == "FAILED"
    check_served_by_the_destination(operations, sandbox, saved, old)
    assert cloud.instances(sandbox.client("ec2")) == instances
    assert len(cloud.calls(plan, "RunInstances", "TerminateInstances")) == made
    assert cloud.records(sandbox.client("route53"), f"{BLUE}-green") == neighbours


def check_served_by_the_destination(operations, sandbox, saved, old):
    grown(sandbox)
    home = sandbox.plan.management_cluster("mgmt-2")
    hosts = [each.partition(" ")[2] for each in cloud.records(sandbox.client("route53"), BLUE) if "TXT" not in each]
    assert set(cloud.answering(sandbox.plan, hosts).values()) == {"mgmt-2"}
    assert writes.lost(home, PLANE, saved) == []
    assert operations.write() == ""
    assert answering(old) == []


def report_of(sandbox, ended):
    body = sandbox.client("s3").get_object(Bucket=sandbox.stack.bucket, Key=ended.output["report"])["Body"].read()
    return json.loads(body)["payload"]
