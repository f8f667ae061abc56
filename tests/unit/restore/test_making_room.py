"""An etcd of three real members, restored from a snapshot that was saved out of space, takes writes again."""

import dataclasses
import os
import shutil
import subprocess

import pytest

from lifeboat.restore import making_room
from tests.etcds import BOTH
from tests.unit.etcd.three_members import PODS, QUICK, ThreeMembers, three_members, until
from tests.unit.memory import NOW, MemoryStore
from tests.unit.stored_backups import a_stored_backup, backup_id_at

FULL = "database space exceeded"
RECORD = a_stored_backup(MemoryStore(), backup_id_at(NOW), alarms=("NOSPACE",), infra_id="blue-x")


def restored(etcd: ThreeMembers, programs, folder) -> None:
    """All members begin anew with the snapshot of one, as a restore makes them."""
    saved = folder / "saved.db"
    etcd.do("etcd-0", "snapshot", "save", str(saved))
    etcd.lose(*PODS)
    tool = "etcdutl" if (programs / "etcdutl").exists() else "etcdctl"
    peers = ",".join(f"{name}={url}" for name, url in etcd._peers.items())
    for pod in PODS:
        shutil.rmtree(folder / pod)
        command = [programs / tool, "snapshot", "restore", saved, "--name", pod, "--data-dir", folder / pod]
        command += ["--initial-cluster", peers, "--initial-advertise-peer-urls", etcd._peers[pod]]
        environment = {**os.environ, "ETCDCTL_API": "3"}
        subprocess.run(command, check=True, capture_output=True, env=environment, timeout=30)
        etcd.bring_back(pod)
    until(lambda: all(etcd.ctl(pod, "get", "big").returncode == 0 for pod in PODS))


@pytest.mark.parametrize("programs", BOTH)
def test_the_alarm_that_came_along_is_taken_off_and_nothing_is_lost(programs, tmp_path):
    with three_members(tmp_path, programs, "--quota-backend-bytes=1000000", *QUICK) as etcd:
        etcd.do("etcd-0", "put", "kept", "1")
        big = "x" * 100_000
        until(lambda: FULL in etcd.ctl("etcd-0", "put", "big", big).stderr)
        restored(etcd, programs, tmp_path)
        assert FULL in etcd.ctl("etcd-0", "put", "new", "1").stderr, "the alarm did not come along"

        seen = []
        until(lambda: not (seen.append(making_room.step(etcd.cluster, RECORD)) or seen[-1]), seconds=40)

        for pod in PODS:
            etcd.do(pod, "put", f"new-{pod}", big)
        assert etcd.do("etcd-0", "get", "kept").split() == ["kept", "1"]
        assert [each for each in seen if "give back" in str(each)], seen
        assert making_room.step(etcd.cluster, RECORD) == []


@pytest.mark.parametrize("programs", BOTH[:1])
def test_it_waits_for_all_members_and_leaves_other_alarms_to_people(programs, tmp_path):
    with three_members(tmp_path, programs, "--quota-backend-bytes=400000", *QUICK) as etcd:
        well = dataclasses.replace(RECORD, snapshot=dataclasses.replace(RECORD.snapshot, alarms=()))
        until(lambda: FULL in etcd.ctl("etcd-0", "put", "big", "x" * 100_000).stderr)
        assert making_room.step(etcd.cluster, well) == [], "what was saved without an alarm is not looked at"
        etcd.lose("etcd-2")
        assert "all members of etcd to answer" in making_room.step(etcd.cluster, RECORD)[0]
        assert until(lambda: "NOSPACE" in etcd.ctl("etcd-0", "alarm", "list").stdout)
        etcd.lose("etcd-0", "etcd-1")
        assert "a member of etcd to answer" in making_room.step(etcd.cluster, RECORD)[0]


def test_damage_is_not_disarmed(monkeypatch):
    alarm = making_room.members.Alarm("CORRUPT", 1)
    status = making_room.members.MemberStatus("etcd-0", 1, 1, 1, 1, 1, 1, "3.5.12", alarms=(alarm,))
    answers = making_room.members.Answers(3, (status,) * 3, {})
    monkeypatch.setattr(making_room.members, "ask", lambda *_: answers)
    assert making_room.step(None, RECORD) == ["etcd to have no alarm CORRUPT: look at its members"]
