"""An etcd that is ill, of three real members: which one is saved, and what people hear of it."""

import pytest

from lifeboat.errors import EtcdNotReadyError, SnapshotFailedError
from lifeboat.etcd import choice, later, members
from lifeboat.model import BackupKind, Task
from tests.etcds import BOTH
from tests.unit.etcd.three_members import NAMESPACE, PODS, QUICK, three_members, until

ONLINE, QUIESCED = BackupKind.ONLINE, BackupKind.QUIESCED


def look(etcd, kind=QUIESCED):
    return choice.look(etcd.cluster, NAMESPACE, kind)


def take(etcd, asked=None, approved=None):
    data = {
        "operation": {"id": "op-1", "epoch": 1, "execution": "arn"},
        "hostedCluster": {"namespace": "clusters", "name": "blue"},
        "kind": "quiesced",
        "backup": {"etcd": {"approvalNeeded": asked and asked.risk, "raftIndex": asked and asked.member.applied_index}},
    }
    return choice.take(etcd.cluster, Task.from_event({**data, **({"approved": approved} if approved else {})}))


@pytest.mark.parametrize("programs", BOTH)
def test_members_are_lost_one_by_one(programs, tmp_path):
    with three_members(tmp_path, programs, *QUICK) as etcd:
        etcd.do("etcd-0", "put", "a", "1")
        # all answer: a follower is saved online, and all is acknowledged
        chosen = look(etcd, ONLINE)
        assert not chosen.member.is_leader
        assert (chosen.acknowledged, chosen.note, chosen.risk, chosen.alarms) == (2, None, None, ())

        # one is lost: the record says so, nobody is asked
        lost = chosen.member.pod
        etcd.lose(lost)
        until(lambda: etcd.ctl(next(iter(etcd.running)), "put", "a", "2").returncode == 0)
        one_less = look(etcd)
        assert one_less.acknowledged == one_less.member.revision == 3
        assert one_less.risk is None
        assert f"2 of 3 members of etcd answered, without {lost}" in str(one_less.note)
        assert later.later_writes(etcd.cluster, NAMESPACE, 2) == 1

        # another freezes: the last one tells what it has, and that is saved under an approval only
        left = next(pod for pod in PODS if pod in etcd.running)
        frozen = next(pod for pod in PODS if pod in etcd.running and pod != left)
        etcd.freeze(frozen)
        alone = look(etcd)
        assert (alone.quorum, alone.member.pod, alone.member.revision) == (False, left, 3)
        for word in (left, "revision 3", f"raft index {alone.member.applied_index}", "would be lost", frozen, lost):
            assert word in str(alone.risk)
        etcd.lose(frozen)
        assert members.count_keys(etcd.cluster, etcd.ref(left), serializable=True) == 1
        with pytest.raises(EtcdNotReadyError, match="only 1 of 3 members"):
            later.later_writes(etcd.cluster, NAMESPACE, 3)
        assert later.later_writes(etcd.cluster, NAMESPACE, 3, quorum=False) == 0
        with pytest.raises(SnapshotFailedError, match="lost its quorum after the preflight"):
            take(etcd, asked=one_less, approved={"by": "somebody", "reason": "for another backup"})
        assert take(etcd, alone, {"by": "somebody", "reason": "all there is"}).note.endswith(
            "approved by somebody: all there is"
        )

        # it comes back: nothing needs to be approved any more
        etcd.bring_back(frozen)
        until(lambda: etcd.ctl(left, "put", "a", "3").returncode == 0)
        assert take(etcd, asked=alone).quorum
        assert later.later_writes(etcd.cluster, NAMESPACE, 3, quorum=False) == 1


@pytest.mark.parametrize("programs", BOTH)
def test_an_etcd_without_space_is_saved_and_the_alarm_is_told_without_a_quorum_too(programs, tmp_path):
    with three_members(tmp_path, programs, "--quota-backend-bytes=400000", *QUICK) as etcd:
        etcd.do("etcd-0", "put", "events/a", "1", f"--lease={etcd.lease(3)}")
        big = "x" * 100_000
        until(lambda: "database space exceeded" in etcd.ctl("etcd-0", "put", "big", big).stderr)
        chosen = until(lambda: (found := look(etcd)).alarms and found)
        assert (chosen.alarms, chosen.risk) == (("NOSPACE",), None)
        assert "alarm NOSPACE, which travels inside the snapshot" in str(chosen.note)
        # leases expire all the same, and that is proven all the same
        until(lambda: not etcd.do("etcd-0", "get", "events/a"))
        assert later.later_writes(etcd.cluster, NAMESPACE, chosen.acknowledged) == 0
        etcd.lose("etcd-0", "etcd-1")
        alone = look(etcd)
        assert (alone.quorum, alone.alarms) == (False, ("NOSPACE",))
