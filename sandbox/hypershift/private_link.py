"""AWSEndpointServices: the way of a private hosted cluster's workers to its API, made by two operators together.

The HyperShift operator makes an endpoint service for the load balancer that the object names; control-plane-operator
makes the VPC endpoint to it, and the records in the private zone. Both obey a pause, and both undo their part when the
object is deleted. An endpoint is found by its tags, and one that leads to another service is replaced: two
control-plane-operators that are alive for one hosted cluster take endpoint and records from each other for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import AWS_ENDPOINT_SERVICES, HOSTED_CLUSTERS, HOSTED_CONTROL_PLANES, SERVICES
from sandbox.controllers.pods import is_leaving
from sandbox.hypershift.carriers import LOOK_AGAIN
from sandbox.hypershift.endpoints import Endpoints
from sandbox.hypershift.names import (
    ENDPOINT_FINALIZER,
    ENDPOINT_SERVICE_FINALIZER,
    hosted_cluster_of,
    private_domain,
)
from sandbox.hypershift.pausing import Pause
from sandbox.hypershift.publishing import external_names, private_labels
from sandbox.informer import Controller, Key
from sandbox.objects import has_finalizer, set_finalizer, status_of, with_conditions

if TYPE_CHECKING:
    from sandbox.client import Client, Object
    from sandbox.controllers.context import Context
    from sandbox.hypershift.carriers import Carriers
    from sandbox.hypershift.cloud import Cloud
    from sandbox.hypershift.writer import Writer

SERVICE_AVAILABLE, ENDPOINT_AVAILABLE = "AWSEndpointServiceAvailable", "AWSEndpointAvailable"
_REQUEUE_SECONDS = 2.0


class _Part:
    """One operator's part of an AWSEndpointService."""

    def __init__(self, context: Context, carriers: Carriers, writer: Writer, cloud: Cloud) -> None:
        self._client: Client = context.client
        self._carriers = carriers
        self._writer = writer
        self._endpoints = Endpoints(cloud)

    def _control_plane(self, namespace: str) -> Object | None:
        return next(iter(self._writer.list(HOSTED_CONTROL_PLANES, namespace)), None)

    def _tell(self, live: Object, status: Object, condition: str, name: str) -> None:
        told = (condition, "True", "AWSSuccess", name)
        conditions = with_conditions(status_of(live).get("conditions"), [told])
        self._writer.status(AWS_ENDPOINT_SERVICES, live, {**status_of(live), **status, "conditions": conditions})


class _OfOperator(_Part):
    """The endpoint service."""

    def reconcile(self, key: Key) -> float | None:
        live = self._client.get(AWS_ENDPOINT_SERVICES, key[1], key[0])
        if live is None:
            return None
        if not self._carriers.operator():
            return LOOK_AGAIN
        if is_leaving(live):
            return self._undo(live)
        control_plane = self._control_plane(key[0])
        if control_plane is None or self._is_paused(control_plane):
            return _REQUEUE_SECONDS
        live = set_finalizer(self._client, AWS_ENDPOINT_SERVICES, live, ENDPOINT_SERVICE_FINALIZER, present=True)
        name = self._endpoints.service_of(live["spec"]["networkLoadBalancerName"])
        self._tell(live, {"endpointServiceName": name}, SERVICE_AVAILABLE, name)
        return _REQUEUE_SECONDS

    def _undo(self, live: Object) -> float | None:
        if not has_finalizer(live, ENDPOINT_SERVICE_FINALIZER):
            return None
        if has_finalizer(live, ENDPOINT_FINALIZER):
            return LOOK_AGAIN  # a service that has endpoints cannot be deleted
        if name := status_of(live).get("endpointServiceName"):
            self._endpoints.delete_service(name)
        set_finalizer(self._client, AWS_ENDPOINT_SERVICES, live, ENDPOINT_SERVICE_FINALIZER, present=False)
        return None

    def _is_paused(self, control_plane: Object) -> bool:
        key = hosted_cluster_of(control_plane)
        hosted = self._writer.get(HOSTED_CLUSTERS, key[1], key[0]) if key else None
        return hosted is None or Pause.of(hosted["spec"].get("pausedUntil")).paused


class _OfControlPlane(_Part):
    """The VPC endpoint, its security group, the records, and the Services by which public names lead to it."""

    def reconcile(self, key: Key) -> float | None:
        live = self._client.get(AWS_ENDPOINT_SERVICES, key[1], key[0])
        if live is None:
            return None
        if not self._carriers.control_plane_operator(key[0]):
            return LOOK_AGAIN
        if is_leaving(live):
            return self._undo(live)
        # Asked of the API and not of the cache: what it makes goes to AWS, where no conflict stops a late writer.
        control_plane = next(iter(self._client.list(HOSTED_CONTROL_PLANES, key[0])), None)
        service = status_of(live).get("endpointServiceName")
        if control_plane is None or service is None or Pause.of(control_plane["spec"].get("pausedUntil")).paused:
            return _REQUEUE_SECONDS
        live = set_finalizer(self._client, AWS_ENDPOINT_SERVICES, live, ENDPOINT_FINALIZER, present=True)
        self._make(control_plane, live, service)
        return _REQUEUE_SECONDS

    def _make(self, control_plane: Object, live: Object, service: str) -> None:
        spec, name = control_plane["spec"], live["metadata"]["name"]
        platform = spec["platform"]["aws"]
        vpc = platform["cloudProviderConfig"]["vpc"]
        group = self._endpoints.security_group(vpc, f"{spec['infraID']}-vpce-{name}")
        tags = {"AWSEndpointService": name} | {each["key"]: each["value"] for each in live["spec"]["resourceTags"]}
        endpoint = self._endpoints.ensure(service, vpc, live["spec"].get("subnetIDs") or [], group, tags)
        domain = private_domain(control_plane["metadata"]["name"])
        zone = self._endpoints.zone(domain)
        names = [f"{label}.{domain}" for label in private_labels(spec, name)]
        for private in names:
            self._endpoints.point(zone, private, endpoint.host)
        for each in external_names(control_plane, name, endpoint.host):
            self._writer.ensure(SERVICES, each)
        status = {"endpointID": endpoint.id, "dnsNames": names, "dnsZoneID": zone, "securityGroupID": group}
        self._tell(live, status, ENDPOINT_AVAILABLE, endpoint.id)

    def _undo(self, live: Object) -> float | None:
        if not has_finalizer(live, ENDPOINT_FINALIZER):
            return None
        status = status_of(live)
        if status.get("endpointID"):
            self._endpoints.delete(status["endpointID"])
        for name in status.get("dnsNames") or []:
            self._endpoints.forget(status["dnsZoneID"], name)  # by name, whatever it points to by now
        set_finalizer(self._client, AWS_ENDPOINT_SERVICES, live, ENDPOINT_FINALIZER, present=False)
        return None


def private_link_controllers(context: Context, carriers: Carriers, writer: Writer, cloud: Cloud) -> list[Controller]:
    found = context.informers.of(AWS_ENDPOINT_SERVICES)
    of_operator = _OfOperator(context, carriers, writer, cloud)
    of_control_plane = _OfControlPlane(context, carriers, writer, cloud)
    return [
        Controller("endpoint-service", of_operator.reconcile, resync=10.0).watch(found),
        Controller("vpc-endpoint", of_control_plane.reconcile, resync=10.0).watch(found),
    ]
