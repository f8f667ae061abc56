"""What the functions of a move do, as far as lease and fence are concerned: their own code, handler by handler."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lifeboat import acceptance, epochs, fence, handover, lease, reconciliation, resuming, writers
from lifeboat.errors import BackupUnprovenError, NotStoppedError, RestoreFailedError
from lifeboat.layout import ClusterLayout
from lifeboat.model import Task
from lifeboat.reconciliation import Pause, signature
from lifeboat.resources import HOSTED_CLUSTERS
from lifeboat.restore import abandon as abandoning
from lifeboat.restore.destination import create_namespaces
from lifeboat.restore.hosted_cluster import create_hosted_cluster
from lifeboat.source_state import record_source_state
from tests.schedules.threads import skew
from tests.schedules.world import INFRA, INNER, REF, World
from tests.unit.memory import NOW

ARN = "arn:aws:states:us-east-2:123456789012:execution:lifeboat"


@dataclass
class Execution:
    """One start of a machine and its data."""

    kind: str
    operation: str
    name: str
    destination: str = "mgmt-2"
    status: str = "new"
    state: str = ""
    outcome: str = ""
    failing: bool = False
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"{ARN}-{self.kind}:{self.name}"

    def begin(self) -> None:
        hosted = {"namespace": REF.namespace, "name": REF.name}
        operation = {"id": self.operation, "epoch": 0, "execution": self.arn}
        self.data = {"operation": operation, "hostedCluster": hosted, "source": "mgmt-1", "startedAt": NOW.isoformat()}
        if self.kind != "backup":
            self.data["destination"] = self.destination

    def task(self) -> Task:
        return Task.from_event({**self.data})


class Functions:
    """Every method is one function: from its arguments alone, so that a late twin rests on what it was given."""

    def __init__(self, world: World) -> None:
        self.world = world

    def take(self, me: Task) -> dict[str, Any]:
        class Clock:
            def now(self) -> Any:
                return NOW.fromtimestamp(NOW.timestamp() + skew(), NOW.tzinfo)

        leases, executions = self.world.leases, self.world.executions
        if me.destination is None:
            lease.refuse_another_owner(leases, REF, me.source)
        elif "restore" in me.operation.execution:
            return self._acquired(me, Clock())
        return {"operation": acceptance.take_lease(me.data, leases, executions, Clock())}

    def _acquired(self, me: Task, clock: Any) -> dict[str, Any]:
        now = clock.now().timestamp()
        world, operation = self.world, me.operation
        held = lease.acquire(world.leases, world.executions, REF, operation.id, operation.execution, now)
        return {"operation": held.to_event()}

    def look(self, me: Task) -> dict[str, Any]:
        world = self.world
        destination = world.destinations[str(me.destination)]
        seen = handover.look(None, destination, world.store, world.signer, world.executions, me)
        backup = {"backup": seen["backup"]} if seen["destinationOwns"] else {}
        return {"pointOfNoReturn": seen, **backup}

    def stop(self, me: Task) -> dict[str, Any]:
        """PreflightSource to CheckWritersStopped."""
        world = self.world
        lease.assert_held(world.leases, me)
        live = world.source.get(HOSTED_CLUSTERS, REF.namespace, REF.name)
        assert live is not None
        reconciliation.refuse_foreign_pause(live, me.operation.id, NOW)
        mine = signature(live)
        backup_id = mine.backup_id if mine else f"20261103t1000{len(world.saved):02}z-quiesced-0000000a"
        if world.saved.get(backup_id, world.woke) != world.woke or (backup_id in world.saved and world.is_up):
            backup_id = f"20261103t1000{len(world.saved):02}z-quiesced-0000000a"
        state = record_source_state(world.store, ClusterLayout(REF, INFRA), backup_id, world.state)
        lease.assert_held(world.leases, me)
        pause = Pause(me.operation.id, backup_id)
        reconciliation.pause(world.source, state, pause, NOW, me.operation.epoch)
        writers.stop(world.source, INNER, writers.ALL, me.operation.epoch)
        running = writers.still_running(world.source, INNER, writers.ALL)
        if running or reconciliation.not_paused(world.source, state, me.operation.id):
            raise NotStoppedError("still running")
        return {"backup": {"backupId": backup_id, "infraId": INFRA, "recordSha256": f"digest of {backup_id}"}}

    def save(self, me: Task) -> dict[str, Any]:
        """Snapshot and record: nothing may be written after it."""
        world = self.world
        lease.assert_held(world.leases, me)
        if world.is_up or world.saved.setdefault(str(me.backup_id), world.woke) != world.woke:
            raise BackupUnprovenError("written to")
        return {}

    def fence(self, me: Task) -> dict[str, Any]:
        world = self.world
        lease.assert_held(world.leases, me)
        move = world.move(str(me.backup_id))
        return {"fence": fence.make(world.source, world.dns, world.store, world.signer, world.clock, me, move)}

    def prepare(self, me: Task) -> dict[str, Any]:
        """LoadBackup to CreateNamespaces of restore."""
        world = self.world
        backup_id = me.backup_id or max(world.saved, default=None)
        if backup_id is None:
            raise BackupUnprovenError("there is none")
        fence.check(world.store, world.signer, world.source, world.move(backup_id))
        loaded = {"backup": {"backupId": backup_id, "infraId": INFRA, "recordSha256": f"digest of {backup_id}"}}
        if not world.hosts(str(me.destination)):  # IsHandedOver
            lease.assert_held(world.leases, me)
            create_namespaces(self._destination(me, backup_id), me.operation.epoch)
        return loaded

    def create(self, me: Task) -> dict[str, Any]:
        world = self.world
        lease.assert_held(world.leases, me)
        move = world.move(str(me.backup_id))

        def last_look() -> None:
            epochs.seal(world.source, REF, writers.ALL, me.operation.epoch)
            fence.check(world.store, world.signer, world.source, move)
            lease.claim(world.leases, me, str(me.destination), instead_of="mgmt-1")

        return {"hosted": create_hosted_cluster(self._destination(me, str(me.backup_id)), NOW, last_look)}

    def serve(self, me: Task) -> dict[str, Any]:
        if not self.world.hosts(str(me.destination)):
            raise RestoreFailedError("it does not serve")
        return {}

    def abandon(self, me: Task) -> dict[str, Any]:
        """AbandonDestination, its looks for a late creation as one wait."""
        world, destination = self.world, self.world.destinations[str(me.destination)]
        lease.assert_held(world.leases, me)
        claimed = lease.is_claimed(world.leases, me)
        if claimed and not me.data.get("waited"):
            return {"abandoned": abandoning.look_for_late_creation(destination, REF)}

        def give_back() -> None:
            if claimed:
                lease.claim(world.leases, me, "mgmt-1", instead_of=str(me.destination))

        operation = me.operation
        return {"abandoned": abandoning.abandon(destination, REF, operation.id, operation.epoch, give_back)}

    def resume(self, me: Task) -> dict[str, Any]:
        world = self.world
        lease.assert_held(world.leases, me)
        if lease.is_way_forward_open(world.leases, me):
            return {"resumed": {"claimed": True}}
        return {"resumed": resuming.resume_source(world.source, world.store, me)}

    def release(self, me: Task) -> dict[str, Any]:
        lease.release(self.world.leases, me)
        return {}

    def _destination(self, me: Task, backup_id: str) -> Any:
        return self.world.destination(str(me.destination), me.operation.id, backup_id)
