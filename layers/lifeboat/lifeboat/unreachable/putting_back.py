"""The way back: a recovery that failed before the destination's HostedCluster existed leaves the source as it was."""

from __future__ import annotations

from typing import Any

from lifeboat import backups, polling
from lifeboat.errors import ResumeFailedError
from lifeboat.model import Task
from lifeboat.moved import Move
from lifeboat.source_state import NAME, SourceState
from lifeboat.unreachable import choice, cutting
from lifeboat.unreachable.world import Outside


def put_back(outside: Outside, task: Task) -> dict[str, Any]:
    """Put back what this operation cut; `{wasCut, done, waitingFor, refused, …}`, done once all answers that did.

    The instances stay protected until then: nodes that cannot be heard yet would be replaced. The previous answer
    stands at `$.putBack`, parameter `atMost` bounds the looks. Raises ResumeFailedError after the last one.
    """
    hosted = task.hosted_cluster
    chosen = choice.find(outside.store, outside.signer, hosted, task.operation.id)
    if chosen is None:
        return {"wasCut": False, "done": True, "waitingFor": ""}
    record, digest = backups.open_version(outside.store, outside.signer, hosted, chosen["infraId"], chosen["backupId"])
    state = SourceState.from_json(backups.read_evidence(outside.store, record, NAME))
    move = Move(record, digest, state)
    given = cutting.put_back(outside, task, move)
    answer = polling.look(
        task.data.get("putBack"),
        [f"{each} to answer" for each in given["waitingFor"]],
        topic=f"{record.source} reachable as before (its instances stay protected from termination until then)",
        at_most=int(task.parameters["atMost"]),
        error=ResumeFailedError,
    )
    if answer["done"]:
        cutting.unprotect(outside, task, move)
    return {**answer, "wasCut": given["wasCut"], "refused": given["refused"]}
