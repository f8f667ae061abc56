"""Tokens of waiting recoveries in the lease table, notifications by SNS."""

from __future__ import annotations

import time
from typing import Any

_SUBJECT_LIMIT = 100  # characters, SNS


class ApprovalTable:
    """`approvals.Approvals`. Item: `hostedCluster` (key) = `approval#<execution ARN>`, `token`, `deleteAfter`."""

    def __init__(self, dynamodb: Any, sns: Any, table: str, topic: str) -> None:
        self._dynamodb = dynamodb
        self._sns = sns
        self._table = table
        self._topic = topic

    def keep(self, execution: str, token: str, seconds: int) -> None:
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "hostedCluster": {"S": f"approval#{execution}"},
                "token": {"S": token},
                "deleteAfter": {"N": str(int(time.time()) + seconds)},
            },
        )

    def notify(self, subject: str, message: str) -> None:
        self._sns.publish(TopicArn=self._topic, Subject=subject[:_SUBJECT_LIMIT], Message=message)
