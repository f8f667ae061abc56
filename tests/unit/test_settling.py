"""An online backup while machines come and go."""

from __future__ import annotations

import json

import pytest

from lifeboat import exporting
from lifeboat.errors import PreflightError
from lifeboat.source_state import SourceState
from tests.unit.a_backup import Backup

_NOW = "2026-11-03T10:00:00Z"


@pytest.fixture
def backup():
    return Backup(kind="online")


def _object(backup, kind, name):
    return backup.cluster._objects[kind, "clusters-blue", name]


def _export(backup):
    backup.preflight()
    return exporting.export_manifests(backup.cluster, backup.store, backup.instances, backup.task())


def _stored(backup, plural):
    keys = [key for key in backup.store.objects if f".{plural}." in key or f"/{plural}." in key]
    return "".join(backup.store.objects[key].decode() for key in keys)


def test_a_machine_that_is_being_deleted_is_left_out_with_its_instance(backup):
    _object(backup, "Machine", "workers-a-abc-0")["metadata"]["deletionTimestamp"] = _NOW
    answer = _export(backup)
    assert answer["leftOut"] == [
        "Machine workers-a-abc-0 is being deleted",
        "AWSMachine workers-a-abc-0 belongs to what is left out",
    ]
    assert answer["dangling"] == []
    for plural in ("machines", "awsmachines"):
        assert "workers-a-abc-0" not in _stored(backup, plural)
        assert "workers-a-abc-1" in _stored(backup, plural)
    document = json.loads(backup.store.objects[answer["evidence"]["observed.json"]["key"]])
    assert document["leftOut"] == answer["leftOut"]


def test_what_is_recorded_of_the_source_is_what_is_exported(backup):
    """A restored cluster is verified by the recorded Machines."""
    del _object(backup, "Machine", "workers-b-abc-1")["spec"]["providerID"]
    answer = _export(backup)
    assert answer["leftOut"][0] == "Machine workers-b-abc-1 has no instance yet"
    body = backup.store.objects[backup.data["backup"]["prefix"] + "evidence/source.json"]
    state = SourceState.from_json(json.loads(body))
    assert state.provider_ids.keys() == {"workers-a-abc-0", "workers-a-abc-1", "workers-b-abc-0"}


def test_a_machine_set_that_goes_takes_its_machines_along(backup):
    _object(backup, "MachineSet", "workers-a-abc")["metadata"]["deletionTimestamp"] = _NOW
    told = _export(backup)["leftOut"]
    assert len(told) == 5  # with two Machines and two AWSMachines
    assert "workers-a-abc" not in _stored(backup, "machines")
    assert "workers-b-abc-0" in _stored(backup, "machines")


def test_a_machine_whose_instance_is_being_deleted_goes_with_it(backup):
    _object(backup, "AWSMachine", "workers-a-abc-1")["metadata"]["deletionTimestamp"] = _NOW
    assert set(_export(backup)["leftOut"]) == {
        "AWSMachine workers-a-abc-1 is being deleted",
        "Machine workers-a-abc-1 belongs to what is left out",
    }


@pytest.mark.parametrize(("kind", "namespace", "name"), [
    ("NodePool", "clusters", "workers-b"),
    ("MachineDeployment", "clusters-blue", "workers-b"),
    ("Secret", "clusters", "blue-ssh-key"),
])  # fmt: skip
def test_anything_else_that_is_being_deleted_is_refused(backup, kind, namespace, name):
    backup.cluster._objects[kind, namespace, name]["metadata"]["deletionTimestamp"] = _NOW
    with pytest.raises(PreflightError, match=f"{kind} {name} is being deleted"):
        _export(backup)


def test_a_source_at_rest_has_none_in_motion():
    backup = Backup(kind="quiesced")
    _object(backup, "Machine", "workers-a-abc-0")["metadata"]["deletionTimestamp"] = _NOW
    with pytest.raises(PreflightError, match="Machine workers-a-abc-0 is being deleted"):
        backup.preflight()


def test_a_settled_source_is_exported_whole(backup):
    assert _export(backup)["leftOut"] == []
    assert not [key for key in backup.store.objects if key.endswith("backup.json")]
