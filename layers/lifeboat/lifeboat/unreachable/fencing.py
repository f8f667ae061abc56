"""The fence of a source that cannot be looked at: what was cut, proven, and by whose leave."""

from __future__ import annotations

import dataclasses
from typing import Any

from lifeboat import epochs, fence, signed, writers
from lifeboat.errors import FenceUnprovenError
from lifeboat.model import Task
from lifeboat.moved import Move
from lifeboat.ports import ManagementCluster
from lifeboat.unreachable import choice, cut
from lifeboat.unreachable.looking import answers, refuse_answer
from lifeboat.unreachable.proving import open_ways
from lifeboat.unreachable.world import Outside

KIND = "unreachable"


def make(outside: Outside, source: ManagementCluster, task: Task, move: Move) -> dict[str, Any]:
    """Prove the cut once more and sign it; returns `{key, observedAt}`. One of this operation and record is kept.

    Raises FenceUnprovenError when the source answers, or anything still leads to it.
    """
    record, operation = move.record, task.operation
    chosen = _chosen(outside, task, move)
    _prove(outside, source, task, move)
    told = cut.written(outside, move.layout, operation.id)
    if told is None:
        raise FenceUnprovenError(f"operation {operation.id} has written down nothing that it cut: start again")
    payload = {
        "schema": fence.SCHEMA,
        "kind": KIND,
        "operationId": operation.id,
        "epoch": operation.epoch,
        "hostedCluster": dataclasses.asdict(record.hosted_cluster),
        "infraId": record.infra_id,
        "source": record.source,
        "backupId": record.backup_id,
        "recordSha256": move.record_sha256,
        "startedAt": task.data["startedAt"],
        "backup": {"ageSeconds": chosen["ageSeconds"], "revision": record.snapshot.revision},
        "revisionBump": chosen["revisionBump"],
        "revisions": task.data["prepared"]["revisions"],
        "reason": chosen["reason"],
        "approved": chosen["approved"],
        "observedAt": outside.clock.now().isoformat(timespec="seconds"),
        "observed": {
            "protected": sorted(each for each in told.instances if each not in told.spot),
            "unprotected": told.spot,
            "loadBalancers": sorted({each["host"] for each in told.groups.values()}),
            "connections": [list(each) for each in told.connections],
            "names": sorted({each.name for each in told.dns_records()}),
        },
    }
    key = move.layout.operation(operation.id, "fence.json")
    kept, _ = signed.put_once(
        outside.store, outside.signer, key, payload, ignoring=("observedAt", "observed", "epoch", "startedAt")
    )
    return {"key": key, "observedAt": kept["observedAt"]}


def check(
    outside: Outside, source: ManagementCluster, task: Task, move: Move, *, handed_over: bool = False
) -> dict[str, Any]:
    """Prove that the source of this backup is fenced, one way or the other; returns what `fence.check` does.

    And `revision`, as `etcd_volumes.start` takes it: it has to be raised where nothing says that nothing was written
    after the backup. `handed_over`: the destination's HostedCluster exists; what becomes of the source changes nothing
    then.
    Raises FenceUnprovenError for a source that is not fenced.
    """
    if task.data.get("prepareOnly"):  # all but the HostedCluster: the cut comes after it
        chosen = _chosen(outside, task, move)
        refuse_answer(source, task.hosted_cluster)
        told = {"key": None, "operationId": task.operation.id, "observedAt": chosen["chosenAt"]}
        return {**told, "revision": choice.revision(chosen)}
    found = fence.newest(outside.store, outside.signer, move)
    if found is None or found[1].get("kind") != KIND:
        return {**fence.check(outside.store, outside.signer, source, move), "revision": ""}
    key, payload = found
    if payload["operationId"] != task.operation.id:
        msg = (
            f"{move.record.source} was unreachable for operation {payload['operationId']} and fenced for that one "
            "alone: go on with it, or recover again"
        )
        raise FenceUnprovenError(msg)
    if not handed_over:
        _prove(outside, source, task, move)
    told = {"key": key, "operationId": payload["operationId"], "observedAt": payload["observedAt"]}
    return {**told, "revision": choice.revision(payload)}


def seal(outside: Outside, source: ManagementCluster, task: Task, move: Move) -> None:
    """Put this epoch on a source at rest, so that nothing that was begun before it can wake it any more.

    One that is cut off is not written to, nor one that a teardown has emptied. Raises LeaseLostError where a newer
    epoch is.
    """
    found = fence.newest(outside.store, outside.signer, move)
    if found is not None and found[1].get("kind") != KIND:
        epochs.seal(source, task.hosted_cluster, writers.ALL, task.operation.epoch)


def _chosen(outside: Outside, task: Task, move: Move) -> dict[str, Any]:
    chosen = choice.find(outside.store, outside.signer, task.hosted_cluster, task.operation.id)
    if chosen is None or chosen["recordSha256"] != move.record_sha256:
        msg = (
            f"operation {task.operation.id} has no leave to recover backup {move.record.backup_id} without its source: "
            "use `recover` with unreachableSource"
        )
        raise FenceUnprovenError(msg)
    return chosen


def _prove(outside: Outside, source: ManagementCluster, task: Task, move: Move) -> None:
    """Silent and cut off; or, should it answer, at rest like any other."""
    record = move.record
    if answers(source, task.hosted_cluster):
        seen = fence.observe(source, record, None, move.state)
        if wrong := fence.problems(seen, move.state, task.operation.id, record.backup_id):
            msg = (
                f"{record.source} answers again and is not at rest: {'; '.join(wrong)}. Start a recovery without "
                "unreachableSource (another operationId)"
            )
            raise FenceUnprovenError(msg)
    if left := open_ways(outside, move):
        raise FenceUnprovenError(f"{record.source} is not cut off: {'; '.join(left)}. Look who put it back")
