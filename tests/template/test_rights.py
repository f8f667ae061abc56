"""A function's role has the groups of rights that its code can use, and no other."""

from __future__ import annotations

import pytest

from tests.template import reach
from tests.template.test_template import FOLDERS, pascal, template

GROUPS = {
    "LeasePolicy": ("guarded", "leases.take", "leases.renew", "leases.release"),
    "LeaseReadPolicy": ("leases.read",),
    "ClusterPolicy": (
        "services.source",
        "services.destination",
        "services.management_cluster",
        "services.guest",
        "services.region",
    ),
    "ClusterLookupPolicy": ("services.registry",),
    # A put that finds the object there compares what it finds.
    "BackupReadPolicy": ("services.store", "services.outside"),
    "SnapshotUrlPolicy": ("services.snapshot_urls",),
    "BackupWritePolicy": ("store.put", "store.presigned_put", "store.open_upload", "store.presigned_part"),
    "BackupUploadPolicy": ("store.open_upload", "store.stored_parts", "store.abort_upload"),
    "PlanPolicy": ("services.plans",),
    "RetentionPolicy": ("store.delete",),
    "SigningPolicy": ("signer.sign",),
    "DnsReadPolicy": ("services.dns", "services.outside"),
    "DnsWritePolicy": ("dns.delete",),
    "DnsPutBackPolicy": ("dns.create",),
    "TrafficReadPolicy": ("services.outside",),
    "TrafficWritePolicy": ("load_balancers.deregister", "load_balancers.register"),
    "ProtectionPolicy": ("instances.protect",),
    "InstanceReadPolicy": ("services.instances", "services.outside"),
    "EndpointReadPolicy": ("services.endpoints",),
    "KeyLookupPolicy": ("services.keys",),
    "ExecutionReadPolicy": ("services.executions",),
    "BackupStopPolicy": ("executions.stop",),
    "ApprovalPolicy": ("services.approvals",),
}
"""Group of rights → any of what the code mentions that needs it."""


@pytest.mark.parametrize("folder", sorted(FOLDERS))
def test_a_function_has_the_rights_that_its_code_can_use_and_no_other(folder):
    """An unused right is worth something to whoever takes over a function; a missing one stops a move half way."""
    used = reach.of_handler(folder)
    wanted = {group for group, marks in GROUPS.items() if used.intersection(marks)}
    properties = template()["Resources"][f"{pascal(folder)}Function"]["Properties"]
    assert {each["Ref"] for each in properties.get("Policies", ())} == wanted


def test_every_group_of_a_function_is_told_here():
    """Those of machines aside."""
    policies = {name for name, each in template()["Resources"].items() if each["Type"] == "AWS::IAM::ManagedPolicy"}
    assert policies - {"MachinePolicy", "NestedMachinesPolicy"} == set(GROUPS)


def test_no_function_can_read_the_token_of_an_approval():
    """They stand in the table of the leases: one function writes them, people read them by rights of their own."""
    told = {
        action: statement["Condition"]
        for policy in template()["Resources"].values()
        if policy["Type"] == "AWS::IAM::ManagedPolicy"
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        if action.startswith("dynamodb:")
    }
    others = {"ForAllValues:StringNotLike": {"dynamodb:LeadingKeys": ["approval#*"]}}
    assert told == {
        "dynamodb:GetItem": others,
        "dynamodb:UpdateItem": others,
        "dynamodb:PutItem": {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["approval#*"]}},
    }
