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

    resources: Mapping[str, tuple[str, Any]]
    """Logical id to CloudFormation type and what `Ref` gives."""

    @property
    def bucket(self) -> str:
        """Name of the stack's bucket. Raises ValueError unless there is exactly one."""
        return self._only("AWS::S3::Bucket")

    @property
    def event_bus(self) -> str:
        """Name of the stack's event bus. Raises ValueError unless there is exactly one."""
        return self._only("AWS::Events::EventBus")

    def _only(self, kind: str) -> str:
        (name,) = (reference for each, reference in self.resources.values() if each == kind)
        return str(name)


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
    applied = apply(plain, given, pseudo, clients)
    machines = [
        reference for kind, reference in applied.resources.values() if kind == "AWS::StepFunctions::StateMachine"
    ]
    return DeployedStack(
        name=stack,
        outputs=applied.outputs,
        state_machines={arn.rpartition(":")[2].removeprefix(f"{stack}-"): arn for arn in machines},
        resources=applied.resources,
    )
