"""control-plane-operator: makes and keeps one hosted control plane; on a paused one it writes status and nothing else.

It scales its Deployments back up whenever it lives and nothing is paused, whoever scaled them down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import (
    AWS_ENDPOINT_SERVICES,
    CONFIG_MAPS,
    DEPLOYMENTS,
    HOSTED_CONTROL_PLANES,
    POD_DISRUPTION_BUDGETS,
    ROUTES,
    SECRETS,
    SERVICES,
    STATEFUL_SETS,
)
from sandbox.controllers.pods import is_leaving
from sandbox.hypershift import etcd_init
from sandbox.hypershift.carriers import LOOK_AGAIN
from sandbox.hypershift.control_plane_status import control_plane_status
from sandbox.hypershift.etcd import QUOTA, etcd_services, etcd_stateful_set
from sandbox.hypershift.identity import Identity
from sandbox.hypershift.names import CONTROL_PLANE_LABEL, FINALIZER, replicas_of
from sandbox.hypershift.pausing import Pause
from sandbox.hypershift.publishing import balancer_host, endpoint_services, router_of, routes, services
from sandbox.hypershift.release import version_of
from sandbox.hypershift.workloads import kube_apiserver, other_deployments
from sandbox.informer import Controller, Key
from sandbox.objects import owner_reference, set_finalizer, status_of

if TYPE_CHECKING:
    from sandbox.client import Object, Resource
    from sandbox.controllers.context import Context
    from sandbox.hypershift.carriers import Carriers
    from sandbox.hypershift.writer import Writer

_REQUEUE_SECONDS = 3.0


class _ControlPlaneOperator:
    def __init__(self, context: Context, carriers: Carriers, writer: Writer) -> None:
        self._context = context
        self._carriers = carriers
        self._writer = writer

    def reconcile(self, key: Key) -> float | None:
        client = self._context.client
        control_plane = client.get(HOSTED_CONTROL_PLANES, key[1], key[0])
        if control_plane is None:
            return None
        if not self._carriers.control_plane_operator(key[0]):
            return LOOK_AGAIN
        if is_leaving(control_plane):
            set_finalizer(client, HOSTED_CONTROL_PLANES, control_plane, FINALIZER, present=False)
            return None
        pause = Pause.of(control_plane["spec"].get("pausedUntil"))
        version = version_of(control_plane["spec"]["releaseImage"])
        if not pause.paused and version is not None:
            control_plane = set_finalizer(client, HOSTED_CONTROL_PLANES, control_plane, FINALIZER, present=True)
            self._make(control_plane, version)
        status = control_plane_status(self._writer, control_plane, pause, version)
        self._writer.status(HOSTED_CONTROL_PLANES, control_plane, status)
        return min(pause.seconds or _REQUEUE_SECONDS, _REQUEUE_SECONDS)

    def _make(self, control_plane: Object, version: str) -> None:
        namespace = control_plane["metadata"]["namespace"]
        Identity(self._context.plan, self._writer, control_plane).ensure()
        for service in [*etcd_services(control_plane), *services(control_plane)]:
            self._writer.ensure(SERVICES, service)
        self._trust_s3(control_plane)
        quota = self._context.plan.etcd_quotas.get(control_plane["metadata"]["name"], QUOTA)
        self._writer.ensure(STATEFUL_SETS, etcd_stateful_set(control_plane, version, quota))
        self._disruption_budget(control_plane)
        for route in routes(control_plane):
            self._writer.ensure(ROUTES, route)
        self._admit_routes(control_plane)
        for each in endpoint_services(control_plane, lambda name: self._balancer_name(name, namespace)):
            self._writer.ensure(AWS_ENDPOINT_SERVICES, each)
        for each in other_deployments(control_plane, version):
            self._writer.ensure(DEPLOYMENTS, each)
        if self._etcd_has_quorum(control_plane) or self._writer.get(DEPLOYMENTS, "kube-apiserver", namespace):
            self._writer.ensure(DEPLOYMENTS, kube_apiserver(control_plane, version))

    def _etcd_has_quorum(self, control_plane: Object) -> bool:
        etcd = self._writer.get(STATEFUL_SETS, "etcd", control_plane["metadata"]["namespace"])
        needed = replicas_of(control_plane["spec"]) // 2 + 1
        return etcd is not None and bool(status_of(etcd).get("readyReplicas", 0) >= needed)

    def _trust_s3(self, control_plane: Object) -> None:
        """The release image's store of public authorities, where its curl needs one."""
        authority = self._context.plan.s3_authority
        if etcd_init.url_of(control_plane) is not None and authority.exists():
            metadata = {"name": etcd_init.AUTHORITIES, "namespace": control_plane["metadata"]["namespace"]}
            data = {"ca.crt": authority.read_text(encoding="utf-8")}
            self._writer.ensure(CONFIG_MAPS, {"metadata": metadata, "data": data})

    def _disruption_budget(self, control_plane: Object) -> None:
        if replicas_of(control_plane["spec"]) == 1:
            return
        metadata = {
            "name": "etcd",
            "namespace": control_plane["metadata"]["namespace"],
            "ownerReferences": [owner_reference(control_plane)],
        }
        spec = {"minAvailable": 2, "selector": {"matchLabels": {"app": "etcd"}}}
        self._writer.ensure(POD_DISRUPTION_BUDGETS, {"metadata": metadata, "spec": spec})

    def _balancer_name(self, service: str, namespace: str) -> str | None:
        """How AWS calls the load balancer of a Service: the first label of its host name, without what follows."""
        host = balancer_host(self._writer.get(SERVICES, service, namespace))
        return host.partition(".")[0] if host else None

    def _admit_routes(self, control_plane: Object) -> None:
        """The router's part: tells in each Route's status to which load balancer its host name has to lead."""
        namespace, name = control_plane["metadata"]["namespace"], router_of(control_plane)
        canonical = balancer_host(self._writer.get(SERVICES, name, namespace))
        if canonical is None:
            return
        for route in self._context.informers.of(ROUTES).list(namespace, {CONTROL_PLANE_LABEL: namespace}):
            admitted = {
                "host": route["spec"]["host"],
                "routerName": name,
                "routerCanonicalHostname": canonical,
                "wildcardPolicy": "None",
                "conditions": [{"type": "Admitted", "status": "True"}],
            }
            self._writer.status(ROUTES, route, {**status_of(route), "ingress": [admitted]})


def control_plane_operator(context: Context, carriers: Carriers, writer: Writer) -> Controller:
    control_planes = context.informers.of(HOSTED_CONTROL_PLANES)
    work = _ControlPlaneOperator(context, carriers, writer)

    def in_namespace(obj: Object) -> list[Key]:
        namespace = obj["metadata"]["namespace"]
        return [(namespace, each["metadata"]["name"]) for each in control_planes.list(namespace)]

    controller = Controller("control-plane-operator", work.reconcile, resync=10.0, workers=2).watch(control_planes)
    watched: tuple[Resource, ...] = (STATEFUL_SETS, DEPLOYMENTS, SERVICES, ROUTES, SECRETS)
    for resource in watched:
        controller.watch(context.informers.of(resource), in_namespace)
    return controller
