"""The HyperShift operator's HostedCluster controller.

The order matters and is HyperShift's: deletion comes before the pause is looked at, finalizers are re-added even while
paused, and only then a pause ends the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import (
    CLUSTERS,
    DEPLOYMENTS,
    HOSTED_CLUSTERS,
    HOSTED_CONTROL_PLANES,
    NAMESPACES,
    NODE_POOLS,
    SECRETS,
)
from sandbox.controllers.pods import is_leaving
from sandbox.hypershift import oidc
from sandbox.hypershift.carriers import LOOK_AGAIN
from sandbox.hypershift.names import (
    COMPONENT_FINALIZER,
    FINALIZER,
    OIDC_FINALIZER,
    control_plane_namespace,
    hosted_cluster_of,
)
from sandbox.hypershift.operator_deletion import delete_hosted_cluster
from sandbox.hypershift.operator_objects import make_control_plane, mark_references
from sandbox.hypershift.operator_status import OperatorStatus
from sandbox.hypershift.pausing import Pause
from sandbox.informer import Controller, Key
from sandbox.objects import has_finalizer, set_finalizer

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.controllers.context import Context
    from sandbox.hypershift.carriers import Carriers
    from sandbox.hypershift.cloud import Cloud
    from sandbox.hypershift.guest import Guests
    from sandbox.hypershift.writer import Writer

_REQUEUE_SECONDS = 2.0


class _Operator:
    def __init__(self, context: Context, carriers: Carriers, writer: Writer, cloud: Cloud, guests: Guests) -> None:
        self._client = context.client
        self._carriers = carriers
        self._writer = writer
        self._cloud = cloud
        self._status = OperatorStatus(writer, cloud, guests)

    def reconcile(self, key: Key) -> float | None:
        hosted = self._client.get(HOSTED_CLUSTERS, key[1], key[0])
        if hosted is None:
            return None
        if not self._carriers.operator():
            return LOOK_AGAIN
        if is_leaving(hosted):
            return delete_hosted_cluster(self._client, self._cloud, hosted)
        hosted = set_finalizer(self._client, HOSTED_CLUSTERS, hosted, FINALIZER, present=True)
        hosted = self._publish_oidc(hosted)
        namespace = control_plane_namespace(hosted)
        self._guard_components(namespace)
        pause = Pause.of(hosted["spec"].get("pausedUntil"))
        self._pass_on_pause(hosted, namespace, pause)
        if not pause.paused:
            mark_references(self._writer, hosted)
            make_control_plane(self._writer, hosted)
        self._status.write(hosted, pause)
        return min(pause.seconds or _REQUEUE_SECONDS, _REQUEUE_SECONDS)

    def _publish_oidc(self, hosted: Object) -> Object:
        """Upload the OIDC documents once. The finalizer tells that it was done, so who carries it along is believed."""
        if has_finalizer(hosted, OIDC_FINALIZER):
            return hosted
        signing_key = self._writer.get(SECRETS, "sa-signing-key", control_plane_namespace(hosted))
        if signing_key is None:
            return hosted
        infra_id = hosted["spec"]["infraID"]
        oidc.upload(self._cloud, infra_id, hosted["spec"].get("issuerURL") or oidc.issuer_url(infra_id), signing_key)
        return set_finalizer(self._client, HOSTED_CLUSTERS, hosted, OIDC_FINALIZER, present=True)

    def _guard_components(self, namespace: str) -> None:
        for name in ("cluster-api", "capi-provider"):
            found = self._writer.get(DEPLOYMENTS, name, namespace)
            if found is not None and not is_leaving(found):
                set_finalizer(self._client, DEPLOYMENTS, found, COMPONENT_FINALIZER, present=True)

    def _pass_on_pause(self, hosted: Object, namespace: str, pause: Pause) -> None:
        control_plane = self._writer.get(HOSTED_CONTROL_PLANES, hosted["metadata"]["name"], namespace)
        wanted = hosted["spec"].get("pausedUntil")
        if control_plane is not None and control_plane["spec"].get("pausedUntil") != wanted:
            patch = {"spec": {"pausedUntil": wanted}}
            self._client.patch(HOSTED_CONTROL_PLANES, hosted["metadata"]["name"], patch, namespace)
        infra_id = hosted["spec"]["infraID"]
        cluster = self._writer.get(CLUSTERS, infra_id, namespace)
        if cluster is not None and bool(cluster["spec"].get("paused")) != pause.paused:
            self._client.patch(CLUSTERS, infra_id, {"spec": {"paused": pause.paused}}, namespace)


def hosted_cluster_controller(
    context: Context, carriers: Carriers, writer: Writer, cloud: Cloud, guests: Guests
) -> Controller:
    work = _Operator(context, carriers, writer, cloud, guests)
    hosted = context.informers.of(HOSTED_CLUSTERS)

    def by_annotation(obj: Object) -> list[Key]:
        key = hosted_cluster_of(obj)
        return [key] if key else []

    def by_namespace(obj: Object) -> list[Key]:
        namespace = obj["metadata"]["namespace"]
        return [
            (each["metadata"]["namespace"], each["metadata"]["name"])
            for each in hosted.list()
            if control_plane_namespace(each) == namespace
        ]

    def by_name(obj: Object) -> list[Key]:
        return [
            (each["metadata"]["namespace"], each["metadata"]["name"])
            for each in hosted.list()
            if control_plane_namespace(each) == obj["metadata"]["name"]
        ]

    def by_pool(obj: Object) -> list[Key]:
        return [(obj["metadata"]["namespace"], obj["spec"]["clusterName"])] if is_leaving(obj) else []

    return (
        Controller("hosted-cluster", work.reconcile, resync=10.0, workers=2)
        .watch(hosted)
        .watch(context.informers.of(HOSTED_CONTROL_PLANES), by_annotation)
        .watch(context.informers.of(CLUSTERS), by_annotation)
        .watch(context.informers.of(DEPLOYMENTS), by_namespace)
        .watch(context.informers.of(NAMESPACES), by_name)
        .watch(context.informers.of(NODE_POOLS), by_pool)
    )
