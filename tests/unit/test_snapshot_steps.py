"""The states around one snapshot: looks, rounds, uploads, what is verified and what is left behind."""

import json
import threading

import pytest

from lifeboat.errors import (
    ApiUnavailableError,
    BackupUnprovenError,
    EtcdNotReadyError,
    ObjectRefusedError,
    SnapshotFailedError,
)
from lifeboat.etcd import members, scripts, steps
from tests.unit.a_backup import Backup
from tests.unit.pods import framed


def test_a_file_that_is_not_there_yet_is_looked_at_again():
    backup = Backup(kind="online")
    backup.preflight()
    backup.start_snapshot()
    backup.etcd.progress = "alive=yes\ncurl=yes\n"
    answer = backup.transfer()
    assert (answer["done"], answer["lost"], answer["progress"]["size"]) == (False, False, 0)


def test_a_pod_that_was_replaced_begins_another_round_a_few_times():
    """What lay in its ephemeral storage is lost; another round has another name, so parts never mix."""
    backup = Backup(kind="online")
    backup.preflight()
    keys = set()
    for _ in range(steps.ROUNDS):
        backup.start_snapshot()
        keys.add(backup.data["snapshot"]["key"])
        backup.etcd.staged.clear()
        assert backup.transfer()["lost"] is True
    with pytest.raises(SnapshotFailedError, match="broke off 3 times"):
        backup.start_snapshot()
    assert len(keys) == steps.ROUNDS
    steps.discard_snapshot(backup.cluster, backup.store, backup.task())
    assert backup.store.uploads == {}


def _refuse(*_):
    raise ObjectRefusedError("exec was refused (404)")


def test_a_pod_that_is_gone_is_another_round_and_one_that_runs_and_refuses_is_told():
    backup = Backup(kind="online")
    backup.preflight()
    backup.start_snapshot()
    backup.cluster.exec_handler = _refuse
    with pytest.raises(ObjectRefusedError):
        backup.transfer()
    backup.cluster.remove("Pod", "clusters-blue", backup.data["snapshot"]["pod"])
    assert backup.transfer()["lost"] is True
    assert backup.verify()["again"] is True


def test_uploads_are_aborted_even_when_no_pod_can_be_reached():
    backup = Backup(kind="online")
    backup.preflight()
    backup.start_snapshot()
    backup.cluster.exec_handler = _refuse
    told = steps.discard_snapshot(backup.cluster, backup.store, backup.task())
    assert told == {"silent": ["etcd-0", "etcd-1", "etcd-2"], "aborted": 1}
    assert backup.store.uploads == {}


