"""Deploys template.yaml, as it is, to the AWS of a running sandbox."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from sandbox.aws.cloudformation.apply import apply
from sandbox.aws.cloudformation.package import package, read
from sandbox.aws.cloudformation.resources import Clients
from sandbox.plan import ACCOUNT_ID, REGION, Plan

REPOSITORY = Path(__file__).resolve().parents[2]
_ARTIFACTS = "sandbox-artifacts"


@dataclass(frozen=True)
class DeployedStack:
    """What a deployment made. `outputs` are the template's own."""

    name: str
    outputs: Mapping[str, Any]
    state_machines: Mapping[str, str]
    """Name without the stack's (`backup`) to ARN, of every state machine of the stack."""

    buckets: tuple[str, ...]
    """Names of the stack's buckets, in the order of the template's logical ids."""

    event_buses: tuple[str, ...]


def session(plan: Plan) -> Any:
    """A boto3 session with the sandbox's own keys."""
    return boto3.session.Session(
        aws_access_key_id=plan.access_key_id,
        aws_secret_access_key=plan.secret_access_key,
        region_name=REGION,
    )


def deploy(
    plan: Plan,
    *,
    template: Path = REPOSITORY / "template.yaml",
    root: Path | None = None,
    parameters: Mapping[str, Any] | None = None,
    stack: str = "lifeboat",
) -> DeployedStack:
    """Package, translate and apply `template`, whose paths are relative to its folder (or to `root`).

    Raises TemplateError for what the applier does not support, ResourceFailedError for what AWS refuses.
    """
    clients = Clients(session(plan), plan.aws_url)
    clients("s3").create_bucket(Bucket=_ARTIFACTS, CreateBucketConfiguration={"LocationConstraint": REGION})

    def upload(name: str, archive: bytes) -> str:
        key = f"{name}-{hashlib.sha256(archive).hexdigest()[:16]}.zip"
        clients("s3").put_object(Bucket=_ARTIFACTS, Key=key, Body=archive)
        return f"s3://{_ARTIFACTS}/{key}"

    given = dict(parameters or {})
    plain = package(read(template), root or template.parent, given, upload)
    pseudo = {
        "AWS::AccountId": ACCOUNT_ID,
        "AWS::Partition": "aws",
        "AWS::Region": REGION,
        "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/{stack}/sandbox",
        "AWS::StackName": stack,
        "AWS::URLSuffix": "amazonaws.com",
    }
    outputs = apply(plain, given, pseudo, clients)
    machines = clients("stepfunctions").list_state_machines()["stateMachines"]
    buckets = [each["Name"] for each in clients("s3").list_buckets()["Buckets"] if each["Name"] != _ARTIFACTS]
    buses = [each["Name"] for each in clients("events").list_event_buses()["EventBuses"] if each["Name"] != "default"]
    return DeployedStack(
        name=stack,
        outputs=outputs,
        state_machines={each["name"].removeprefix(f"{stack}-"): each["stateMachineArn"] for each in machines},
        buckets=tuple(buckets),
        event_buses=tuple(buses),
    )
