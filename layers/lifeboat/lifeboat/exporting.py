"""The state that stores the manifests of a backup."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from lifeboat import export, inventory, observed, settling
from lifeboat.errors import PreflightError
from lifeboat.inventory import Inventory
from lifeboat.layout import ClusterLayout
from lifeboat.model import BackupKind, Task
from lifeboat.ports import Instances, ManagementCluster, ObjectStore
from lifeboat.quiescing import recorded_state
from lifeboat.resources import MACHINES
from lifeboat.source_state import SourceState
from lifeboat.verification.instances import DEAD

_TOLD = 20


def export_manifests(
    cluster: ManagementCluster, store: ObjectStore, instances: Instances, task: Task
) -> dict[str, Any]:
    """Store every object of the hosted cluster; answers the parts, the figures, and references that lead nowhere.

    Of those only the first few: a machine's data are bounded, `observed.json` names them all. Raises PreflightError
    when Machines or instances of a source at rest are not those that the preflight recorded: they changed while its
    controllers still ran, and what was recorded is what must come out of a move.
    """
    layout = ClusterLayout(task.hosted_cluster, str(task.infra_id)).backup(str(task.backup_id))
    found = inventory.collect(cluster, task.hosted_cluster)
    if task.data["kind"] == BackupKind.QUIESCED:
        state = recorded_state(store, task)
        if changed := _changed(found, instances.of(state.infra_id), state):
            msg = f"{task.hosted_cluster} changed after its preflight: {'; '.join(changed)}; start again once it rests"
            raise PreflightError(msg)
    else:
        found = settling.without_unsettled(found)
    evidence = {observed.NAME: observed.observe(cluster, task.hosted_cluster, found)}
    exported = export.export(store, layout, found, evidence)
    proofs = {name: dataclasses.asdict(part) for name, part in exported.evidence.items()}
    return {
        "manifests": [dataclasses.asdict(part) for part in exported.manifests],
        "ownership": proofs.pop(export.OWNERSHIP),
        "evidence": proofs,
        "objects": sum(part.count for part in exported.manifests),
        "missing": list(found.missing[:_TOLD]),
        "dangling": list(found.dangling[:_TOLD]),
        "leftOut": list(found.left_out[:_TOLD]),
    }


def _changed(found: Inventory, instances: Mapping[str, str], state: SourceState) -> list[str]:
    """Machines (by providerID) and living instances that are not as recorded, in words."""
    machines = {each["metadata"]["name"]: each["spec"].get("providerID") for each in found.of(MACHINES)}
    living = {each for each, status in instances.items() if status not in DEAD}
    recorded = {each for each, status in state.instances.items() if status not in DEAD}
    return [
        *(f"Machine {name} is gone" for name in sorted(state.provider_ids.keys() - machines.keys())),
        *(f"Machine {name} is new" for name in sorted(machines.keys() - state.provider_ids.keys())),
        *(
            f"Machine {name} is {machines[name]}, was {was}"
            for name, was in state.provider_ids.items()
            if machines.get(name, was) != was
        ),
        *(f"instance {each} is gone" for each in sorted(recorded - living)),
        *(f"instance {each} is new" for each in sorted(living - recorded)),
    ]
