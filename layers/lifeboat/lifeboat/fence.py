"""The fence: proof that the source no longer serves or changes a hosted cluster.

Only `recover` makes one, after the quiesced backup and the DNS clean-up. It names the digest of the backup record, so
it is worth nothing for another backup. `restore` refuses without it and looks at the source again itself: a fence
tells that the source *was* stopped, the second look that it still is, by the same operation and for the same backup
(a source that was resumed in between has newer data, even if it is paused again).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifeboat import dns as names
from lifeboat import runs, signed, writers
from lifeboat.backups import BackupRecord
from lifeboat.errors import BackupUnprovenError, FenceUnprovenError
from lifeboat.etcd import later, members
from lifeboat.layout import ClusterLayout, hosted_cluster_prefix
from lifeboat.model import HostedClusterRef, Task
from lifeboat.moved import Move
from lifeboat.ports import Clock, Dns, ManagementCluster, ObjectStore, Signer
from lifeboat.reconciliation import PAUSED, node_pools_of, signature
from lifeboat.resources import DEPLOYMENTS, HOSTED_CLUSTERS, PODS, ROUTES
from lifeboat.source_state import SourceState

SCHEMA = 1


@dataclass(frozen=True)
class Observation:
    """One look at the source."""

    exists: bool
    """Whether the HostedCluster is still there; after a teardown it is not, and nothing can wake it."""
    paused_by: str | None
    backup_id: str | None
    node_pools: Mapping[str, str | None]
    """`pausedUntil` by NodePool."""
    deployments: Mapping[str, Mapping[str, int]]
    """`wanted`, `running` (by status) and `pods` by Deployment."""
    routes: int
    published: tuple[str, ...]
    """Host names that its Services still ask ExternalDNS for."""
    names: tuple[str, ...]
    """Public names, and their ownership, that Route53 still has. Not looked at: empty."""
    has_etcd: bool
    """Whether its etcd is meant to run."""
    written: str | None
    """What its etcd took after the backup, in words; None: nothing, or there is no etcd (any more)."""


def observe(source: ManagementCluster, record: BackupRecord, dns: Dns | None, state: SourceState) -> Observation:
    """Look at the source now. Without `dns` the names are left out: at the destination's turn they are its own.

    Raises EtcdNotReadyError when its etcd is there and has no quorum that could tell whether it was written to, unless
    it was saved without one.
    """
    hosted = record.hosted_cluster
    namespace = hosted.control_plane_namespace
    cluster = source.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    # A pause by time would lift itself: it is ours only as long as it says `true`.
    paused = cluster is not None and cluster["spec"].get("pausedUntil") == PAUSED
    mine = signature(cluster) if cluster and paused else None
    found = names.records_of(dns, state.hostnames) if dns else []
    has_etcd = cluster is not None and members.has_members(source, namespace)
    return Observation(
        exists=cluster is not None,
        paused_by=mine.operation_id if mine else None,
        backup_id=mine.backup_id if mine else None,
        node_pools={
            pool["metadata"]["name"]: pool["spec"].get("pausedUntil") for pool in node_pools_of(source, hosted)
        },
        deployments=_deployments(source, namespace),
        routes=len(source.list_objects(ROUTES, namespace)),
        published=tuple(sorted(names.published(source, namespace))),
        names=tuple(sorted({each.name for each in found})),
        has_etcd=has_etcd,
        written=_written(source, namespace, record) if has_etcd else None,
    )


def problems(seen: Observation, state: SourceState, operation_id: str, backup_id: str) -> list[str]:
    """Everything that keeps the source from being fenced for this operation and backup."""
    running = [
        f"{name} has {max(numbers.values())} replicas or pods"
        for name, numbers in seen.deployments.items()
        if max(numbers.values())
    ]
    if not seen.exists:
        return running
    found = running
    if (seen.paused_by, seen.backup_id) != (operation_id, backup_id):
        found.append(
            f"the HostedCluster is not paused by operation {operation_id} for backup {backup_id} "
            f"(it says {seen.paused_by}, {seen.backup_id})"
        )
    for pool, until in seen.node_pools.items():
        own = state.node_pools.get(pool, {}).get("pausedUntil")
        if until is None or until not in {"true", own}:
            found.append(f"NodePool {pool} is not paused")
    if seen.routes:
        found.append(f"{seen.routes} Routes are there")
    if seen.published:
        found.append(f"its Services still publish {', '.join(seen.published)}")
    if seen.names:
        found.append(f"Route53 still has {', '.join(seen.names)}")
    if seen.written:
        found.append(f"its etcd took {seen.written} of the backup")
    return found


def make(
    source: ManagementCluster,
    dns: Dns,
    store: ObjectStore,
    signer: Signer,
    clock: Clock,
    task: Task,
    move: Move,
) -> dict[str, Any]:
    """Observe the source and sign what was seen; returns `{key, observedAt}`.

    Raises FenceUnprovenError, naming everything that still runs. A fence of this operation for this very record that
    is there already is kept, after the same look. It also tells which execution made the backup, and when the
    operation began: a later start that goes on at the destination cannot know otherwise.
    """
    record, operation = move.record, task.operation
    seen = observe(source, record, dns, move.state)
    wrong = problems(seen, move.state, operation.id, record.backup_id)
    if seen.exists and not seen.has_etcd:
        wrong.append("its etcd is gone, so it cannot tell whether it was written to after the backup")
    if wrong:
        msg = f"{record.source} is not fenced: {'; '.join(wrong)}. Look who works there besides, then start again"
        raise FenceUnprovenError(msg)
    for key, payload in _fences(store, signer, move):
        if payload["operationId"] == operation.id:
            return {"key": key, "observedAt": payload["observedAt"]}
    payload = {
        "schema": SCHEMA,
        "operationId": operation.id,
        "epoch": operation.epoch,
        "hostedCluster": dataclasses.asdict(record.hosted_cluster),
        "infraId": record.infra_id,
        "source": record.source,
        "backupId": record.backup_id,
        "recordSha256": move.record_sha256,
        "startedAt": runs.beginning(task.data, record.backup_id),
        "backup": runs.nested(task.data.get("backup")),
        "observedAt": clock.now().isoformat(timespec="seconds"),
        "observed": dataclasses.asdict(seen),
    }
    key = move.layout.operation(operation.id, "fence.json")
    if store.get(key) is not None:  # an operation that was started again has made another backup meanwhile
        key = move.layout.operation(operation.id, f"fence-{record.backup_id}.json")
    payload, _ = signed.put_once(store, signer, key, payload, ignoring=("observedAt", "observed"))
    return {"key": key, "observedAt": payload["observedAt"]}


def check(store: ObjectStore, signer: Signer, source: ManagementCluster, move: Move) -> dict[str, Any]:
    """Prove that the source is fenced for this backup; returns `{key, operationId, observedAt}` of the fence.

    Raises FenceUnprovenError when no valid fence names this record, or the source is no longer as it was fenced.
    """
    record = move.record
    fences = _fences(store, signer, move)
    if not fences:
        msg = (
            f"no fence of {record.source} names backup {record.backup_id}: restoring beside one that may still run "
            "makes two clusters of one; use `recover`, which stops and fences the source"
        )
        raise FenceUnprovenError(msg)
    key, payload = fences[-1]
    seen = observe(source, record, None, move.state)
    if wrong := problems(seen, move.state, payload["operationId"], record.backup_id):
        msg = (
            f"{record.source} was fenced at {payload['observedAt']} and no longer is: {'; '.join(wrong)}. "
            "Its data may be newer than the backup: recover again"
        )
        raise FenceUnprovenError(msg)
    return {"key": key, "operationId": payload["operationId"], "observedAt": payload["observedAt"]}


def newest(store: ObjectStore, signer: Signer, move: Move) -> tuple[str, dict[str, Any]] | None:
    """The newest valid fence that names this very record, of whatever kind: key and payload."""
    return next(reversed(_fences(store, signer, move)), None)


def of_operation(
    store: ObjectStore, signer: Signer, hosted: HostedClusterRef, operation_id: str
) -> tuple[str, dict[str, Any]] | None:
    """The newest valid fence that an operation made for a hosted cluster, whatever its infraID: key and payload."""
    found = []
    for infra_id in store.folders(hosted_cluster_prefix(hosted)):
        found += _valid(store, signer, ClusterLayout(hosted, infra_id), operation_id)
    return max(found, key=lambda each: str(each[1].get("observedAt")), default=None)


def _written(source: ManagementCluster, namespace: str, record: BackupRecord) -> str | None:
    saved = record.snapshot
    return later.written_after(source, namespace, saved.revision, quorum=saved.quorum)


def _deployments(source: ManagementCluster, namespace: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    pods = source.list_objects(PODS, namespace)
    for name in writers.ALL:
        deployment = source.get(DEPLOYMENTS, namespace, name)
        # Without its Deployment a pod may go on: then HyperShift's label tells whose it is.
        spec: dict[str, Any] = deployment["spec"] if deployment else {"replicas": 0, "selector": {}}
        selector: dict[str, str] = spec["selector"].get("matchLabels") or {"app": name}
        mine = [pod for pod in pods if selector.items() <= (pod["metadata"].get("labels") or {}).items()]
        running = ((deployment or {}).get("status") or {}).get("replicas") or 0
        found[name] = {"wanted": spec.get("replicas", 1), "running": running, "pods": len(mine)}
    return found


def _fences(store: ObjectStore, signer: Signer, move: Move) -> list[tuple[str, dict[str, Any]]]:
    """Valid fences that name this record, oldest first."""
    found = [
        (key, payload)
        for operation in store.folders(move.layout.operations)
        for key, payload in _valid(store, signer, move.layout, operation)
        if payload.get("recordSha256") == move.record_sha256
    ]
    return sorted(found, key=lambda each: str(each[1].get("observedAt")))


def _valid(
    store: ObjectStore, signer: Signer, layout: ClusterLayout, operation_id: str
) -> list[tuple[str, dict[str, Any]]]:
    """The fences below one operation. One that does not verify, or was copied from elsewhere, counts for nothing."""
    found = []
    for key in store.keys(layout.operation(operation_id, "fence")):
        try:
            payload = signed.unseal(store.get(key) or b"", signer, key)
        except BackupUnprovenError:
            continue
        ours = (SCHEMA, operation_id, layout.infra_id, dataclasses.asdict(layout.hosted_cluster))
        if tuple(payload.get(each) for each in ("schema", "operationId", "infraId", "hostedCluster")) == ours:
            found.append((key, payload))
    return found
