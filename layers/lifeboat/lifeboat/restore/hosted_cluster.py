"""The HostedCluster and its NodePools: creating the first is the point of no return.

From then on the destination's operator starts the control plane and unpauses Cluster API. So it comes last, without
our pause: a HostedCluster that is created paused gets neither control-plane-operator nor etcd.

The annotation `hypershift.openshift.io/restored-from-backup` is *not* set: it makes the operator delete the claims of
openshift-monitoring in the guest when Prometheus is slow to become ready, and the guest's volumes never went away.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from lifeboat import auto_repair
from lifeboat.edits import edit
from lifeboat.errors import RestoreFailedError
from lifeboat.model import Manifest
from lifeboat.reconciliation import BACKUP, OPERATION, PAUSED, is_paused
from lifeboat.resources import HOSTED_CLUSTERS, NODE_POOLS, Resource
from lifeboat.restore.destination import assert_own_namespace
from lifeboat.restore.loading import Destination
from lifeboat.restore.objects import prepare, set_snapshot_url
from lifeboat.restore.serving import HELD


def create_hosted_cluster(
    destination: Destination, now: datetime.datetime, last_look: Callable[[], object]
) -> dict[str, Any]:
    """Create the HostedCluster if absent; returns its uid.

    `last_look` raises unless the source is fenced and the lease is ours at this very moment: hours may have passed
    since the machine looked first. Raises RestoreFailedError when another cluster of that name is there, or the
    control-plane namespace is not ours.
    """
    manifest = hosted_cluster_manifest(destination, now)
    live = destination.live_hosted_cluster()
    if live is None:
        assert_own_namespace(destination)
        last_look()
        live = destination.cluster.create(HOSTED_CLUSTERS, manifest) or destination.live_hosted_cluster()
    if live is None or live["spec"].get("infraID") != destination.record.infra_id:
        msg = f"another HostedCluster {destination.hosted} is on {destination.cluster.name}: look whose it is"
        raise RestoreFailedError(msg)
    return {"uid": live["metadata"]["uid"]}


def hosted_cluster_manifest(destination: Destination, now: datetime.datetime) -> Manifest:
    """What was exported, without our signature and pause, and with the URL of this restore, if it has one.

    Finalizers stay: with `hypershift.io/aws-oidc-discovery` the operator knows that the OIDC documents are published.
    """
    manifest = _unsigned(destination, HOSTED_CLUSTERS, destination.exported_hosted_cluster())
    _set_pause(manifest, destination.state.paused_until, now, keep_active=False)
    set_snapshot_url(manifest["spec"], destination.snapshot_url)
    return manifest


def create_node_pools(destination: Destination, now: datetime.datetime) -> dict[str, Any]:
    """Create the NodePools if absent, held, autoRepair off until the cluster serves; returns their names."""
    names = []
    for exported in destination.manifests(NODE_POOLS):
        manifest = node_pool_manifest(destination, exported, now)
        name = manifest["metadata"]["name"]
        if destination.cluster.create(NODE_POOLS, manifest) is None:
            live = destination.cluster.get(NODE_POOLS, destination.hosted.namespace, name)
            if live is None or live["spec"].get("clusterName") != destination.hosted.name:
                msg = f"NodePool {destination.hosted.namespace}/{name} on {destination.cluster.name} is another's"
                raise RestoreFailedError(msg)
        names.append(name)
    return {"nodePools": sorted(names)}


def node_pool_manifest(destination: Destination, exported: Manifest, now: datetime.datetime) -> Manifest:
    """What was exported, paused: by its owner's own value, else held until its nodes are known to stay (`guarding`).

    HyperShift's own annotations (current and target config, machine template) stay: they belong to the exported
    MachineDeployments and templates, and without them the operator would take every node's config for an update.
    """
    manifest = _unsigned(destination, NODE_POOLS, exported)
    recorded = destination.state.node_pools.get(manifest["metadata"]["name"], {})
    _set_pause(manifest, recorded.get("pausedUntil"), now, keep_active=True)
    if not is_paused(manifest["spec"].get("pausedUntil"), now):
        manifest["metadata"]["annotations"][HELD] = destination.operation_id
        manifest["spec"]["pausedUntil"] = PAUSED
    manifest["spec"].setdefault("management", {})["autoRepair"] = False
    return manifest


def restore_auto_repair(destination: Destination) -> dict[str, Any]:
    """Give the NodePools back the autoRepair that they had; returns which got it."""
    restored = []
    for name, recorded in destination.state.node_pools.items():

        def change(live: Manifest, wanted: bool = bool(recorded.get("autoRepair"))) -> dict[str, Any] | None:  # noqa: FBT001
            if bool((live["spec"].get("management") or {}).get("autoRepair")) == wanted:
                return None
            return {"spec": {"management": {"autoRepair": wanted}}}

        if edit(destination.cluster, NODE_POOLS, destination.hosted.namespace, name, change) and recorded.get(
            "autoRepair"
        ):
            restored.append(name)
    return {"autoRepair": restored}


def _unsigned(destination: Destination, resource: Resource, exported: Manifest) -> Manifest:
    manifest = prepare(resource, exported, destination)
    annotations = manifest["metadata"].get("annotations") or {}
    for ours in (OPERATION, BACKUP, HELD, auto_repair.ANNOTATION):
        annotations.pop(ours, None)
    manifest["metadata"]["annotations"] = annotations
    return manifest


def _set_pause(manifest: Manifest, recorded: str | None, now: datetime.datetime, *, keep_active: bool) -> None:
    """The value from before our pause; one that would still pause is kept only where `keep_active` says so."""
    manifest["spec"].pop("pausedUntil", None)
    if recorded is not None and (keep_active or not is_paused(recorded, now)):
        manifest["spec"]["pausedUntil"] = recorded
