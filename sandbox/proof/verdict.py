"""The table of a move: what was, what is, and whether that is right."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Mapping
from typing import Any

from sandbox.proof import objects, revision, rights, secrecy, writes
from sandbox.proof.clients import client_of
from sandbox.proof.observation import BLUE, BLUE_PLANE, NAMESPACE, Observation
from sandbox.proof.rows import Row, row, some
from sandbox.running import Sandbox

_TOLD_FIRST = (
    "HostedCluster",
    "NodePool",
    "HostedControlPlane",
    "Cluster",
    "MachineDeployment",
    "MachineSet",
    "Machine",
    "AWSMachine",
    "StatefulSet",
    "Deployment",
    "PersistentVolumeClaim",
    "Pod",
    "Secret",
)


def of_move(sandbox: Sandbox, before: Observation, after: Observation) -> list[Row]:
    """Judge a finished `recover` from mgmt-1 to mgmt-2."""
    return [
        *_whereabouts(sandbox, before, after),
        *_data(sandbox, before, after),
        *_cloud(before, after),
        *_neighbour(before, after),
        *_left_alone(sandbox, before, after),
    ]


def _whereabouts(sandbox: Sandbox, before: Observation, after: Observation) -> list[Row]:
    source = client_of(sandbox.plan.management_cluster("mgmt-1"))
    destination = client_of(sandbox.plan.management_cluster("mgmt-2"))
    left = objects.leftovers(source, NAMESPACE, BLUE)
    dangling = objects.dangling_owners(destination, BLUE_PLANE)
    return [
        row(
            "blue on mgmt-1",
            before.available["mgmt-1"],
            after.available["mgmt-1"],
            before.available["mgmt-1"] == "True" and after.available["mgmt-1"] == "absent",
        ),
        row(
            "blue on mgmt-2",
            before.available["mgmt-2"],
            after.available["mgmt-2"],
            after.available["mgmt-2"] == "True",
        ),
        row("deleted at mgmt-1", _kinds(before.objects), f"{len(left)} objects left", not left, some(left)),
        row("owner references at mgmt-2", "", f"{len(dangling)} dangling", not dangling, some(dangling)),
    ]


def _data(sandbox: Sandbox, before: Observation, after: Observation) -> list[Row]:
    home = sandbox.plan.management_cluster(after.where)
    acknowledged = writes.acknowledged(sandbox.plan)
    away = writes.outage(acknowledged, datetime.datetime.now(datetime.UTC))
    lost = writes.lost(home, BLUE_PLANE, acknowledged)
    raised = revision.look(sandbox, home, BLUE_PLANE, [each.pod for each in after.etcd.members])
    return [
        row(
            "acknowledged writes",
            f"{before.writes}",
            f"{len(acknowledged)}, {len(lost)} lost",
            not lost and len(acknowledged) > before.writes,
            some(lost),
        ),
        row("hosted API away", "", f"{away}", not away.lasts, "no write is acknowledged any more"),
        row(
            "etcd members",
            _members(before),
            _members(after),
            after.etcd.is_one_cluster and len(after.etcd.members) == len(before.etcd.members),
        ),
        _etcd_keys(before.etcd_keys, after.etcd_keys),
        row(
            "etcd version",
            ", ".join(sorted(before.etcd.versions)),
            ", ".join(sorted(after.etcd.versions)),
            len(after.etcd.versions) == 1 and before.etcd.versions == after.etcd.versions,
        ),
        revision.row_of(before.etcd.revision, after.etcd.revision, raised),
        row(
            "secrets in etcd",
            f"{len(before.etcd_secrets)}",
            f"{len(after.etcd_secrets)}, {_changed(before.etcd_secrets, after.etcd_secrets)} changed",
            bool(before.etcd_secrets) and before.etcd_secrets == after.etcd_secrets,
        ),
    ]


def _etcd_keys(before: frozenset[str], after: frozenset[str]) -> Row:
    """All that were there before are there still; the writer has added some."""
    lost = sorted(before - after)
    return row("etcd keys", f"{len(before)}", f"{len(after)}, {len(lost)} lost", bool(before) and not lost, some(lost))


def _cloud(before: Observation, after: Observation) -> list[Row]:
    mine = {id_: state for id_, (owner, state) in before.instances.items() if owner.startswith(f"{BLUE}-x")}
    still = {id_: state for id_, (owner, state) in after.instances.items() if owner.startswith(f"{BLUE}-x")}
    names = {key for key in before.records if not key.startswith("TXT")}
    return [
        row("instances of blue", _listing(mine), _listing(still), bool(mine) and mine == still),
        row(
            "instances created / terminated",
            "0 / 0",
            f"{after.runs - before.runs} / {after.terminations - before.terminations}",
            (after.runs, after.terminations) == (before.runs, before.terminations)
            and before.instances == after.instances,
        ),
        row(
            "DNS names",
            _targets(before),
            _targets(after),
            bool(names)
            and names == {key for key in after.records if not key.startswith("TXT")}
            and all(before.records[key] != after.records[key] for key in names),
        ),
        row(
            "DNS ownership",
            _owners(before),
            _owners(after),
            _owners(before) == "owner-mgmt-1" and _owners(after) == "owner-mgmt-2",
        ),
        row(
            "who answers",
            _answering(before),
            _answering(after),
            set(before.answering.values()) == {before.where} and set(after.answering.values()) == {after.where},
        ),
        *_endpoints(before, after),
        row(
            "OIDC documents",
            f"{len(before.oidc)}",
            f"{len(after.oidc)}, {_changed(before.oidc, after.oidc)} changed",
            bool(before.oidc) and before.oidc == after.oidc,
        ),
    ]


def _endpoints(before: Observation, after: Observation) -> list[Row]:
    """Of a private hosted cluster: as many as before, and each leads elsewhere."""
    if not before.endpoints:
        return []
    moved = set(before.endpoints.values()).isdisjoint(after.endpoints.values())
    good = moved and len(before.endpoints) == len(after.endpoints)
    told = [f"{len(each.endpoints)} to {len(set(each.endpoints.values()))} services" for each in (before, after)]
    return [row("VPC endpoints", told[0], f"{told[1]}, {'all new' if moved else 'NOT all new'}", good)]


def _neighbour(before: Observation, after: Observation) -> list[Row]:
    changed = _changed_keys(before.neighbour_objects, after.neighbour_objects)
    return [
        row(
            "neighbour: objects",
            f"{len(before.neighbour_objects)}, Available {before.neighbour_available}",
            f"{len(changed)} changed, Available {after.neighbour_available}",
            bool(before.neighbour_objects) and not changed and after.neighbour_available == "True",
            some(changed),
        ),
        row(
            "neighbour: records, etcd secrets",
            f"{len(before.neighbour_records)}, {len(before.neighbour_secrets)}",
            f"{_changed(before.neighbour_records, after.neighbour_records)}, "
            f"{_changed(before.neighbour_secrets, after.neighbour_secrets)} changed",
            bool(before.neighbour_records)
            and bool(before.neighbour_secrets)
            and before.neighbour_records == after.neighbour_records
            and before.neighbour_secrets == after.neighbour_secrets,
        ),
    ]


def _left_alone(sandbox: Sandbox, before: Observation, after: Observation) -> list[Row]:
    leaks = secrecy.leaks(sandbox.plan, sandbox.client("stepfunctions"), secrecy.needles(sandbox.plan))
    judged = rights.of_run(sandbox)
    return [
        row(
            "operator at mgmt-1 (asked, ready)",
            f"{before.operator}",
            f"{after.operator}",
            before.operator == after.operator,
        ),
        row("secrets in logs, history, events", "", f"{len(leaks)} found", not leaks, some(leaks)),
        row(
            "rights: calls not granted",
            "",
            f"{len(judged.not_granted)} (of {judged.judged} calls)",
            judged.judged > 0 and not judged.not_granted,
            some(judged.not_granted),
        ),
    ]


def _kinds(of: Mapping[str, Any]) -> str:
    """How many objects of which kinds, the most important first."""
    counted = Counter(key.partition(" ")[0] for key in of)
    first = [kind for kind in _TOLD_FIRST if counted[kind]]
    others = sum(counted.values()) - sum(counted[kind] for kind in first)
    return ", ".join(f"{counted[kind]} {kind}" for kind in first) + f", {others} others"


def _members(seen: Observation) -> str:
    kind = "one cluster" if seen.etcd.is_one_cluster else "NOT one cluster"
    return f"{len(seen.etcd.members)}, {kind}"


def _listing(states: dict[str, str]) -> str:
    return " ".join(f"{id_[-4:]}:{state}" for id_, state in sorted(states.items()))


def _targets(seen: Observation) -> str:
    names = [key for key in seen.records if not key.startswith("TXT")]
    return f"{len(names)} → {', '.join(sorted({seen.records[key].partition('.')[0] for key in names}))}"


def _answering(seen: Observation) -> str:
    return ", ".join(f"{name} → {where}" for name, where in sorted(seen.answering.items()))


def _owners(seen: Observation) -> str:
    texts = [value for key, value in seen.records.items() if key.startswith("TXT")]
    owners = {text.partition("external-dns/owner=")[2].partition(",")[0].strip('"') for text in texts}
    return ", ".join(sorted(owners))


def _changed_keys(before: Any, after: Any) -> list[str]:
    return [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]


def _changed(before: Any, after: Any) -> int:
    return len(_changed_keys(before, after))
