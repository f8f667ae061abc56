"""Which member of etcd a snapshot is taken from."""

from __future__ import annotations

from lifeboat.etcd.members import MemberStatus
from lifeboat.model import BackupKind


def choose_member(there: list[MemberStatus], kind: BackupKind) -> MemberStatus:
    """Quiesced: the member that applied most. Online, with three: the follower that did, to spare the leader."""
    followers = [each for each in there if not each.is_leader]
    spare_the_leader = kind is BackupKind.ONLINE and len(followers) > 1
    return max(followers if spare_the_leader else there, key=lambda each: (each.revision, each.raft_index))
