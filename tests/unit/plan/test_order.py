"""The table of rehearsed steps and the machines' files say the same, so that neither drifts away from the other."""

from __future__ import annotations

import pytest

from lifeboat.plan.steps import BACKUP, OF, RECOVER, RESTORE, TEARDOWN, Step
from tests.statemachine import machines
from tests.template import reach

ALONE = {"backup": BACKUP, "restore": RESTORE, "teardown": TEARDOWN}
CHOICES = {
    "IsHandedOver": "CreateNamespaces",
    "IsApprovalNeeded?": "IsQuiesced?",
    "IsQuiesced?": "MarkSource",
    "IsBackupCommitted?": "StartSnapshot",
    "AreManifestsExported?": "ExportManifests",
    "IsSnapshotStored?": "VerifySnapshot",
    "IsSnapshotOutdated?": "CommitBackup",
    "KeepsSourceStopped?": "ReleaseLease",
    "HasBackupFailed?": "DescribeBackup",
    "IsSourceSaidToBeUnreachable": "MakePlan",
    "NeedsApproval": "TakeLease",
    "DoesDestinationOwnIt": "IsSourceUnreachable",
    "IsSourceUnreachable": "CheckPlan",
    "CanSourceBeTornDown": "RunTeardown",
    "HowIsEtcdRestored": "CreateEtcdVolumes",
    "DoesEtcdRestoreItself": "CreateNodePools",
    "HasRestoreFailed": "TellResult",
    "HasTeardownFailed": "TellResult",
}
"""The way of a first start in which all goes well; a loop is left by its Choice's `done`."""


BY_URL = {**CHOICES, "HowIsEtcdRestored": "TrySnapshotUrl", "DoesEtcdRestoreItself": "CheckSnapshotRestored"}


def the_way(name: str, choices: dict[str, str] = CHOICES) -> list[Step]:
    """All tasks of a machine in the order of a first start, those of nested machines in their place."""
    states, found = machines.load(name)["States"], []
    current = machines.load(name)["StartAt"]
    while (state := states[current])["Type"] not in {"Succeed", "Fail"}:
        if current.startswith("Run"):
            found += the_way(current.removeprefix("Run").lower(), choices)
        elif state["Type"] == "Task":
            group = {"group": state["Parameters"]["group"]} if "group" in state.get("Parameters", {}) else {}
            found.append(Step(name, current, parameters=group))
        if state["Type"] == "Choice":
            following = choices.get(current) or _done(state)
            assert following in machines.targets(state), current
            current = following
        else:
            current = state["Next"]
    return found


def _done(state: dict) -> str:
    (way,) = [each["Next"] for each in state["Choices"] if each.get("Variable", "").endswith(".done")]
    return str(way)


def _named(steps, by: str = "volumes") -> list[tuple]:
    return [(each.machine, each.state, each.parameters) for each in steps if each.only in {None, by}]


@pytest.mark.parametrize("name", ["backup", "restore", "teardown"])
def test_the_steps_are_the_states_of_the_machine_in_their_order(name):
    assert _named(ALONE[name]) == _named(the_way(name))


def test_a_recovery_is_its_own_steps_and_those_of_the_nested_machines():
    assert _named(RECOVER) == _named(the_way("recover"))


def test_a_restore_by_url_has_steps_of_its_own():
    assert _named(RECOVER, "snapshotUrl") == _named(the_way("recover", BY_URL))
    assert _named(RECOVER, "snapshotUrl") != _named(RECOVER)


LOOKS = {"MakePlan": "a plan is not planned", "PreflightDestination": "`making` tells all of its problems"}


@pytest.mark.parametrize("step", [each for each in RECOVER if each.call is None and each.state not in LOOKS], ids=str)
def test_what_is_not_called_changes_nothing(step):
    """By its function: one that writes checks the lease first, or takes it."""
    resource = str(dict(machines.states(step.machine))[step.state]["Resource"])
    folder = machines_folder(resource)
    inherits = step.state.startswith("Accept") or step.state == "ReleaseLease"  # nested, it neither takes nor gives
    # Behind a failure it stops the hosted cluster; where all goes well it only looks.
    stops = step.state == "CheckSnapshotRestored"
    assert inherits or stops or folder == "make_plan" or "guarded" not in reach.of_handler(folder)


def machines_folder(resource: str) -> str:
    name = resource.removeprefix("${").removesuffix("FunctionArn}")
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name).lstrip("_")


def test_every_kind_of_operation_begins_by_accepting_its_input():
    assert all(steps[0].state.startswith("Accept") for steps in OF.values())
