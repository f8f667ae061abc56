"""From which backup an unreachable source is recovered, and what people have to know before they say yes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lifeboat import backups
from lifeboat.backups import BackupRecord
from lifeboat.errors import PreflightError
from lifeboat.model import Task, started_at
from lifeboat.moved import Move
from lifeboat.source_state import NAME, SourceState
from lifeboat.unreachable import choice
from lifeboat.unreachable.cut import ADDRESSES, plain
from lifeboat.unreachable.world import Outside
from lifeboat.verification.instances import DEAD

_BUMPS_FROM = (3, 6)
"""etcd's own `snapshot restore` raises revisions from 3.6 on: docs/decisions/0002."""
_VERSION = re.compile(r"v?(\d+)\.(\d+)")


def choose(outside: Outside, task: Task) -> dict[str, Any]:
    """The newest verified backup, or the one that this operation has pinned; the machine's `backup`, with the risks.

    `ageSeconds` counts from the start of the backup: what was written later may be lost. `bump`: whether etcd's tools
    of the hosted release can raise the revision. `instances`: `added` since the backup (the destination will not know
    them), `gone` since, and `unprotected` ones that cannot be kept from being terminated. `ways`: what will be cut.

    Raises PreflightError, with all problems, when there is something that could not be cut, and BackupUnprovenError
    when no backup verifies.
    """
    record, digest, skipped = _record(outside, task)
    move = Move(record, digest, SourceState.from_json(backups.read_evidence(outside.store, record, NAME)))
    if wrong := list(problems(outside, task, move)):
        msg = f"{task.source} cannot be cut off, nothing was changed: {'; '.join(wrong)}"
        raise PreflightError(msg)
    stored, state = outside.store.head(record.layout.record), move.state
    return {
        "backupId": record.backup_id,
        "kind": record.kind.value,
        "infraId": record.infra_id,
        "recordSha256": digest,
        "recordVersionId": stored.version_id if stored else None,
        "revision": record.snapshot.revision,
        "ageSeconds": int((outside.clock.now() - started_at(record.backup_id)).total_seconds()),
        "skipped": list(skipped[:_TOLD]),
        "bump": {"possible": can_bump(record.snapshot.etcd_version), "etcdVersion": record.snapshot.etcd_version},
        "instances": _instances(outside, state),
        "ways": {
            "names": list(state.hostnames),
            "loadBalancers": sorted({each["address"] for each in state.load_balancers or ()}),
            "endpointServices": list(state.endpoint_services or ()),
        },
    }


_TOLD = 20
"""Backups passed over that a machine's data name."""


def problems(outside: Outside, task: Task, move: Move) -> Iterator[str]:
    """Everything that keeps this source from being cut off."""
    record, state = move.record, move.state
    if record.source != task.source:
        yield (
            f"the newest backup that verifies ({record.backup_id}) is of {record.source}: the hosted cluster lives "
            "there, recover it from there"
        )
        return
    if state.load_balancers is None or state.endpoint_services is None:
        yield f"backup {record.backup_id} does not tell on which ways its control plane is reached: it is too old"
        return
    own = {plain(each["address"]) for each in state.load_balancers}
    if not own and not state.endpoint_services:
        yield "its backup names no load balancer and no endpoint service of its own: there is nothing to cut"
    public = [each for each in state.dns if each["type"] in ADDRESSES]
    for each in public:
        if not {plain(value) for value in each["values"]} <= own:
            yield (
                f"{each['name']} leads to {', '.join(each['values'])}, which is no load balancer of its own: others "
                "may use that one, so it cannot be taken away"
            )
    if public and not (state.external_dns or {}).get("owner"):
        yield "its backup does not tell by which owner id its ExternalDNS holds the names: they may be anybody's"
    known = {plain(each.host_name) for each in outside.load_balancers.of_namespace(_namespace(record), sorted(own))}
    for each in state.load_balancers:
        if plain(each["address"]) in own - known and _is_open(outside, each, state.hostnames):
            yield (
                f"{each['address']} of Service {each['service']} answers and is no load balancer of elbv2: take its "
                "instances away by hand"
            )


def can_bump(etcd_version: str) -> bool:
    """Whether etcd's tools of that version raise revisions in a restore; an unknown version does not."""
    found = _VERSION.match(etcd_version)
    return found is not None and (int(found[1]), int(found[2])) >= _BUMPS_FROM


def _record(outside: Outside, task: Task) -> tuple[BackupRecord, str, tuple[str, ...]]:
    hosted = task.hosted_cluster
    pinned = choice.find(outside.store, outside.signer, hosted, task.operation.id)
    if pinned is None:
        return backups.latest(outside.store, outside.signer, hosted)
    record, digest = backups.open_version(outside.store, outside.signer, hosted, pinned["infraId"], pinned["backupId"])
    if digest != pinned["recordSha256"]:
        msg = f"the record of backup {record.backup_id} is not the one that this operation rests on: start another one"
        raise PreflightError(msg)
    return record, digest, ()


def _instances(outside: Outside, state: SourceState) -> dict[str, list[str]]:
    now = outside.instances.of(state.infra_id)
    before = {each for each, told in state.instances.items() if told not in DEAD}
    living = {each for each, told in now.items() if told not in DEAD}
    protections = outside.instances.protections(state.infra_id)
    return {
        "added": sorted(living - before),
        "gone": sorted(before - living),
        "unprotected": sorted(each for each, told in protections.items() if told.spot),
    }


def _namespace(record: BackupRecord) -> str:
    return record.hosted_cluster.control_plane_namespace


def _is_open(outside: Outside, told: dict[str, Any], names: list[str]) -> bool:
    return any(outside.doors.answers(told["address"], port, names) for port in told["ports"])
