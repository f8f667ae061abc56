"""`vpc_endpoints.VpcEndpoints` on EC2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lifeboat.vpc_endpoints import VpcEndpoint


class Ec2VpcEndpoints:
    """`vpc_endpoints.VpcEndpoints`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def of(self, ids: Sequence[str]) -> dict[str, VpcEndpoint]:
        if not ids:
            return {}
        # By filter, not by id: an id that is gone would be an error for all of them.
        pages = self._client.get_paginator("describe_vpc_endpoints").paginate(
            Filters=[{"Name": "vpc-endpoint-id", "Values": list(ids)}]
        )
        return {
            each["VpcEndpointId"]: VpcEndpoint(
                each["VpcEndpointId"],
                each["ServiceName"],
                str(each["State"]).lower(),
                tuple(entry["DnsName"].rstrip(".") for entry in each.get("DnsEntries", ()) if entry.get("DnsName")),
            )
            for page in pages
            for each in page["VpcEndpoints"]
        }
