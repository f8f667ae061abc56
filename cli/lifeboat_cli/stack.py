"""The deployed stack as the CLI finds it: by names, which all begin with the stack's (`template.yaml`)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lifeboat.ports import ObjectStore, Signer

MACHINES = ("backup", "restore", "teardown", "recover")


class StackError(Exception):
    """Occurs when the account holds no such stack, or what is asked for is not there; the message says what to do."""


@dataclass(frozen=True)
class Stack:
    """One stack of Lifeboat. boto3 is told by the environment where it is (profile, region, AWS_ENDPOINT_URL)."""

    name: str = "lifeboat"

    def client(self, service: str, **settings: Any) -> Any:
        import boto3  # noqa: PLC0415 - half a second that `--help` need not pay

        return boto3.client(service, **settings)

    def now(self) -> str:
        """The time as executions tell it (RFC 3339, UTC)."""
        return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")

    @cached_property
    def account(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])

    @cached_property
    def region(self) -> str:
        return str(self.client("stepfunctions").meta.region_name)

    @property
    def bucket(self) -> str:
        return f"{self.name}-backups-{self.account}-{self.region}"

    @property
    def lease_table(self) -> str:
        return f"{self.name}-leases"

    @property
    def signing_key(self) -> str:
        return f"alias/{self.name}-signing"

    def store(self) -> ObjectStore:
        """The backup bucket."""
        from lifeboat.adapters.s3 import BackupBucket, s3_client  # noqa: PLC0415 - boto3, which `--help` need not pay

        return BackupBucket(s3_client(), self.bucket)

    def signer(self) -> Signer:
        """The key that signs records; verifying needs kms:Verify."""
        from lifeboat.adapters.aws import KmsSigner  # noqa: PLC0415 - as above

        return KmsSigner(self.client("kms"), self.signing_key)

    def machine(self, kind: str) -> str:
        """ARN of a state machine; StackError when it is not deployed here."""
        pages = self.client("stepfunctions").get_paginator("list_state_machines").paginate()
        for page in pages:
            for machine in page["stateMachines"]:
                if machine["name"] == f"{self.name}-{kind}":
                    return str(machine["stateMachineArn"])
        msg = f"no state machine {self.name}-{kind} in {self.region}: is the stack here? Give --stack or AWS_REGION"
        raise StackError(msg)

    def execution(self, given: str) -> str:
        """An execution by its ARN, or by its name: a recovery's first, then the other machines'.

        Raises StackError when there is none of that name.
        """
        if given.startswith("arn:"):
            return given
        client = self.client("stepfunctions")
        for kind in reversed(MACHINES):
            arn = f"{self.machine(kind).replace(':stateMachine:', ':execution:')}:{given}"
            try:
                client.describe_execution(executionArn=arn)
            except client.exceptions.ExecutionDoesNotExist:
                continue
            return arn
        msg = f"no execution is named {given}: give its ARN, which starting it printed"
        raise StackError(msg)