def test_a_snapshot_that_does_not_come_on_is_given_up():
    backup = Backup(kind="online")
    backup.preflight()
    backup.start_snapshot()
    backup.etcd.progress = "alive=yes\ncurl=yes\nbytes=100\n"
    told = ""
    for _ in range(steps.LOOKS // 4):
        try:
            backup.transfer()
        except SnapshotFailedError as error:
            told = str(error)
            break
    assert "does not come on" in told


def test_a_slow_way_to_s3_does_not_use_up_the_looks_of_a_quiesced_backup():
    """All is read soon, then gigabytes are on their way for an hour."""
    backup = Backup()
    backup.preflight()
    backup.quiesce()
    backup.start_snapshot()
    backup.etcd.progress = "alive=yes\ncurl=yes\nsize=4096\nsha256=0\nbody=0\ntail=0\ndigested=9\n"
    backup.etcd.progress += "".join(f"part={number} 16777216 {'0' * 64}\n" for number in range(1, 10))
    waits = []
    while backup.data.get("transfer", {}).get("attempt", 0) < 300:
        waits.append(backup.transfer()["wait"])
        backup.data["transfer"]["still"] = 0  # a part comes now and then
    assert (waits[0], waits[-1]) == (0, 10)


def _wait_after(backup, told):
    backup.etcd.progress = told
    return backup.transfer()["wait"]


def test_a_paced_save_is_looked_at_less_often_until_it_ends_and_its_last_parts_in_a_hurry():
    """A look costs etcd's node something, and nobody waits for an online backup before it is read."""
    backup = Backup(kind="online")
    backup.preflight()
    backup.start_snapshot()
    backup.data["snapshot"]["dbSize"] = 400 << 20
    part = f"part=1 16777216 {'0' * 64}\n"
    saving = "alive=yes\ncurl=yes\n"
    waits = [_wait_after(backup, f"{saving}bytes={mib << 20}\n") for mib in (0, 16, 32, 128, 352, 352)]
    assert waits == [1, 5, 5, 5, 1, 1]
    facts = "size=4096\nsha256=0\nbody=0\ntail=0\n"
    assert _wait_after(backup, f"{saving}bytes=4096\ndigested=1\n{part}{facts}") == 0
    assert _wait_after(backup, f"{saving}bytes=4096\ndigested=500\n{part}{facts}") == 1


def test_silent_pods_use_up_no_function(monkeypatch):
    """A node that died stays `Running` for minutes: an exec into each of its pods hangs until it is given up."""
    backup = Backup(kind="online")
    backup.preflight()
    hanging, barrier = [], threading.Barrier(3, timeout=5)

    def hangs(namespace, pod, container, command, *, stdin="", timeout=60):
        barrier.wait()  # all are asked at once
        hanging.append(timeout)
        raise ApiUnavailableError(f"exec in {pod} gave no answer")

    backup.start_snapshot()
    monkeypatch.setattr(backup.cluster, "exec", hangs)
    with pytest.raises(EtcdNotReadyError):
        members.ask(backup.cluster, backup.hosted.ref.control_plane_namespace)
    told = steps.discard_snapshot(backup.cluster, backup.store, backup.task())
    assert told == {"silent": ["etcd-0", "etcd-1", "etcd-2"], "aborted": 1}
    assert max(hanging) <= 20


def test_looks_are_counted_over_all_rounds_and_fit_into_a_history():
    """AWS ends an execution at 25,000 events, without any Catch: nine per look, and the other loops beside."""
    assert steps.LOOKS * 9 < 12_500
    backup = Backup(kind="online")
    backup.preflight()
    backup.start_snapshot()
    backup.etcd.progress = "alive=yes\ncurl=yes\n"
    first = backup.transfer()["attempt"]
    backup.etcd.staged.clear()
    backup.transfer()
    backup.start_snapshot()
    assert (first, backup.transfer()["attempt"]) == (1, 3)


def test_uploads_that_older_executions_left_open_are_aborted_first():
    backup = Backup(kind="online")
    prefix = backup.preflight()["prefix"]
    older = backup.store.open_upload(f"{prefix}etcd/snapshot-0-1.db")
    neighbour = backup.store.open_upload(prefix.replace("blue", "green") + "etcd/snapshot-0-1.db")
    backup.start_snapshot()
    left = {each.upload_id for each in backup.store.open_uploads("")}
    assert older not in left
    assert {neighbour, backup.data["snapshot"]["uploadId"]} == left


def test_an_upload_that_somebody_aborted_is_begun_anew():
    backup = Backup(kind="online")
    backup.preflight()
    backup.start_snapshot()
    backup.transfer()
    backup.store.uploads.clear()
    while not backup.transfer()["done"]:
        assert backup.data["transfer"]["attempt"] < 5
    assert backup.verify()["again"] is False


def test_a_late_look_leaves_no_upload_open(monkeypatch):
    """Between its look and its question to S3 all was discarded."""
    backup = Backup(kind="online")
    backup.preflight()
    backup.start_snapshot()
    backup.etcd.progress = "alive=yes\ncurl=yes\n"
    asked = backup.store.stored_parts

    def too_late(*given, **named):
        steps.discard_snapshot(backup.cluster, backup.store, backup.task())
        return asked(*given, **named)

    monkeypatch.setattr(backup.store, "stored_parts", too_late)
    assert backup.transfer()["lost"] is True
    assert backup.store.uploads == {}


def test_an_upload_that_vanishes_while_it_is_completed_is_begun_anew():
    backup = Backup(kind="online")
    backup.preflight()
    backup.start_snapshot()
    backup.transfer()
    complete = backup.store.complete_upload

    def too_late(key, upload_id, parts):
        backup.store.uploads.clear()
        return complete(key, upload_id, parts)

    backup.store.complete_upload = too_late
    assert backup.transfer()["done"] is False
    backup.store.complete_upload = complete
    while not backup.transfer()["done"]:
        assert backup.data["transfer"]["attempt"] < 6
    assert backup.verify()["again"] is False


def test_the_evidence_names_every_part_and_what_etcd_was_like():
    backup = Backup(kind="online")
    backup.preflight()
    verified = backup.snapshot()
    evidence = json.loads(backup.store.objects[verified["evidence"]["key"]])
    assert evidence["parts"] == [verified["sha256"]]
    assert (evidence["way"], evidence["quorum"], evidence["revisionIs"]) == ("pod", True, "exact")
    assert {each["pod"] for each in evidence["members"]} == {"etcd-0", "etcd-1", "etcd-2"}


def _snapshot_before(backup, revision):
    """A snapshot, and what etcd is at when it is verified."""
    backup.etcd.revision = 4711
    backup.start_snapshot()
    backup.etcd.revision = revision
    while not backup.transfer()["done"]:
        pass
    return backup.verify()


def test_a_write_after_a_quiesced_snapshot_makes_it_be_taken_again_and_at_last_fail():
    backup = Backup()
    backup.preflight()
    backup.quiesce()
    backup.etcd.later_puts = 2
    assert [_snapshot_before(backup, 4720)["again"] for _ in range(2)] == [True, True]
    with pytest.raises(SnapshotFailedError, match="2 writes after revision 4711"):
        _snapshot_before(backup, 4720)


@pytest.mark.parametrize("kind", ["online", "quiesced"])
def test_deletions_that_are_compacted_are_in_a_snapshot_that_tells_less(kind):
    """A tool looks for the newest revision in the file, and compacted tombstones are in none."""
    backup = Backup(kind=kind)
    backup.preflight()
    if kind == "quiesced":
        backup.quiesce()
    backup.etcd.saved_revision = 4700
    assert backup.snapshot()["again"] is True
    backup.etcd.compacted = 4711
    verified = backup.snapshot()
    assert (verified["again"], verified["revision"]) == (False, 4711)
    evidence = json.loads(backup.store.objects[verified["evidence"]["key"]])
    assert evidence["revisionIs"] == "lower bound"


def test_the_try_that_began_a_snapshot_tells_its_revision():
    """Its answer was lost. What the member of the second try has already may lack in it, and no tool may tell."""
    backup = Backup()
    backup.preflight()
    backup.quiesce()

    def begun_before(namespace, pod, container, command, stdin):
        answer = backup.etcd(namespace, pod, container, command, stdin)
        return framed("there 4000 4000\n") if command[4] == scripts.START else answer

    backup.cluster.exec_handler = begun_before
    backup.start_snapshot()
    assert (backup.data["snapshot"]["revision"], backup.data["snapshot"]["acknowledged"]) == (4000, 4000)


def test_expired_leases_after_a_quiesced_snapshot_are_no_writes():
    backup = Backup()
    backup.preflight()
    backup.quiesce()
    assert _snapshot_before(backup, 4712)["again"] is False


def test_other_bytes_in_s3_are_never_committed():
    backup = Backup(kind="online")
    backup.preflight()
    backup.start_snapshot()
    while not backup.transfer()["done"]:
        pass
    key = backup.data["snapshot"]["key"]
    backup.store.objects[key] = b"other"
    with pytest.raises(BackupUnprovenError):
        backup.verify()


def test_the_url_goes_in_by_stdin_and_no_staging_stays_behind():
    backup = Backup(kind="online")
    backup.preflight()
    backup.capture()
    assert any("signature=part" in each for each in backup.etcd.stdin)
    assert not any(backup.etcd.staged.values())
