"""Leases in DynamoDB: conditional writes are the whole protocol.

Item: `hostedCluster` (key, "<namespace>/<name>"), `holder` (operation id), `execution`, `epoch`, `expiresAt` (epoch
seconds). A release removes `holder` and keeps `epoch`: epochs only rise, so that a late twin can be told.
"""

from __future__ import annotations

import time
from typing import Any

from botocore.exceptions import ClientError

from lifeboat.ports import Lease

_REFUSED = "ConditionalCheckFailedException"


class LeaseTable:
    """`ports.Leases` over one table (a boto3 DynamoDB client)."""

    def __init__(self, client: Any, table: str) -> None:
        self._dynamodb = client
        self._table = table

    def read(self, hosted_cluster: str) -> Lease | None:
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(hosted_cluster), ConsistentRead=True)
        return _lease(answer["Item"]) if "Item" in answer else None

    def take(
        self, hosted_cluster: str, operation_id: str, execution: str, seconds: int, over: Lease | None
    ) -> Lease | None:
        values: dict[str, Any] = {
            ":holder": {"S": operation_id},
            ":execution": {"S": execution},
            ":expires": {"N": str(int(time.time()) + seconds)},
            ":one": {"N": "1"},
            ":zero": {"N": "0"},
        }
        if over is None:
            condition = "attribute_not_exists(hostedCluster)"
        else:
            values[":epoch"] = {"N": str(over.epoch)}
            condition = "epoch = :epoch"
        update = (
            "SET holder = :holder, #execution = :execution, expiresAt = :expires, "
            "epoch = if_not_exists(epoch, :zero) + :one"
        )
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(hosted_cluster),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeNames={"#execution": "execution"},
                ExpressionAttributeValues=values,
                ReturnValues="ALL_NEW",
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == _REFUSED:
                return None
            raise
        return _lease(answer["Attributes"])

    def renew(self, hosted_cluster: str, operation_id: str, epoch: int, seconds: int) -> bool:
        return self._if_mine(
            hosted_cluster,
            operation_id,
            epoch,
            "SET expiresAt = :expires",
            {":expires": {"N": str(int(time.time()) + seconds)}},
        )

    def release(self, hosted_cluster: str, operation_id: str, epoch: int) -> bool:
        return self._if_mine(hosted_cluster, operation_id, epoch, "REMOVE holder, #execution, expiresAt", {})

    def _if_mine(self, hosted_cluster: str, operation_id: str, epoch: int, update: str, values: dict[str, Any]) -> bool:
        names = {"ExpressionAttributeNames": {"#execution": "execution"}} if "#execution" in update else {}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(hosted_cluster),
                UpdateExpression=update,
                ConditionExpression="holder = :holder AND epoch = :epoch",
                ExpressionAttributeValues={":holder": {"S": operation_id}, ":epoch": {"N": str(epoch)}, **values},
                **names,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == _REFUSED:
                return False
            raise
        return True


def _key(hosted_cluster: str) -> dict[str, Any]:
    return {"hostedCluster": {"S": hosted_cluster}}


def _lease(item: dict[str, Any]) -> Lease:
    return Lease(
        holder=item.get("holder", {}).get("S"),
        execution=item.get("execution", {}).get("S"),
        epoch=int(item["epoch"]["N"]),
        expires_at=int(item.get("expiresAt", {}).get("N", 0)),
    )
