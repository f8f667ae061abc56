"""Every task of the backup machine, for tests that let each of them fail."""

from pathlib import Path

import yaml

MACHINE = yaml.safe_load((Path(__file__).parents[2] / "statemachine" / "backup.asl.yaml").read_text())


def _tasks(states):
    """[(state, function, skip)], in the order of the definition; `skip` states before it call the same function."""
    found, met = [], {}
    for name, state in states.items():
        if state["Type"] == "Task" and state["Resource"].endswith("FunctionArn}"):
            function = "".join("-" + c.lower() if c.isupper() else c for c in state["Resource"][2:-12]).lstrip("-")
            found.append((name, function, met.get(function, 0)))
            met[function] = met.get(function, 0) + 1
    return found


ON_THE_WAY_BACK = {"DiscardFailedSnapshot", "DiscardFailedOnlineSnapshot"}
"""Only entered after another task failed."""
TASKS = [each for each in _tasks(MACHINE["States"]) if each[0] not in ON_THE_WAY_BACK]
SAVING = {"StartSnapshot", "ExportManifests", "TransferSnapshot", "VerifySnapshot", "DiscardSnapshot"}
"""What makes the snapshot and the export."""
QUIESCING = {
    "MarkSource",
    "PauseSource",
    "StopControllers",
    "CheckControllersStopped",
    "StopWriters",
    "CheckWritersStopped",
    "ResumeSource",
    "CheckSourceServing",
    "RestoreSourceAutoRepair",
}
"""What an online backup does without."""
SURVIVED = {"ResumeSource", "CheckSourceServing", "RestoreSourceAutoRepair", "ReleaseLease", "DiscardSnapshot"}
"""Tasks after which nothing is at stake or which are tried again whatever happened."""
ALWAYS = {
    "PreflightSource",
    "PauseSource",
    "TransferSnapshot",
    "CommitBackup",
    "ResumeSource",
}
"""One task of each way back: what fails in between takes the same (see tests/statemachine)."""
