"""The smaller AWS services: Step Functions, KMS, Route53, EC2, Secrets Manager."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError

from lifeboat.errors import AccessDeniedError, PreflightError
from lifeboat.ports import DnsRecord, Execution, Protection

_SIGNING_ALGORITHM = "ECDSA_SHA_256"
_AT_ONCE = 8  # calls about single instances; the SDK keeps ten connections
_SIGNATURE_BYTES = 72
"""At most, of P-256 in DER: two integers of 33 bytes."""


class StepFunctions:
    """`ports.Executions`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def describe(self, arn: str) -> Execution | None:
        try:
            answer = self._client.describe_execution(executionArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] in {"ExecutionDoesNotExist", "InvalidArn", "ValidationException"}:
                return None
            raise
        output = answer.get("output")
        return Execution(
            arn=arn,
            status=answer["status"],
            started=answer["startDate"],
            input=json.loads(answer.get("input") or "{}"),
            output=json.loads(output) if output else None,
        )

    def stop(self, arn: str, cause: str) -> None:
        self._client.stop_execution(executionArn=arn, error="Superseded", cause=cause)

    def running(self, machine: str) -> list[str]:
        pages = self._client.get_paginator("list_executions").paginate(stateMachineArn=machine, statusFilter="RUNNING")
        return [str(each["executionArn"]) for page in pages for each in page["executions"]]


