"""`vpc_endpoints.VpcEndpoints` on EC2."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from lifeboat.vpc_endpoints import VpcEndpoint

_GONE = "InvalidVpcEndpointId"
"""How the code of the error begins: `…NotFound` with or without a dot, by age of the service."""


class Ec2VpcEndpoints:
    """`vpc_endpoints.VpcEndpoints`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def of(self, ids: Sequence[str]) -> dict[str, VpcEndpoint]:
        return {each: found for each in ids if (found := self._one(each)) is not None}

    def _one(self, endpoint_id: str) -> VpcEndpoint | None:
        """Each by itself: one that is gone would be an error for all of a call."""
        try:
            found = self._client.describe_vpc_endpoints(VpcEndpointIds=[endpoint_id])["VpcEndpoints"]
        except ClientError as error:
            if error.response["Error"]["Code"].startswith(_GONE):
                return None
            raise
        return _endpoint(found[0]) if found else None


def _endpoint(found: Mapping[str, Any]) -> VpcEndpoint:
    return VpcEndpoint(
        found["VpcEndpointId"],
        found["ServiceName"],
        str(found["State"]).lower(),
        tuple(entry["DnsName"].rstrip(".") for entry in found.get("DnsEntries", ()) if entry.get("DnsName")),
    )
