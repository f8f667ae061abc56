"""Once it is approved, and the lease is ours: the operation's choice is made for good."""

from __future__ import annotations

import dataclasses
from typing import Any

from lifeboat import backups, signed
from lifeboat.errors import PreflightError
from lifeboat.layout import ClusterLayout
from lifeboat.model import Task
from lifeboat.ports import ManagementCluster
from lifeboat.unreachable import choice
from lifeboat.unreachable.looking import refuse_answer
from lifeboat.unreachable.world import Outside


def pin(outside: Outside, source: ManagementCluster, task: Task) -> dict[str, Any]:
    """Keep what was chosen and approved, for this operation and all its starts; answers the machine's `backup`.

    Raises FenceUnprovenError when the source answers by now, PreflightError when a newer backup has been verified since
    people were asked: they approved to lose more than has to be.
    """
    told: dict[str, Any] = dict(task.data["backup"])
    refuse_answer(source, task.hosted_cluster)
    if choice.find(outside.store, outside.signer, task.hosted_cluster, task.operation.id) is None:
        newest, digest, _ = backups.latest(outside.store, outside.signer, task.hosted_cluster)
        if digest != told["recordSha256"]:
            msg = (
                f"backup {newest.backup_id} was verified after people had been asked about {told['backupId']}: start "
                "again, so that they decide about the newer one"
            )
            raise PreflightError(msg)
    layout = ClusterLayout(task.hosted_cluster, told["infraId"])
    payload = {
        "schema": choice.SCHEMA,
        "operationId": task.operation.id,
        "hostedCluster": dataclasses.asdict(task.hosted_cluster),
        "infraId": told["infraId"],
        "source": task.source,
        "destination": task.destination,
        "backupId": told["backupId"],
        "recordSha256": told["recordSha256"],
        "revision": told["revision"],
        "ageSeconds": told["ageSeconds"],
        "reason": task.data["unreachableSource"]["reason"],
        "approved": task.data["approved"],
        # Asked for and approved: the text of the approval said that it is missing.
        "revisionBump": "required" if told["bump"]["possible"] else "waived",
        "chosenAt": outside.clock.now().isoformat(timespec="seconds"),
    }
    kept, _ = signed.put_first(outside.store, outside.signer, layout.operation(task.operation.id, choice.NAME), payload)
    if kept["recordSha256"] != told["recordSha256"]:
        msg = f"operation {task.operation.id} rests on backup {kept['backupId']} already: start again"
        raise PreflightError(msg)
    return told | {"pinned": True}
