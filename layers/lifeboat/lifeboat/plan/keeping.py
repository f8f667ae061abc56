"""Plans in the bucket, and the two questions that a recovery asks: what is planned, and is that still so?

A plan is kept, signed, as `operations/<operationId>/plan-<first 12 of its digest>.json`: one per plan that an operation
was told, so that a second start with another plan is no conflict. `lifeboat plan` keeps its own below operation `plan`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from lifeboat import signed
from lifeboat.errors import BackupUnprovenError, PlanOutdatedError, PreflightError
from lifeboat.layout import ClusterLayout, hosted_cluster_prefix
from lifeboat.model import BackupKind, HostedClusterRef, Task, is_backup_of
from lifeboat.plan import making
from lifeboat.plan.plans import Plan, differences, in_one_line
from lifeboat.plan.world import Live
from lifeboat.ports import ObjectStore, Signer, StoredObject
from lifeboat.source_state import NAME as SOURCE_STATE

_DIGITS = 12
_FIRST = 12
"""Lines of a plan that an approval tells."""


class Shelf(Protocol):
    """The bucket, as far as plans are put there: a role of its own may write nothing else."""

    def put(self, key: str, body: bytes) -> StoredObject: ...


def tell(live: Live, shelf: Shelf, task: Task, kind: str) -> dict[str, Any]:
    """A plan for people: whole, with what stands against it, kept where a later recovery finds it by its digest."""
    plan = making.make(live, kind, task.data)
    key = _keep(live, shelf, plan, task.operation.id)
    return {**plan.to_json(), "key": key}


def make(live: Live, shelf: Shelf, task: Task) -> dict[str, Any]:
    """The plan of a recovery before anybody is asked: its digest, figures, and first lines.

    An operation that has begun goes on without: `{begun: true}`. Raises PreflightError with all that stands against
    it, PlanOutdatedError when the input's `planDigest` names another plan.
    """
    if has_begun(live.store, task.hosted_cluster, task.operation.id):
        return {"begun": True}
    plan = _fit(live, task)
    if (wanted := task.data.get("planDigest")) and wanted != plan.digest:
        raise _outdated(_kept(live, task.hosted_cluster, wanted), plan, f"planDigest {wanted}")
    return {
        "begun": False,
        "key": _keep(live, shelf, plan, task.operation.id),
        "digest": plan.digest,
        "writes": len(plan.writes),
        "counts": plan.counts,
        "approve": [each.told for each in plan.to_approve],
        "first": [each.line for each in plan.writes[:_FIRST]],
    }


def check(live: Live, task: Task) -> dict[str, Any]:
    """Is it still so, now that the lease is ours? PlanOutdatedError, naming the lines that differ, when it is not.

    Not asked of an operation that has begun: what differs there is what it did itself.
    """
    told = task.data.get("plan") or {}
    if not told.get("digest") or has_begun(live.store, task.hosted_cluster, task.operation.id):
        return {"compared": False}
    plan = _fit(live, task)
    if plan.digest != told["digest"]:
        raise _outdated(_kept(live, task.hosted_cluster, told["digest"]), plan, "the plan")
    return {"compared": True, "digest": plan.digest}


def has_begun(store: ObjectStore, hosted: HostedClusterRef, operation_id: str) -> bool:
    """Whether an earlier start of an operation left a record: of the source before it was touched, or of a later step.

    Then something may have been changed by it, and it has to go on or back, whatever a plan says.
    """
    for infra_id in store.folders(hosted_cluster_prefix(hosted)):
        layout = ClusterLayout(hosted, infra_id)
        mine = layout.operation(operation_id, "")
        if any(not key.startswith(f"{mine}plan-") for key in store.keys(mine)):
            return True
        for backup_id in store.folders(layout.backups):
            if is_backup_of(backup_id, BackupKind.QUIESCED, operation_id):
                evidence = layout.backup(backup_id).evidence(SOURCE_STATE)
                if store.head(evidence) is not None:
                    return True
    return False


def _fit(live: Live, task: Task) -> Plan:
    plan = making.make(live, making.RECOVER, task.data)
    if plan.blocking:
        msg = f"{task.hosted_cluster} cannot be moved from {task.source} to {task.destination}, nothing was changed: "
        raise PreflightError(msg + "; ".join(each.told for each in plan.blocking))
    return plan


def _outdated(before: Plan | None, now: Plan, what: str) -> PlanOutdatedError:
    if before is None:
        differs = f"its lines are not kept, the plan is now {now.digest}"
    else:
        differs = in_one_line(differences(before, now))
    msg = (
        f"{what} of {now.hosted_cluster} is no longer what would be done, nothing was changed: {differs}. "
        "Read the new plan (`lifeboat plan recover`), then start again"
    )
    return PlanOutdatedError(msg)


def _keep(live: Live, shelf: Shelf, plan: Plan, operation_id: str) -> str | None:
    """Create if absent; a plan of the same digest that is there says the same."""
    if plan.infra_id is None:
        return None
    layout = ClusterLayout(plan.hosted_cluster, plan.infra_id)
    key = layout.operation(operation_id, f"plan-{plan.digest[:_DIGITS]}.json")
    if live.store.head(key) is None:
        document = signed.seal(plan.to_json(), live.signer)
        try:
            shelf.put(key, document)
        except BackupUnprovenError:  # a twin was quicker: no two signatures are the same
            if live.store.head(key) is None:
                raise
    return key


def _kept(live: Live, hosted: HostedClusterRef, digest: str) -> Plan | None:
    """A plan of that digest that was kept and verifies, whoever made it."""
    for infra_id in live.store.folders(hosted_cluster_prefix(hosted)):
        layout = ClusterLayout(hosted, infra_id)
        for operation in live.store.folders(layout.operations):
            key = layout.operation(operation, f"plan-{digest[:_DIGITS]}.json")
            if (found := _read(live.store, live.signer, key)) is not None and found.digest == digest:
                return found
    return None


def _read(store: ObjectStore, signer: Signer, key: str) -> Plan | None:
    document = store.get(key)
    if document is None:
        return None
    try:
        payload: Mapping[str, Any] = signed.unseal(document, signer, key)
        return Plan.from_json(payload)
    except (BackupUnprovenError, KeyError, TypeError):
        return None
