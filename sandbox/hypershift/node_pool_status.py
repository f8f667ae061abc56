"""Status of a NodePool, from its MachineDeployment, its Machines, and its Nodes as the hosted cluster tells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import MACHINE_DEPLOYMENTS, MACHINES
from sandbox.hypershift.names import NODE_POOL_ANNOTATION
from sandbox.hypershift.release import version_of
from sandbox.objects import digest, status_of, with_conditions

if TYPE_CHECKING:
    from sandbox.client import Object, Objects
    from sandbox.hypershift.guest import GuestView
    from sandbox.hypershift.pausing import Pause
    from sandbox.hypershift.writer import Writer

_PREFIX = "hypershift.openshift.io/nodePool"
Condition = tuple[str, str, str, str]


def node_pool_status(
    writer: Writer,
    pool: Object,
    namespace: str,
    pause: Pause,
    guest: GuestView,
    made_of: str | None,
    problem: str,
    *,
    looked: bool,
) -> tuple[Object, Object]:
    """The status, and the annotations that change with it.

    `made_of`: what machines would be made of, None when that cannot be told. Of a paused NodePool HyperShift tells
    whether version and config would be updated, and nothing of its template. `looked`: False while it waits for the
    ignition endpoint and tells nothing of updates, config or pause.
    """
    identity = f"{pool['metadata']['namespace']}/{pool['metadata']['name']}"
    machines = [
        machine
        for machine in writer.list(MACHINES, namespace)
        if (machine["metadata"].get("annotations") or {}).get(NODE_POOL_ANNOTATION) == identity
    ]
    deployment = writer.get(MACHINE_DEPLOYMENTS, pool["metadata"]["name"], namespace) or {}
    annotations = pool["metadata"].get("annotations") or {}
    changed: Object = {}
    updating_config = updating_template = False
    template = ""
    if deployment:
        template = deployment["spec"]["template"]["spec"]["infrastructureRef"]["name"]
    if made_of is not None and deployment and pause.paused:
        updating_config = annotations.get(f"{_PREFIX}CurrentConfig") not in (None, made_of)
    elif made_of is not None and deployment:
        current = annotations.get(f"{_PREFIX}CurrentConfig")
        old_template = annotations.get(f"{_PREFIX}PlatformMachineTemplate")
        rolled = _is_rolled_out(deployment)
        updating_config = current not in (None, made_of) and not rolled
        updating_template = old_template not in (None, template) and not rolled
        version = version_of(pool["spec"]["release"]["image"]) or ""
        wanted = {f"{_PREFIX}TargetConfigVersion": digest([made_of, version])}
        if rolled or current is None:
            wanted[f"{_PREFIX}CurrentConfig"] = made_of
            wanted[f"{_PREFIX}CurrentConfigVersion"] = digest([made_of, version])
            wanted[f"{_PREFIX}PlatformMachineTemplate"] = template
        changed = {name: value for name, value in wanted.items() if annotations.get(name) != value}
    desired = pool["spec"].get("replicas", 0)
    conditions = [
        *_machine_conditions(machines, guest, desired),
        ("ValidReleaseImage", str(version_of(pool["spec"]["release"]["image"]) is not None), "AsExpected", ""),
        _repair(pool),
    ]
    if looked:
        conditions += [
            _updating("UpdatingConfig", updating=updating_config),
            _updating("UpdatingVersion", updating=False),
            ("ValidMachineConfig", str(not problem), "ValidationFailed" if problem else "AsExpected", problem),
            pause.condition(),
        ]
        if not pause.paused:
            conditions.append(_updating("UpdatingPlatformMachineTemplate", updating=updating_template))
    if any(status_of(machine).get("nodeRef") for machine in machines):
        conditions.append(("ReachedIgnitionEndpoint", "True", "AsExpected", ""))
    status = {
        **status_of(pool),
        "replicas": status_of(deployment).get("availableReplicas", 0),
        "conditions": with_conditions(status_of(pool).get("conditions"), conditions),
    }
    if running := version_of(pool["spec"]["release"]["image"]):
        status["version"] = running
    return status, changed


def _machine_conditions(machines: Objects, guest: GuestView, desired: int) -> list[Condition]:
    ready = [machine for machine in machines if status_of(machine).get("phase") == "Running"]
    nodes = [guest.node_of(machine["spec"].get("providerID", "")) for machine in machines]
    healthy = sum(node is not None and node.ready for node in nodes) if guest.serves else 0
    all_ready = len(ready) == len(machines) >= desired
    all_healthy = healthy == len(machines) >= desired
    counts = f"{len(ready)} of {len(machines)} machines are ready"
    return [
        ("AllMachinesReady", str(all_ready), "AsExpected" if all_ready else "MachinesNotReady", counts),
        (
            "AllNodesHealthy",
            str(all_healthy),
            "AsExpected" if all_healthy else "NodeConditionsFailed",
            f"{healthy} nodes are healthy",
        ),
        ("Ready", str(all_ready and all_healthy), "AsExpected" if all_ready and all_healthy else "NotReady", counts),
    ]


def _is_rolled_out(deployment: Object) -> bool:
    wanted = deployment["spec"].get("replicas", 0)
    status = status_of(deployment)
    current = status.get("observedGeneration") == deployment["metadata"].get("generation", 1)
    counts = [status.get(field, 0) for field in ("replicas", "updatedReplicas", "readyReplicas")]
    return current and counts == [wanted] * 3


def _updating(kind: str, *, updating: bool) -> Condition:
    return (kind, str(updating), "Updating" if updating else "AsExpected", "")


def _repair(pool: Object) -> Condition:
    enabled = bool(pool["spec"]["management"].get("autoRepair"))
    return ("AutorepairEnabled", str(enabled), "AsExpected" if enabled else "NotEnabled", "")
