"""One run of retention over all hosted clusters. Ends in bounded time; the next run goes on.

A hosted cluster is left alone as long as an execution of any machine names it or its lease is held; the lease is asked
again right before each record is deleted. A restore that begins even later keeps what it chose: it reads the record
and every part by version id.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lifeboat import backups, catalog, lease
from lifeboat.errors import BackupUnprovenError
from lifeboat.layout import ClusterLayout, hosted_cluster_prefix
from lifeboat.model import HostedClusterRef, is_backup_id
from lifeboat.ports import Clock, Executions, Leases, ListedObject, ObjectStore, Signer
from lifeboat.retention import deleting
from lifeboat.retention.rules import Candidate, Decision, Rules, decide

_TOLD = 20


@dataclass(frozen=True)
class Bounds:
    """Of one run: deletions of backups, and seconds after which nothing more is begun."""

    deletions: int = 300
    seconds: int = 400


@dataclass(frozen=True)
class World:
    """All that a run asks. `machines`: ARNs of the state machines whose executions use backups."""

    store: ObjectStore
    signer: Signer
    leases: Leases
    executions: Executions
    clock: Clock
    machines: Sequence[str]


@dataclass
class Report:
    """Figures of a run."""

    hosted_clusters: int = 0
    kept: int = 0
    deleted: list[str] = field(default_factory=list)
    leftovers: int = 0
    aborted_uploads: int = 0
    in_use: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    complete: bool = True
    """False: a bound was reached, the next run goes on."""

    def to_json(self) -> dict[str, Any]:
        return {
            "hostedClusters": self.hosted_clusters,
            "kept": self.kept,
            "deleted": len(self.deleted),
            "deletedIds": self.deleted[:_TOLD],
            "leftovers": self.leftovers,
            "abortedUploads": self.aborted_uploads,
            "inUse": self.in_use[:_TOLD],
            "unproven": self.unproven[:_TOLD],
            "complete": self.complete,
        }


def run(world: World, rules: Rules, bounds: Bounds) -> Report:
    """Delete what no rule keeps, and what attempts left behind.

    Hosted clusters come in any order, so that a bound never leaves the same ones out. Deletes nothing when Step
    Functions cannot tell what runs (the call's error goes up).
    """
    report = Report()
    until = world.clock.now() + datetime.timedelta(seconds=bounds.seconds)
    busy = named_by_executions(world.executions, world.machines)
    entries = {(each.cluster, each.backup_id): each for each in catalog.entries(world.store)}
    names = backups.hosted_clusters(world.store)
    for hosted in random.sample(names, len(names)):
        report.complete = world.clock.now() < until and len(report.deleted) < bounds.deletions
        if not report.complete:
            break
        report.hosted_clusters += 1
        one = _HostedCluster(world, hosted, entries, report)
        if hosted in busy or one.is_held():
            report.in_use.append(str(hosted))
            continue
        one.retain(rules, until, bounds.deletions)
    deleting.forget(world.store, entries.values(), world.clock.now())
    return report


def named_by_executions(executions: Executions, machines: Sequence[str]) -> set[HostedClusterRef]:
    """Hosted clusters that a running execution names in its input."""
    found = set()
    for machine in machines:
        for arn in executions.running(machine):
            execution = executions.describe(arn)
            hosted = execution.input.get("hostedCluster") if execution else None
            if isinstance(hosted, Mapping):
                found.add(HostedClusterRef(str(hosted.get("namespace")), str(hosted.get("name"))))
    return found


class _HostedCluster:
    """All backups of one hosted cluster name, as LISTs tell them."""

    def __init__(
        self,
        world: World,
        hosted: HostedClusterRef,
        entries: Mapping[tuple[ClusterLayout, str], catalog.Entry],
        report: Report,
    ) -> None:
        self._world, self._hosted, self._entries, self._report = world, hosted, entries, report
        self._objects: dict[tuple[ClusterLayout, str], list[ListedObject]] = {}
        self._examined: dict[tuple[ClusterLayout, str], Candidate] = {}
        infra_ids = world.store.folders(hosted_cluster_prefix(hosted))
        self._clusters = [ClusterLayout(hosted, each) for each in infra_ids]
        for cluster in self._clusters:
            for each in world.store.objects_below(cluster.backups):
                if (backup_id := cluster.backup_of(each.key)) and is_backup_id(backup_id):
                    self._objects.setdefault((cluster, backup_id), []).append(each)

    def is_held(self) -> bool:
        """Whether somebody works on it, by its lease."""
        current = self._world.leases.read(str(self._hosted))
        now = self._world.clock.now().timestamp()
        return bool(current and current.holder and not lease.is_over(current, self._world.executions, now))

    def retain(self, rules: Rules, until: datetime.datetime, deletions: int) -> None:
        """Delete, the oldest first, what the rules do not keep; then what attempts left."""
        report = self._report
        for decision in reversed(self._decisions(rules)):
            place = (ClusterLayout(self._hosted, decision.candidate.infra_id), decision.candidate.backup_id)
            if decision.keep or not self._examine(place).proven:
                report.kept += 1
                continue
            if len(report.deleted) >= deletions or self._world.clock.now() >= until:
                report.complete = False
                return
            if self.is_held():
                report.in_use.append(str(self._hosted))
                return
            keys = [each.key for each in self._objects[place]]
            deleting.delete_backup(self._world.store, *place, keys, self._world.clock.now())
            report.deleted.append(place[1])
        for place in self._objects:
            if self._is_committed(place) and not self._is_catalogued(place) and self._world.clock.now() < until:
                self._examine(place)
        if not self.is_held():
            self._clean_up()

    def _decisions(self, rules: Rules) -> list[Decision]:
        """What becomes of each committed backup, once every one that is kept in place of another is proven.

        Where nothing would go nothing is read. What would go is read when its turn comes: it takes nobody's place.
        """
        now = self._world.clock.now()
        committed = [place for place in self._objects if self._is_committed(place)]
        while True:
            facts = [self._examined.get(each) or Candidate(each[0].infra_id, each[1]) for each in committed]
            decisions = decide(facts, rules, now)
            kept = {(each.candidate.infra_id, each.candidate.backup_id) for each in decisions if each.keep}
            unseen = [each for each in committed if each not in self._examined and (each[0].infra_id, each[1]) in kept]
            if not unseen or len(kept) == len(committed):
                return decisions
            for each in unseen:
                self._examine(each)

    def _examine(self, place: tuple[ClusterLayout, str]) -> Candidate:
        """One backup proven, once per run, and its word in the catalog made up for."""
        if place not in self._examined:
            self._examined[place] = self._prove(place)
        return self._examined[place]

    def _prove(self, place: tuple[ClusterLayout, str]) -> Candidate:
        (cluster, backup_id), world = place, self._world
        try:
            record, _ = backups.open_version(world.store, world.signer, self._hosted, cluster.infra_id, backup_id)
            backups.verify_parts(world.store, record)
        except BackupUnprovenError as error:
            self._report.unproven.append(f"{self._hosted} {backup_id}: {error}")
            return Candidate(cluster.infra_id, backup_id, proven=False, whole=False)
        if not self._is_catalogued(place):
            catalog.note_committed(world.store, record)
        snapshot = record.snapshot
        return Candidate(cluster.infra_id, backup_id, whole=snapshot.quorum and not snapshot.alarms)

    def _clean_up(self) -> None:
        """What attempts left, and open uploads."""
        store, now = self._world.store, self._world.clock.now()
        for place, found in self._objects.items():
            if self._is_committed(place):
                continue
            keys = deleting.leftovers(store, *place, found, now)
            if keys and self.is_held():  # a second start goes on with a backup that was left half-done
                return
            for key in keys:
                store.delete(key)
            self._report.leftovers += bool(keys)
        self._report.aborted_uploads += sum(deleting.abort_uploads(store, each, now) for each in self._clusters)

    def _is_committed(self, place: tuple[ClusterLayout, str]) -> bool:
        record = place[0].backup(place[1]).record
        return any(each.key == record for each in self._objects[place])

    def _is_catalogued(self, place: tuple[ClusterLayout, str]) -> bool:
        return place in self._entries and self._entries[place].is_committed
