"""The states of the machines in their order, each with what its function does: the same calls, over a rehearsed world.

A state whose function changes nothing and that a rehearsal learns nothing from stands here without a call: what it
waits for has come true. A test holds this table against the machines' files, and another the writes of these calls
against those of the functions themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from lifeboat.plan import steps_of_backup as saving
from lifeboat.plan import steps_of_recover as moving
from lifeboat.plan import steps_of_restore as restoring
from lifeboat.plan import steps_of_teardown as deleting
from lifeboat.plan.world import World
from lifeboat.restore.loading import SNAPSHOT_URL, VOLUMES
from lifeboat.restore.order import GROUPS

Call = Callable[..., Any]


@dataclass(frozen=True)
class Step:
    """One state of one machine. `parameters`: what the state gives its function besides the data.

    `into`: the key of the data that takes the answer; None: nobody asks for it later.
    """

    machine: str
    state: str
    call: Call | None = None
    into: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    only: str | None = None
    """The `etcdRestore` by which alone the machine comes here; None: by any."""

    @property
    def name(self) -> str:
        return f"{self.machine}: {self.state}"

    def run(self, world: World) -> None:
        """Raises what the function raises."""
        if self.call is None:
            return
        answer = self.call(world, **self.parameters)
        if self.into:
            world.data[self.into] = answer


BACKUP = (
    Step("backup", "AcceptBackup"),
    Step("backup", "PreflightSource", saving.preflight, "backup"),
    Step("backup", "MarkSource", saving.mark),
    Step("backup", "PauseSource", saving.pause),
    Step("backup", "StopControllers", saving.stop, parameters={"group": "controllers"}),
    Step("backup", "CheckControllersStopped", saving.check_stopped, "stopped", {"group": "controllers"}),
    Step("backup", "StopWriters", saving.stop, parameters={"group": "writers"}),
    Step("backup", "CheckWritersStopped", saving.check_stopped, "stopped", {"group": "writers"}),
    Step("backup", "StartSnapshot", saving.start_snapshot, "snapshot"),
    Step("backup", "ExportManifests", saving.export, "exported"),
    Step("backup", "TransferSnapshot", saving.transfer, "transfer"),
    Step("backup", "VerifySnapshot", saving.verify, "verified"),
    Step("backup", "DiscardSnapshot", saving.discard),
    Step("backup", "CommitBackup", saving.commit, "record"),
    Step("backup", "ReleaseLease"),
)
"""The first half of a move: its parent holds the lease."""

_STATES_OF_GROUPS = (
    "RestoreHostedControlPlane",
    "RestoreSecretsAndConfigMaps",
    "RestoreCluster",
    "RestoreMachineTemplates",
    "RestoreMachineDeployments",
    "RestoreMachineSets",
    "RestoreMachines",
    "RestoreAwsMachines",
)

RESTORE = (
    Step("restore", "AcceptRestore", restoring.accept),
    Step("restore", "LoadBackup", restoring.load_backup, "backup"),
    Step("restore", "CheckFence", restoring.check_fence, "fence"),
    Step("restore", "PreflightDestination"),  # `making` tells all of its problems, and goes on
    Step("restore", "CreateNamespaces", restoring.create_namespaces),
    *(
        Step("restore", state, restoring.restore_group, parameters={"group": group})
        for state, group in zip(_STATES_OF_GROUPS, GROUPS, strict=True)
    ),
    Step("restore", "RelinkOwners", restoring.relink_owners),
    Step("restore", "CheckOwners", restoring.check),
    Step("restore", "TrySnapshotUrl", only=SNAPSHOT_URL),
    Step("restore", "CreateEtcdVolumes", restoring.create_volumes, only=VOLUMES),
    Step("restore", "CheckEtcdHelpers", only=VOLUMES),
    Step("restore", "StartEtcdRestore", restoring.start_etcd_restore, only=VOLUMES),
    Step("restore", "CheckEtcdRestore", only=VOLUMES),
    Step("restore", "RemoveEtcdHelpers", restoring.remove_helpers, only=VOLUMES),
    Step("restore", "RenewDnsController", restoring.renew_dns_controller),
    Step("restore", "CreateHostedCluster", restoring.create_hosted_cluster, "hosted"),
    Step("restore", "CheckSnapshotRestored", only=SNAPSHOT_URL),
    Step("restore", "CreateNodePools", restoring.create_node_pools),
    Step("restore", "CheckServing", restoring.check_serving),
    Step("restore", "RestoreAutoRepair", restoring.give_auto_repair_back),
    Step("restore", "ReleaseLease", restoring.release),
)

TEARDOWN = (
    Step("teardown", "AcceptTeardown", deleting.accept),
    Step("teardown", "PreflightTeardown", deleting.check, "preflight"),
    Step("teardown", "HoldOperator", deleting.hold),
    Step("teardown", "CheckOperatorGone"),
    Step("teardown", "StopControlPlane", deleting.stop),
    Step("teardown", "CheckControlPlaneGone"),
    Step("teardown", "RemoveFinalizers", deleting.remove_finalizers),
    Step("teardown", "DeleteObjects", deleting.delete),
    Step("teardown", "CheckDeleted"),
    Step("teardown", "ReleaseOperator", deleting.release_operator),
    Step("teardown", "CheckOperatorBack"),
    Step("teardown", "ReleaseLease", deleting.release),
)

RECOVER = (
    Step("recover", "AcceptRecover"),
    Step("recover", "MakePlan"),
    Step("recover", "TakeLease", moving.take_lease),
    Step("recover", "CheckPointOfNoReturn"),
    Step("recover", "CheckPlan"),
    *BACKUP,
    Step("recover", "CleanUpDns", moving.clean_up_dns),
    Step("recover", "CheckDnsGone", moving.names_go),
    Step("recover", "FenceSource", moving.make_fence, "fence"),
    *RESTORE,
    Step("recover", "VerifyRestored", moving.probe),
    Step("recover", "RenewGuestNetwork", moving.renew_network),
    *TEARDOWN,
    Step("recover", "WriteReport", moving.write_report),
    Step("recover", "ReleaseLease", moving.release_lease),
)

OF = {"recover": RECOVER, "restore": RESTORE, "teardown": TEARDOWN}
