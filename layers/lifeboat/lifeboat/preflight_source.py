"""Is the source fit for a backup? All problems are told at once, before anything is changed.

A source that passes is recorded in `evidence/source.json`; from then on that record counts, not what is found later.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lifeboat import auto_repair, backups, preflight_move, publishing, reconciliation, versions, ways, writers
from lifeboat.dns import records_of, to_json
from lifeboat.edits import annotation
from lifeboat.errors import BackupUnprovenError, EtcdNotReadyError, PreflightError, SnapshotFailedError
from lifeboat.etcd import choice, later, members, snapshot
from lifeboat.etcd.choice import Choice
from lifeboat.etcd.snapshot import Staging
from lifeboat.inventory import CLUSTER_NAME_LABEL
from lifeboat.layout import ClusterLayout
from lifeboat.model import BackupKind, HostedClusterRef, Manifest, Task, new_backup_id
from lifeboat.podshell import PodRef
from lifeboat.ports import Clock, Dns, Instances, ManagementCluster, ObjectStore, Signer
from lifeboat.resources import (
    CLUSTERS,
    DEPLOYMENTS,
    HOSTED_CLUSTERS,
    MACHINES,
)
from lifeboat.settling import is_settled
from lifeboat.source_state import SourceState, load_source_state, record_source_state

OPERATOR_NAMESPACE, OPERATOR = "hypershift", "operator"
_HIGHLY_AVAILABLE = 3


@dataclass(frozen=True)
class World:
    """What a source is measured by."""

    cluster: ManagementCluster
    store: ObjectStore
    signer: Signer
    dns: Dns
    instances: Instances
    clock: Clock


def check(world: World, task: Task) -> dict[str, Any]:
    """Check the source and open the backup; answers `{backupId, infraId, prefix, keys, revision, committed, etcd}`.

    A source that this very operation left paused (its execution was cut off) goes on with the backup that the
    HostedCluster's annotation names, unless that one was committed and the source has been awake since: then a new
    backup is opened, with what the source was like before the *first* one touched it. `committed`: all is saved
    already, only its record is to be looked at again.

    Raises PreflightError with all problems, AlreadyPausedError when somebody else paused the hosted cluster and it
    would have to be paused (`quiesced`).
    """
    hosted, kind = task.hosted_cluster, BackupKind(task.data["kind"])
    found = world.cluster.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    if found is None:
        msg = f"there is no HostedCluster {hosted} on {world.cluster.name}: check `source` and `hostedCluster`"
        raise PreflightError(msg)
    if kind is BackupKind.QUIESCED:
        reconciliation.refuse_foreign_pause(found, task.operation.id, world.clock.now())
    mine = reconciliation.signature(found)
    resumed = mine if mine and mine.operation_id == task.operation.id else None
    new_id = new_backup_id(kind, task.operation.id, datetime.datetime.fromisoformat(task.data["startedAt"]))
    backup_id = resumed.backup_id if resumed else new_id

    move = bool(task.data.get("firstHalfOfMove"))
    problems = _about_the_cluster(found, move=move)
    if move:
        named = bool(records_of(world.dns, _hostnames(found["spec"])))
        problems += preflight_move.problems(world.cluster, hosted, found, world.clock.now(), named=named)
    machines = _machines(world.cluster, hosted, found["spec"].get("infraID", ""))
    if kind is BackupKind.ONLINE:  # which leaves out those that come or go
        machines = [each for each in machines if is_settled(each)]
    problems += _about_machines(machines)
    etcd, chosen, ill = _etcd(world.cluster, hosted, kind)
    problems += ill
    if problems or chosen is None:
        msg = f"{hosted} on {world.cluster.name} is not fit for a backup, nothing was changed: {'; '.join(problems)}"
        raise PreflightError(msg, problems)

    layout = ClusterLayout(hosted, found["spec"]["infraID"])
    state = load_source_state(world.store, layout, backup_id)
    if state is None and resumed:
        msg = (
            f"{hosted} is paused for backup {backup_id}, but what it was like before is not recorded: "
            "resume it by hand, then start again with another operationId"
        )
        raise BackupUnprovenError(msg)
    committed = bool(state and resumed and world.store.head(layout.backup(backup_id).record))
    if state and committed and _is_outdated(world, hosted, backup_id):
        backup_id, committed = new_id, False
        state = record_source_state(world.store, layout, backup_id, state)
    if state is None:
        measured = _measure(world, task, found, machines, etcd)
        state = record_source_state(world.store, layout, backup_id, measured if chosen.quorum else _ill(measured))
    return {
        "backupId": backup_id,
        "infraId": state.infra_id,
        "prefix": layout.backup(backup_id).prefix,
        "keys": state.etcd["totalKeys"],
        "revision": state.etcd["revision"],
        "committed": committed,
        "etcd": {
            "quorum": chosen.quorum,
            "alarms": list(chosen.alarms),
            "note": chosen.note,
            "approvalNeeded": None if committed else chosen.risk,
            "raftIndex": chosen.member.applied_index,
        },
    }


def _is_outdated(world: World, hosted: HostedClusterRef, backup_id: str) -> bool:
    """Whether the source of a committed backup did not rest since, e.g. because somebody scaled it up by hand."""
    record, _ = backups.load(world.store, world.signer, hosted, backup_id)
    namespace = hosted.control_plane_namespace
    return bool(
        writers.still_running(world.cluster, namespace, writers.ALL)
        or later.written_after(world.cluster, namespace, record.snapshot.revision, quorum=record.snapshot.quorum)
    )


def _about_the_cluster(hosted_cluster: Manifest, *, move: bool) -> list[str]:
    spec, problems = hosted_cluster["spec"], []
    if hosted_cluster["metadata"].get("deletionTimestamp"):
        problems.append("it is being deleted")
    if (platform := (spec.get("platform") or {}).get("type")) != "AWS":
        problems.append(f"its platform is {platform}, only AWS can be moved")
    if (spec.get("etcd") or {}).get("managementType") != "Managed":
        problems.append("its etcd is not managed by HyperShift")
    if not spec.get("infraID"):
        problems.append("it has no infraID yet")
    if move:
        problems += [
            f"service {each} has no fixed hostname: whoever uses it knows the source's load balancer by its own name"
            for each in publishing.without_fixed_name(spec)
        ]
    return problems


def _about_machines(machines: list[Manifest]) -> list[str]:
    return [
        f"Machine {each['metadata']['name']} {why}"
        for each in machines
        if (
            why := "is being deleted: wait until it is gone"
            if each["metadata"].get("deletionTimestamp")
            else ""
            if each["spec"].get("providerID")
            else "has no instance yet (no providerID): wait until it has"
        )
    ]


def _etcd(
    cluster: ManagementCluster, hosted: HostedClusterRef, kind: BackupKind
) -> tuple[dict[str, Any], Choice | None, list[str]]:
    """What is to be known of etcd, the member that would be saved, and what is wrong.

    An ill etcd is saved as well as it can be; without a member that is fit, or with shards, nothing would be.
    """
    namespace = hosted.control_plane_namespace
    sets = {each["metadata"]["name"]: each for each in members.stateful_sets(cluster, namespace)}
    shards = sorted(set(sets) - {members.STATEFUL_SET})
    if shards:
        return {}, None, [f"its etcd is sharded ({', '.join(shards)}): one snapshot does not hold it all"]
    if members.STATEFUL_SET not in sets:
        return {}, None, [f"there is no StatefulSet etcd in {namespace}"]
    spec = sets[members.STATEFUL_SET]["spec"]
    try:
        chosen = choice.look(cluster, namespace, kind)
        pod = PodRef(namespace, chosen.member.pod, members.CONTAINER)
        total_keys = members.count_keys(cluster, pod, serializable=not chosen.quorum)
    except (EtcdNotReadyError, SnapshotFailedError) as error:
        return {}, None, [str(error)]
    staging = Staging(namespace, chosen.member.pod, "", 0, snapshot.part_size(chosen.member.db_size))
    unfit = snapshot.refusal(staging, snapshot.source_of(cluster, staging, chosen.member.db_size))
    claim = _claim(spec)
    return (
        {
            "members": int(spec.get("replicas", 1)),
            "image": _image(spec),
            "version": chosen.member.version,
            "storageClass": claim.get("storageClassName"),
            "size": ((claim.get("resources") or {}).get("requests") or {}).get("storage"),
            "totalKeys": total_keys,
            "revision": max(chosen.member.revision, chosen.acknowledged or 0),
            "dbSize": chosen.member.db_size,
        },
        chosen,
        [unfit] if unfit else [],
    )


def _ill(state: SourceState) -> SourceState:
    """Without a quorum the hosted API does not serve, whatever its pods and conditions still say.

    Resuming must not wait for it to come back.
    """
    return dataclasses.replace(
        state,
        available=False,
        ready_replicas={name: 0 if name in writers.WRITERS else ready for name, ready in state.ready_replicas.items()},
        node_pools={name: {**pool, "healthy": False} for name, pool in state.node_pools.items()},
    )


def _measure(
    world: World, task: Task, hosted_cluster: Manifest, machines: list[Manifest], etcd: Mapping[str, Any]
) -> SourceState:
    cluster, hosted, spec = world.cluster, task.hosted_cluster, hosted_cluster["spec"]
    operator = cluster.get(DEPLOYMENTS, OPERATOR_NAMESPACE, OPERATOR)
    hostnames = _hostnames(spec)
    capi = cluster.get(CLUSTERS, hosted.control_plane_namespace, spec["infraID"])
    conditions = (hosted_cluster.get("status") or {}).get("conditions") or ()
    return SourceState(
        source=cluster.name,
        hosted_cluster=hosted,
        infra_id=spec["infraID"],
        operation_id=task.operation.id,
        replicas=writers.replica_counts(cluster, hosted.control_plane_namespace),
        ready_replicas=writers.ready_counts(cluster, hosted.control_plane_namespace),
        paused_until=spec.get("pausedUntil"),
        node_pools={
            each["metadata"]["name"]: {
                "pausedUntil": each["spec"].get("pausedUntil"),
                "autoRepair": auto_repair.is_wanted(each),
                "healthy": auto_repair.is_healthy(each) or auto_repair.rests(each),
            }
            for each in reconciliation.node_pools_of(cluster, hosted)
        },
        cluster_paused=bool(capi and capi["spec"].get("paused")),
        available=any(each["type"] == "Available" and each["status"] == "True" for each in conditions),
        operator_replicas=_operator_replicas(operator),
        operator_image=_image(operator["spec"]) if operator else "",
        etcd=dict(etcd),
        availability=spec.get("controllerAvailabilityPolicy")
        or ("HighlyAvailable" if etcd["members"] == _HIGHLY_AVAILABLE else "SingleReplica"),
        hostnames=hostnames,
        dns=[to_json(record) for record in records_of(world.dns, hostnames)],
        instances=world.instances.of(spec["infraID"]),
        provider_ids={each["metadata"]["name"]: each["spec"]["providerID"] for each in machines},
        crd_storage_versions=versions.of(cluster),
        release_image=spec["release"]["image"],
        release_version=_release_version(hosted_cluster),
        load_balancers=ways.load_balancers(cluster, hosted.control_plane_namespace),
        endpoint_services=ways.endpoint_services(cluster, hosted.control_plane_namespace),
        external_dns=ways.external_dns(cluster),
    )


def _release_version(hosted_cluster: Manifest) -> str:
    """By the operator's history of rollouts, since an image is mostly named by digest; empty when it has none."""
    history = ((hosted_cluster.get("status") or {}).get("version") or {}).get("history") or ()
    image = hosted_cluster["spec"]["release"]["image"]
    return next((str(each["version"]) for each in history if each.get("image") == image and each.get("version")), "")


