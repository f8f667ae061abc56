"""Leases in DynamoDB: conditional writes are the whole protocol.

Item: `hostedCluster` (key, "<namespace>/<name>"), `holder` (operation id), `execution`, `epoch`, `expiresAt` (epoch
seconds), `owner` (management cluster). A release removes `holder` and keeps `epoch` and `owner`. Epochs only rise, also
over an item that was lost or brought back from an older table, since each is at least the clock's seconds.
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
            ":next": {"N": str(max(int(time.time()), over.epoch + 1 if over else 1))},
        }
        if over is None:
            condition = "attribute_not_exists(hostedCluster)"
        else:
            values[":epoch"] = {"N": str(over.epoch)}
            condition = "epoch = :epoch AND attribute_not_exists(holder)"
            if over.holder:
                values |= {":held": {"S": over.holder}, ":until": {"N": str(over.expires_at)}}
                condition = "epoch = :epoch AND holder = :held AND expiresAt = :until"
        update = "SET holder = :holder, #execution = :execution, expiresAt = :expires, epoch = :next"
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

    def claim(self, hosted_cluster: str, operation_id: str, epoch: int, owner: str, instead_of: str) -> bool:
        return self._if_mine(
            hosted_cluster,
            operation_id,
            epoch,
            "SET #owner = :owner",
            {":owner": {"S": owner}, ":before": {"S": instead_of}},
            " AND (attribute_not_exists(#owner) OR #owner IN (:owner, :before))",
        )

    def _if_mine(
        self,
        hosted_cluster: str,
        operation_id: str,
        epoch: int,
        update: str,
        values: dict[str, Any],
        condition: str = "",
    ) -> bool:
        reserved = {f"#{each}": each for each in ("execution", "owner") if f"#{each}" in update}
        names = {"ExpressionAttributeNames": reserved} if reserved else {}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key=_key(hosted_cluster),
                UpdateExpression=update,
                ConditionExpression=f"holder = :holder AND epoch = :epoch{condition}",
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
        owner=item.get("owner", {}).get("S"),
    )
