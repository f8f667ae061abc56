"""Is deleting at the source safe? Either a verified restore says so, or a person does, by name and with a reason."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lifeboat import permissions, polling, versions, writers
from lifeboat.errors import TeardownRefusedError
from lifeboat.model import HostedClusterRef, Task
from lifeboat.ports import Executions, ManagementCluster, ObjectStore, Signer
from lifeboat.reconciliation import is_paused, node_pools_of, signature
from lifeboat.resources import HOSTED_CLUSTERS, ROUTES
from lifeboat.restore.preflight import ownership
from lifeboat.restore.serving import hosted_cluster_problems
from lifeboat.teardown import plan as plans

_MACHINES = (":lifeboat-restore:", ":lifeboat-recover:")


@dataclass(frozen=True)
class Proof:
    """What a restore execution proved."""

    destination: str
    infra_id: str
    record_sha256: str


def preflight(
    task: Task,
    source: ManagementCluster,
    clusters: Callable[[str], ManagementCluster],
    executions: Executions,
    store: ObjectStore,
    signer: Signer,
    now: datetime.datetime,
) -> dict[str, Any]:
    """Refuse, or fix in a signed plan what will be deleted; a second execution goes on with the plan of the first.

    Raises TeardownRefusedError with all reasons. Changes nothing at the source.
    """
    hosted = task.hosted_cluster
    override = task.data.get("override")
    proof = None if override else restored_by(executions, str(task.data.get("restoreExecution")), hosted, source.name)
    problems = destination_problems(clusters(proof.destination), hosted, proof.infra_id) if proof else []
    plan = plans.read(store, signer, hosted, task.operation.id)
    problems += _source_problems(source, hosted, now, going_on=plan is not None, override=override)
    if plan is None and source.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name) is None:
        problems.append(
            f"there is no HostedCluster {hosted} on {source.name} (one that was cut off goes on with its operationId)"
        )
    if not problems and plan is None:
        record_sha256 = proof.record_sha256 if proof else plans.record_of_pause(source, store, hosted)
        plan = plans.make(source, hosted, task.operation.id, record_sha256)
        if proof and plan.infra_id != proof.infra_id:
            problems.append(f"{source.name} has another cluster of that name (infraID {plan.infra_id})")
        else:
            plans.write(store, signer, plan)
    if problems or plan is None:
        msg = f"{hosted} is not deleted at {source.name}: " + "; ".join(problems)
        raise TeardownRefusedError(msg, problems)
    return {
        "infraId": plan.infra_id,
        "destination": proof.destination if proof else None,
        "objects": len(plan.objects),
        "override": bool(override),
    }


def restored_by(executions: Executions, arn: str, hosted: HostedClusterRef, source: str) -> Proof:
    """What the named execution says: it succeeded, it restored this hosted cluster, and not to the source."""
    execution = executions.describe(arn)
    said: Mapping[str, Any] = (execution.output if execution else None) or {}
    given: Mapping[str, Any] = execution.input if execution else {}
    wanted = {"namespace": hosted.namespace, "name": hosted.name}
    reasons = []
    if execution is None or not any(machine in arn for machine in _MACHINES):
        reasons.append("it is no execution of lifeboat-restore or lifeboat-recover")
    elif execution.status != "SUCCEEDED":
        reasons.append(f"it is {execution.status}")
    elif given.get("hostedCluster") != wanted:
        reasons.append("it restored another hosted cluster")
    elif not all(said.get(each) for each in ("destination", "infraId", "recordSha256")):
        reasons.append("its output names no destination and no backup's record")
    elif said["destination"] == source:
        reasons.append(f"it restored to {source} itself")
    if reasons:
        msg = f"restoreExecution {arn} proves nothing for {hosted}: {reasons[0]}"
        raise TeardownRefusedError(msg)
    return Proof(said["destination"], said["infraId"], said["recordSha256"])


def destination_problems(cluster: ManagementCluster, hosted: HostedClusterRef, infra_id: str) -> list[str]:
    """Whether the restored cluster serves at the destination at this moment."""
    live = cluster.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    if live is None:
        return [f"it is not on {cluster.name}"]
    pools = [each["spec"] for each in node_pools_of(cluster, hosted)]
    with_nodes = any(each.get("replicas") or each.get("autoScaling") for each in pools)
    missing = hosted_cluster_problems(cluster, hosted, with_nodes=with_nodes)
    problems = [f"{cluster.name} still waits for {each}" for each in missing]
    if live["spec"].get("infraID") != infra_id:
        problems.append(f"{cluster.name} has another cluster of that name (infraID {live['spec'].get('infraID')})")
    return problems


def _source_problems(
    source: ManagementCluster,
    hosted: HostedClusterRef,
    now: datetime.datetime,
    *,
    going_on: bool,
    override: Mapping[str, Any] | None,
) -> list[str]:
    """The source must still be as the fence saw it, unless a person took the responsibility."""
    live = source.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    problems = []
    if live is not None and not override:
        if not is_paused(live["spec"].get("pausedUntil"), now) or signature(live) is None:
            problems.append(f"it is not paused by Lifeboat on {source.name}")
        problems += [
            f"{source.name} waits for {each}"
            for each in writers.still_running(source, hosted.control_plane_namespace, writers.ALL)
        ]
        problems += [*ownership.managers(source, live), *ownership.owners(source, live)]
        if source.list_objects(ROUTES, hosted.control_plane_namespace):
            # Deleted now, an ExternalDNS with the same owner id would withdraw the destination's names.
            problems.append(f"its Routes are still on {source.name}")
    if not going_on:
        problems += versions.needing_the_operator(source)
    if lacking := list(permissions.missing(source, hosted, permissions.SOURCE)):
        told = polling.one_line(lacking)
        problems.append(f"the credentials registered for {source.name} may not {told}: bind them a role that allows it")
    if live is not None and live["metadata"].get("deletionTimestamp") and not going_on:
        problems.append(f"it is being deleted on {source.name} already, and not by this operation: stop that first")
    return problems
