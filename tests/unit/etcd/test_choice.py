"""Which member is saved, by what the members tell."""

import dataclasses

import pytest

from lifeboat.errors import SnapshotFailedError
from lifeboat.etcd import choice
from lifeboat.etcd.members import Alarm, Answers, MemberStatus
from lifeboat.model import BackupKind

ONLINE, QUIESCED = BackupKind.ONLINE, BackupKind.QUIESCED


def member(number, applied=7000, **changed):
    pod = f"etcd-{number}"
    status = MemberStatus(pod, 10 + number, 77, 10, 4711, applied, 1_000_000, "3.5.18", applied)
    return dataclasses.replace(status, **changed)


def answers(*there, wanted=3):
    silent = {f"etcd-{number}": "no answer" for number in range(wanted)}
    for each in there:
        silent.pop(each.pod)
    return Answers(wanted, there, silent)


def chosen(*there, kind=ONLINE, acknowledged=4711, wanted=3):
    return choice.choose(answers(*there, wanted=wanted), kind, acknowledged=acknowledged)


@pytest.mark.parametrize(
    ("there", "kind", "pod"),
    [
        ([member(0), member(1), member(2)], ONLINE, "etcd-1"),
        ([member(0), member(1, 6900), member(2, 6950)], ONLINE, "etcd-2"),
        ([member(0), member(1, 1999), member(2, 1500)], ONLINE, "etcd-0"),
        ([member(0), member(1, 2000), member(2, 1500)], ONLINE, "etcd-1"),
        ([member(0, 7000), member(1, 7000, raft_index=13000), member(2, 6000)], ONLINE, "etcd-1"),
        ([member(0), member(1), member(2, 7001)], QUIESCED, "etcd-2"),
        ([member(0), member(1, 6000, raft_index=8000), member(2, 6500)], QUIESCED, "etcd-0"),
        ([member(0), member(1, is_learner=True), member(2, 6999)], ONLINE, "etcd-2"),
    ],
    ids=[
        "a follower, to spare the leader",
        "the follower that applied most",
        "the leader when no follower has caught up",
        "a follower just within the bound",
        "the most advanced when none has caught up",
        "quiesced: the one that applied most",
        "applied counts, not what is known to be committed",
        "never a learner",
    ],
)
def test_all_answer(there, kind, pod):
    found = chosen(*there, kind=kind)
    assert (found.member.pod, found.note, found.risk) == (pod, None, None)


def test_two_of_three_give_the_more_advanced_one_and_a_note():
    found = chosen(member(0), member(2, 7001))
    assert (found.member.pod, found.risk) == ("etcd-2", None)
    assert found.note == "2 of 3 members of etcd answered, without etcd-1: taken from etcd-2"


def test_a_single_replica_gives_itself():
    found = chosen(member(0), wanted=1)
    assert (found.member.pod, found.note) == ("etcd-0", None)


def test_without_a_quorum_the_highest_applied_index_is_taken_and_the_risk_is_named():
    found = chosen(member(1, 6000, leader=0), member(2, 6500, leader=0, raft_index=6600), acknowledged=None)
    assert (found.member.pod, found.quorum, found.note) == ("etcd-2", False, found.risk)
    for part in (
        "2 of 3 members",
        "etcd-1 at raft index 6000",
        "etcd-2 at revision 4711, raft index 6500, it knows of 6600",
    ):
        assert part in str(found.risk)
    assert "\n" not in str(found.risk)


@pytest.mark.parametrize("members", [[member(0)], [member(0, cluster_id=78), member(1)]])
def test_several_clusters_are_refused_whoever_approves(members):
    strange = [*members, member(2, cluster_id=99)]
    with pytest.raises(SnapshotFailedError, match="split brain"):
        chosen(*strange, acknowledged=None)


def test_no_space_is_told_and_needs_nobodys_word():
    alarm = (Alarm("NOSPACE", 11),)
    found = chosen(*(member(number, alarms=alarm) for number in range(3)))
    assert (found.alarms, found.risk) == (("NOSPACE",), None)
    assert "travels inside the snapshot" in str(found.note)


def test_a_corrupt_member_is_never_taken():
    alarm = (Alarm("CORRUPT", 12),)
    found = chosen(*(member(number, alarms=alarm) for number in range(3)), kind=QUIESCED)
    assert found.member.pod != "etcd-2"
    assert found.note == "etcd had the alarm CORRUPT of another member"
    with pytest.raises(SnapshotFailedError, match="CORRUPT of member c"):
        chosen(member(2, alarms=alarm), acknowledged=None)


def test_when_etcd_does_not_know_which_member_is_corrupt_none_is_taken():
    with pytest.raises(SnapshotFailedError, match="CORRUPT of member 0"):
        chosen(*(member(number, alarms=(Alarm("CORRUPT", 0),)) for number in range(3)))


def test_learners_make_no_majority_and_are_not_saved():
    learners = answers(member(0), member(1, is_learner=True))
    assert not learners.is_majority
    with pytest.raises(SnapshotFailedError, match="learners only"):
        chosen(member(1, is_learner=True), acknowledged=None)
