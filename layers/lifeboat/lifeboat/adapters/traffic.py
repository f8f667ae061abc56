"""Load balancers, endpoint services, and a knock at an address."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from lifeboat.traffic import AT_ONCE, Connection, LoadBalancer, Target, TargetGroup

_TAGS_AT_ONCE = 20  # DescribeTags takes no more
_SERVICE_TAGS = ("kubernetes.io/service-name", "service.k8s.aws/stack")
"""Of the cloud provider (in the tree and out of it), and of the AWS Load Balancer Controller: `<namespace>/<name>`."""
_CLUSTER_TAGS = ("kubernetes.io/cluster/", "elbv2.k8s.aws/cluster")
_DEFAULTS = dict(zip(AT_ONCE, ("300", "false"), strict=True))
_LEFT = ("unused",)
"""States of a target that has nothing to drain any more; every other one may still get or carry traffic."""
_KNOCK_SECONDS = 4.0


class ElbLoadBalancers:
    """`traffic.LoadBalancers`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def of_namespace(self, namespace: str, host_names: Sequence[str]) -> list[LoadBalancer]:
        wanted = {each.lower() for each in host_names}
        pages = self._client.get_paginator("describe_load_balancers").paginate()
        there = {each["LoadBalancerArn"]: each for page in pages for each in page["LoadBalancers"]}
        tags = self._tags(list(there))
        named = {arn for arn, each in there.items() if str(each.get("DNSName", "")).lower() in wanted}
        owners = {owner for arn in named for owner in _owners(tags[arn])}
        beside = {
            arn
            for arn in there
            if (_service(tags[arn]) or "").startswith(f"{namespace}/") and owners.intersection(_owners(tags[arn]))
        }
        return [self._read(there[arn], tags[arn]) for arn in sorted(named | beside)]

    def set_attributes(self, group: str, attributes: Mapping[str, str]) -> None:
        told = [{"Key": key, "Value": value} for key, value in sorted(attributes.items())]
        _unless_gone(
            lambda: self._client.modify_target_group_attributes(TargetGroupArn=group, Attributes=told) if told else None
        )

    def deregister(self, group: str, targets: Sequence[Target]) -> None:
        if targets:
            told = [_told(each) for each in targets]
            _unless_gone(lambda: self._client.deregister_targets(TargetGroupArn=group, Targets=told))

    def register(self, group: str, targets: Sequence[Target]) -> list[Target]:
        """One by one: an instance that is gone must not keep the others out."""
        refused = []
        for each in targets:
            try:
                self._client.register_targets(TargetGroupArn=group, Targets=[_told(each)])
            except ClientError as error:
                if error.response["Error"]["Code"] not in {"InvalidTarget", "TargetGroupNotFound"}:
                    raise
                refused.append(each)
        return refused

    def _read(self, balancer: Mapping[str, Any], tags: Mapping[str, str]) -> LoadBalancer:
        arn = balancer["LoadBalancerArn"]
        listeners = self._client.get_paginator("describe_listeners").paginate(LoadBalancerArn=arn)
        groups = self._client.get_paginator("describe_target_groups").paginate(LoadBalancerArn=arn)
        return LoadBalancer(
            arn=arn,
            host_name=balancer["DNSName"],
            service=_service(tags),
            owners=_owners(tags),
            ports=tuple(sorted({each["Port"] for page in listeners for each in page["Listeners"]})),
            groups=tuple(self._group(each["TargetGroupArn"]) for page in groups for each in page["TargetGroups"]),
        )

    def _group(self, arn: str) -> TargetGroup:
        health = self._client.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        told = self._client.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
        targets = [
            Target(each["Target"]["Id"], int(each["Target"]["Port"]), each["Target"].get("AvailabilityZone"))
            for each in health
            if (each.get("TargetHealth") or {}).get("State") not in _LEFT or _is_registered(each)
        ]
        given = {each["Key"]: each["Value"] for each in told if each["Key"] in AT_ONCE}
        return TargetGroup(arn, tuple(sorted(targets, key=repr)), _DEFAULTS | given)

    def _tags(self, arns: Sequence[str]) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {arn: {} for arn in arns}
        for start in range(0, len(arns), _TAGS_AT_ONCE):
            answer = self._client.describe_tags(ResourceArns=list(arns[start : start + _TAGS_AT_ONCE]))
            for each in answer["TagDescriptions"]:
                found[each["ResourceArn"]] = {tag["Key"]: tag["Value"] for tag in each.get("Tags", ())}
        return found


class VpcEndpointServices:
    """`traffic.EndpointServices`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def connections(self, services: Sequence[str]) -> list[Connection]:
        ids = sorted({each.rpartition(".")[2] for each in services})
        if not ids:
            return []
        pages = self._client.get_paginator("describe_vpc_endpoint_connections").paginate(
            Filters=[{"Name": "service-id", "Values": ids}]
        )
        return [
            Connection(each["ServiceId"], each["VpcEndpointId"], each["VpcEndpointState"])
            for page in pages
            for each in page["VpcEndpointConnections"]
        ]

    def reject(self, connections: Sequence[Connection]) -> None:
        for service, endpoints in _by_service(connections).items():
            self._client.reject_vpc_endpoint_connections(ServiceId=service, VpcEndpointIds=endpoints)

    def accept(self, connections: Sequence[Connection]) -> None:
        for service, endpoints in _by_service(connections).items():
            self._client.accept_vpc_endpoint_connections(ServiceId=service, VpcEndpointIds=endpoints)


class TlsDoors:
    """`traffic.Doors`."""

    def answers(self, host: str, port: int, names: Sequence[str]) -> bool:
        try:
            return any(self._shakes_hands(host, port, each) for each in (*names, None))
        except OSError:  # nobody listens: for no name
            return False

    def _shakes_hands(self, host: str, port: int, name: str | None) -> bool:
        """Raises OSError where not even a connection comes about."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE  # whoever answers at all is too much, and nothing is said to it
        with socket.create_connection((host, port), _KNOCK_SECONDS) as plain:
            try:
                with context.wrap_socket(plain, server_hostname=name):
                    return True
            except (ssl.SSLEOFError, TimeoutError, ConnectionError):  # a load balancer with nobody behind it hangs up
                return False
            except ssl.SSLError:  # the other side spoke TLS, if only to complain
                return True


def _is_registered(described: Mapping[str, Any]) -> bool:
    """`unused` is also said of a target that is registered where no listener leads to."""
    return (described.get("TargetHealth") or {}).get("Reason") != "Target.NotRegistered"


def _told(target: Target) -> dict[str, Any]:
    zone = {"AvailabilityZone": target.zone} if target.zone else {}
    return {"Id": target.id, "Port": target.port, **zone}


def _service(tags: Mapping[str, str]) -> str | None:
    return next((tags[key] for key in _SERVICE_TAGS if key in tags), None)


def _owners(tags: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(sorted(f"{key}={value}" for key, value in tags.items() if key.startswith(_CLUSTER_TAGS)))


def _by_service(connections: Iterable[Connection]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in connections:
        found.setdefault(each.service_id, []).append(each.endpoint_id)
    return found


def _unless_gone(call: Any) -> None:
    try:
        call()
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"TargetGroupNotFound", "InvalidTarget"}:
            raise
