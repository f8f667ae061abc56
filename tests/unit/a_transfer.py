"""One snapshot of a real etcd to a bucket in memory, look by look."""

from lifeboat.etcd import members, snapshot, transfer
from lifeboat.etcd.snapshot import Staging
from lifeboat.etcd.transfer import Progress
from lifeboat.model import Pace
from tests.unit import real_pod
from tests.unit.real_pod import until

UNPACED = Pace()
QUOTA = 8 * 1024**3
KEY = "backups/one/etcd/snapshot-2-1.db"
BACKUP = "20261103t100000z-online-0123abcd"


class Transfer:
    """One snapshot of one pod to one bucket."""

    def __init__(self, pod, store, epoch=2, pace=UNPACED, part_size=snapshot.PART_SIZE):
        self.pod, self.store, self.pace = pod, store, pace
        self.cluster = real_pod.cluster_of(pod)
        self.staging = Staging("ns", "etcd-0", f"{BACKUP}-{epoch}-1", epoch, part_size)
        size = members.status(self.cluster, self.staging.ref).db_size
        self.source = snapshot.Source(size, QUOTA)
        self.progress = Progress(store.open_upload(KEY))

    def start(self):
        snapshot.start(self.cluster, self.staging, self.source, self.pace)
        return self

    def look(self):
        self.progress = transfer.advance(self.cluster, self.store, self.staging, KEY, self.progress)
        return self.progress

    def seen(self):
        return snapshot.whole_look(self.cluster, self.staging)

    def end(self, seconds=20):
        until(lambda: self.look().is_complete and self.progress.is_described, seconds)
        return self.seen()

    def folder(self):
        return self.pod.staged(self.staging.id)

    def discard(self):
        assert snapshot.discard(self.cluster, "ns", BACKUP, self.staging.epoch) == []
        assert not (self.pod.folder / "lifeboat").exists()
        assert self.pod.processes() == []