class KmsSigner:
    """`ports.Signer` by an asymmetric KMS key (ECC_NIST_P256, SIGN_VERIFY)."""

    def __init__(self, client: Any, key_id: str) -> None:
        self._client = client
        self._key_id = key_id

    @property
    def key_id(self) -> str:
        return self._key_id

    def sign(self, digest: bytes) -> bytes:
        answer = self._client.sign(
            KeyId=self._key_id, Message=digest, MessageType="DIGEST", SigningAlgorithm=_SIGNING_ALGORITHM
        )
        signature: bytes = answer["Signature"]
        return signature

    def verify(self, digest: bytes, signature: bytes) -> bool:
        if not 0 < len(signature) <= _SIGNATURE_BYTES:  # to KMS a wrong request, not a wrong signature
            return False
        try:
            answer = self._client.verify(
                KeyId=self._key_id,
                Message=digest,
                MessageType="DIGEST",
                Signature=signature,
                SigningAlgorithm=_SIGNING_ALGORITHM,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "KMSInvalidSignatureException":
                return False
            raise
        return bool(answer["SignatureValid"])


class Route53:
    """`ports.Dns`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def records(self, names: Sequence[str]) -> list[DnsRecord]:
        found: list[DnsRecord] = []
        for zone_id, domain in self._zones():
            wanted = {name for name in names if name == domain or name.endswith(f".{domain}")}
            if wanted:
                found += [record for record in self._records(zone_id) if record.name in wanted]
        return found

    def delete(self, records: Sequence[DnsRecord]) -> None:
        by_zone: dict[str, list[DnsRecord]] = {}
        for record in records:
            by_zone.setdefault(record.zone_id, []).append(record)
        for zone_id, group in by_zone.items():
            changes = [{"Action": "DELETE", "ResourceRecordSet": dict(record.raw)} for record in group]
            try:
                self._client.change_resource_record_sets(HostedZoneId=zone_id, ChangeBatch={"Changes": changes})
            except ClientError as error:
                if error.response["Error"]["Code"] != "InvalidChangeBatch":
                    raise  # an invalid batch: gone or changed meanwhile; the caller looks again

    def create(self, records: Sequence[DnsRecord]) -> None:
        for record in records:
            change = {"Action": "CREATE", "ResourceRecordSet": dict(record.raw)}
            try:
                self._client.change_resource_record_sets(HostedZoneId=record.zone_id, ChangeBatch={"Changes": [change]})
            except ClientError as error:
                if error.response["Error"]["Code"] != "InvalidChangeBatch":
                    raise  # an invalid batch: somebody has made it anew; that one counts

    def _zones(self) -> list[tuple[str, str]]:
        pages = self._client.get_paginator("list_hosted_zones").paginate()
        return [(zone["Id"], zone["Name"].rstrip(".")) for page in pages for zone in page["HostedZones"]]

    def _records(self, zone_id: str) -> list[DnsRecord]:
        pages = self._client.get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id)
        return [
            DnsRecord(
                zone_id,
                record["Name"].rstrip(".").replace("\\052", "*"),
                record["Type"],
                tuple(each["Value"] for each in record.get("ResourceRecords", ())),
                record,
            )
            for page in pages
            for record in page["ResourceRecordSets"]
        ]


class Ec2Instances:
    """`ports.Instances`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def of(self, infra_id: str) -> dict[str, str]:
        key = f"kubernetes.io/cluster/{infra_id}"
        pages = self._client.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "tag-key", "Values": [key]}]
        )
        try:
            return {
                instance["InstanceId"]: instance["State"]["Name"]
                for page in pages
                for reservation in page["Reservations"]
                for instance in reservation["Instances"]
            }
        except ClientError as error:
            if error.response["Error"]["Code"] in {"UnauthorizedOperation", "AccessDenied"}:
                raise AccessDeniedError("AWS refuses this function ec2:DescribeInstances") from None
            raise

    def protections(self, infra_id: str) -> dict[str, Protection]:
        pages = self._client.get_paginator("describe_instances").paginate(
            Filters=[
                {"Name": "tag-key", "Values": [f"kubernetes.io/cluster/{infra_id}"]},
                {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
            ]
        )
        spot = {
            instance["InstanceId"]: instance.get("InstanceLifecycle") == "spot"
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
        }
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            switched = [*pool.map(self._is_protected, spot)]
        return {each: Protection(on, spot[each]) for each, on in zip(spot, switched, strict=True)}

    def protect(self, instance_id: str, *, on: bool) -> None:
        try:
            self._client.modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": on})
        except ClientError as error:
            if error.response["Error"]["Code"] != "InvalidInstanceID.NotFound":
                raise

    def _is_protected(self, instance_id: str) -> bool:
        try:
            answer = self._client.describe_instance_attribute(InstanceId=instance_id, Attribute="disableApiTermination")
        except ClientError as error:
            if error.response["Error"]["Code"] == "InvalidInstanceID.NotFound":
                return False
            raise
        return bool(answer["DisableApiTermination"]["Value"])


class RegisteredClusters:
    """Management clusters as registered in Secrets Manager: `lifeboat/management-clusters/<name>`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def knows(self, name: str) -> bool:
        """Whether the name is registered; what is stored for it is not read. One that is being deleted is not."""
        try:
            answer = self._client.describe_secret(SecretId=f"lifeboat/management-clusters/{name}")
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return False
            raise
        return "DeletedDate" not in answer

    def region(self, name: str) -> str | None:
        """The region that the stored document names. Raises PreflightError as `read` does."""
        found = self.read(name).get("region")
        return str(found) if found else None

    def read(self, name: str) -> Mapping[str, Any]:
        """The stored document (`kubeconfig`, `region`, `kind`, `standby`).

        Raises PreflightError when the name is not registered or its document is broken; what it holds is not quoted.
        """
        secret = f"lifeboat/management-clusters/{name}"
        try:
            text = self._client.get_secret_value(SecretId=secret)["SecretString"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                msg = f"management cluster {name} is not registered: store its kubeconfig as secret {secret}"
                raise PreflightError(msg) from None
            raise
        try:
            document: dict[str, Any] = json.loads(text)
            if not isinstance(document["kubeconfig"], str):
                raise TypeError
        except (ValueError, KeyError, TypeError):
            msg = f"secret {secret} is not a JSON object with a `kubeconfig`: store it again"
            raise PreflightError(msg) from None
        return document