def _operator_replicas(operator: Manifest | None) -> int:
    """The operator's own count: while Lifeboat holds it at zero for another cluster, that stands in an annotation."""
    if operator is None:
        return 0
    held = annotation(operator, "lifeboat/replicas")
    return int(held) if held and held.isdigit() else int(operator["spec"].get("replicas", 1))


def _machines(cluster: ManagementCluster, hosted: HostedClusterRef, infra_id: str) -> list[Manifest]:
    return [
        each
        for each in cluster.list_objects(MACHINES, hosted.control_plane_namespace)
        if (each["metadata"].get("labels") or {}).get(CLUSTER_NAME_LABEL, infra_id) == infra_id
    ]


def _hostnames(spec: Mapping[str, Any]) -> list[str]:
    return sorted({name for each in spec.get("services") or () if (name := publishing.hostname(each))})


def _claim(stateful_set_spec: Mapping[str, Any]) -> dict[str, Any]:
    templates = stateful_set_spec.get("volumeClaimTemplates") or ()
    return next((dict(each["spec"]) for each in templates if each["metadata"]["name"] == "data"), {})


def _image(workload_spec: Mapping[str, Any]) -> str:
    """The image of the container that gives the workload its name, else of the first."""
    containers = workload_spec["template"]["spec"]["containers"]
    named = [each for each in containers if each["name"] in {members.CONTAINER, OPERATOR}]
    return str((named or containers)[0].get("image", ""))
