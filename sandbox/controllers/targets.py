"""The load balancers of Services in the sandbox's AWS, as a cloud provider makes them: one of elbv2 for each Service.

Nobody reaches the pods behind one whose targets were deregistered; with AWS's attribute for it, open connections end
as well. The look at AWS goes on whatever becomes of the Kubernetes API: a load balancer does not know of it.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.plan import ZONES

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.hypershift.cloud import Cloud

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
_CUTS_CONNECTIONS = "deregistration_delay.connection_termination.enabled"


class Targets:
    """The load balancers of one management cluster; `changed(key, registered, cut)` when one gets or loses targets."""

    def __init__(self, cloud: Cloud, cluster: str, changed: Callable[[Any, bool, bool], None]) -> None:
        self._cloud = cloud
        self._cluster = cluster
        self._changed = changed
        self._groups: dict[Any, dict[int, str]] = {}
        self._registered: dict[Any, bool] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._look_on, name="targets", daemon=True).start()

    def ensure(self, key: Any, name: str, service: Object, node: str) -> None:
        """Make the load balancer of a Service, its nodes registered, unless it is there."""
        ports = [each["port"] for each in service["spec"]["ports"]]
        with self._lock:
            if set(self._groups.get(key, ())) == set(ports):
                return
        arn = self._balancer(name, f"{service['metadata']['namespace']}/{service['metadata']['name']}")
        groups = {port: self._group(arn, name, port, node) for port in ports}
        with self._lock:
            self._groups[key] = groups

    def remove(self, key: Any, name: str) -> None:
        """Delete what `ensure` made."""
        with self._lock:
            groups = self._groups.pop(key, {})
            self._registered.pop(key, None)
        if not groups:
            return
        elb = self._cloud.elbv2
        with contextlib.suppress(ClientError):  # a VPC endpoint service may still lead to it
            for each in elb.describe_load_balancers(Names=[name])["LoadBalancers"]:
                elb.delete_load_balancer(LoadBalancerArn=each["LoadBalancerArn"])
        for each in groups.values():
            with contextlib.suppress(ClientError):
                elb.delete_target_group(TargetGroupArn=each)

    def _balancer(self, name: str, service: str) -> str:
        elb = self._cloud.elbv2
        tags = [
            {"Key": "kubernetes.io/service-name", "Value": service},
            {"Key": f"kubernetes.io/cluster/{self._cluster}", "Value": "owned"},
        ]
        try:
            arn = str(elb.describe_load_balancers(Names=[name])["LoadBalancers"][0]["LoadBalancerArn"])
        except ClientError as error:
            if error.response["Error"]["Code"] != "LoadBalancerNotFound":
                raise
            zones = [{"Name": "availability-zone", "Values": list(ZONES[:2])}]
            subnets = [each["SubnetId"] for each in self._cloud.ec2.describe_subnets(Filters=zones)["Subnets"]]
            made = elb.create_load_balancer(Name=name, Type="network", Scheme="internet-facing", Subnets=subnets)
            arn = str(made["LoadBalancers"][0]["LoadBalancerArn"])
        elb.add_tags(ResourceArns=[arn], Tags=tags)
        return arn

    def _group(self, balancer: str, name: str, port: int, node: str) -> str:
        elb = self._cloud.elbv2
        vpc = self._cloud.ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
        made = elb.create_target_group(
            Name=f"{name}-{port}", Protocol="TCP", Port=port, VpcId=vpc, TargetType="ip", HealthCheckProtocol="TCP"
        )
        arn = str(made["TargetGroups"][0]["TargetGroupArn"])
        there = elb.describe_listeners(LoadBalancerArn=balancer)["Listeners"]
        if not any(each["Port"] == port for each in there):
            action = {"Type": "forward", "TargetGroupArn": arn}
            elb.create_listener(LoadBalancerArn=balancer, Protocol="TCP", Port=port, DefaultActions=[action])
        elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": node, "Port": port}])
        return arn

    def _look_on(self) -> None:
        pause = threading.Event()
        while not pause.wait(_LOOK_SECONDS):
            with self._lock:
                known = {key: dict(groups) for key, groups in self._groups.items()}
            for key, groups in known.items():
                try:
                    self._look(key, groups)
                except (BotoCoreError, ClientError):
                    _log.warning("AWS does not tell the targets of %s", key)

    def _look(self, key: Any, groups: dict[int, str]) -> None:
        elb = self._cloud.elbv2
        registered = all(
            any(
                each["TargetHealth"].get("Reason") not in {"Target.NotRegistered", "Target.DeregistrationInProgress"}
                for each in elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
            )
            for arn in groups.values()
        )
        if self._registered.get(key, True) == registered:
            return
        self._registered[key] = registered
        _log.info("%s %s targets", key, "has" if registered else "has lost its")
        self._changed(key, registered, not registered and self._cuts(groups))

    def _cuts(self, groups: dict[int, str]) -> bool:
        return all(
            {"Key": _CUTS_CONNECTIONS, "Value": "true"}
            in self._cloud.elbv2.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
            for arn in groups.values()
        )
