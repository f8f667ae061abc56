"""Where a snapshot may be staged: not in the pod's memory, not on etcd's volume, not where nobody knows the room."""

import os
import subprocess
import time

import pytest

from lifeboat.errors import PreflightError, SnapshotFailedError
from lifeboat.etcd import ephemeral, scripts, snapshot, worker
from lifeboat.etcd.snapshot import Staging
from tests.unit import real_pod
from tests.unit.a_backup import Backup

STAGING = Staging("ns", "etcd-0", "one-2-1", 2)
DATA = {"name": "data", "mountPath": "/var/lib"}
UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]


def _of(volumes=(), mounts=(), **container):
    container = {"name": "etcd", "volumeMounts": [DATA, *mounts], **container}
    claim = {"name": "data", "persistentVolumeClaim": {"claimName": "data-etcd-0"}}
    return ephemeral.of({"spec": {"volumes": [claim, *volumes]}}, container)


def _tmp(**empty_dir):
    return _of([{"name": "tmp", "emptyDir": empty_dir}], [{"name": "tmp", "mountPath": "/tmp"}])


def test_the_containers_own_layer_and_an_empty_dir_of_the_node_are_fit():
    assert (_of().unfit, _of().storage) == (None, None)
    assert (_tmp().unfit, _tmp().storage) == (None, None)
    assert _of(mounts=[{"name": "other", "mountPath": "/tmp2"}]).unfit is None
    assert ephemeral.of({}, {}).unfit is None


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (_tmp(medium="Memory"), "memory"),
        (_tmp(medium="HugePages-2Mi"), "memory"),
        (_of(mounts=[{"name": "data", "mountPath": "/tmp", "subPath": "tmp"}]), "etcd's data volume"),
        (
            _of(mounts=[{"name": "data", "mountPath": "/"}], env=[{"name": "ETCD_DATA_DIR", "value": "/d"}]),
            "etcd's data",
        ),
        (_of(mounts=[{"name": "tmp", "mountPath": "/tmp", "readOnly": True}]), "read-only"),
        (_of(securityContext={"readOnlyRootFilesystem": True}), "read-only"),
    ],
)
def test_other_places_are_refused_with_what_to_do(found, told):
    assert told in found.unfit
    assert "emptyDir" in found.unfit or "medium" in found.unfit


def test_the_smaller_bound_counts():
    """A pod beyond either is evicted."""
    limits = {"limits": {"ephemeral-storage": "2Gi"}}
    tmp = {"name": "tmp", "emptyDir": {"sizeLimit": "1Gi"}}
    mount = {"name": "tmp", "mountPath": "/tmp"}
    assert _of([tmp], [mount], resources=limits).storage == 1024**3
    assert _of([{**tmp, "emptyDir": {}}], [mount], resources=limits).storage == 2 * 1024**3


def test_the_preflight_tells_it_before_anything_is_stopped():
    """The hosted API of a quiesced backup would be away for nothing."""
    backup = Backup()
    for pod in backup.cluster.objects("Pod"):
        if pod["metadata"]["name"].startswith("etcd-"):
            pod["spec"]["volumes"] = [{"name": "tmp", "emptyDir": {"medium": "Memory"}}]
            pod["spec"]["containers"][0] |= {"name": "etcd", "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}]}
            backup.cluster.add(pod)
    with pytest.raises(PreflightError, match=r"volume tmp under /tmp is memory.*leave the medium out"):
        backup.preflight()


class Pod(real_pod.RealPod):
    """A pod's file systems, told by a `stat` of its own; `around` is what its commands run in."""

    around: tuple[str, ...] = ()

    def __call__(self, namespace, pod, container, command, stdin):
        return super().__call__(namespace, pod, container, [*self.around, *command], stdin)


@pytest.fixture
def pod(tmp_path):
    (tmp_path / "programs").mkdir()
    return Pod(tmp_path / "programs", tmp_path, tmp_path / "data")


def tell(pod, **answers):
    """Let `stat` answer other than it would."""
    questions = {"kind": "-f -c %T /tmp", "device": "-c %d /tmp", "root": "-c %d /", "size": "-f -c %a %b %S /tmp"}
    cases = "".join(f"  '{questions[name]}') echo '{answer}' ;;\n" for name, answer in answers.items())
    program = pod.programs / "stat"
    program.write_text(f'#!/bin/sh\ncase $* in\n{cases}  *) exec /usr/bin/stat "$@" ;;\nesac\n')
    program.chmod(0o755)


def start(pod):
    """Begin with a worker that does nothing."""
    return snapshot.run(real_pod.cluster_of(pod), STAGING, scripts.START, "1", "0 0", ":").output


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_memory_that_no_manifest_tells_of_is_refused_in_the_pod(pod, kind):
    tell(pod, kind=kind, device=2, root=1)
    with pytest.raises(SnapshotFailedError, match="/tmp is memory"):
        start(pod)
    assert not (pod.folder / "lifeboat").exists()


def test_a_container_that_lies_in_memory_as_a_whole_is_a_matter_of_its_node(pod):
    tell(pod, kind="tmpfs", device=1, root=1)
    assert "started" in start(pod)


@pytest.mark.skipif(
    subprocess.run([*UNSHARE, "true"], capture_output=True, check=False).returncode != 0,
    reason="no user namespaces here, so no tmpfs can be mounted",
)
def test_a_real_tmpfs_is_refused(pod):
    pod.around = (*UNSHARE, "sh", "-c", 'mount -t tmpfs none /tmp && exec "$@"', "sh")
    with pytest.raises(SnapshotFailedError, match="/tmp is memory"):
        start(pod)


@pytest.mark.parametrize("size", ["0 0 4096", ""])
def test_a_disk_that_does_not_tell_its_size_is_refused(pod, size):
    tell(pod, kind="overlayfs", size=size)
    with pytest.raises(SnapshotFailedError, match="does not tell its size: mount an emptyDir"):
        start(pod)


def test_a_data_volume_that_does_not_tell_its_size_does_not_end_the_watch(pod):
    pod.data.mkdir()
    program = pod.programs / "stat"
    program.write_text("#!/bin/sh\necho 0 0 4096\n")
    program.chmod(0o755)
    environment = {**os.environ, "PATH": f"{pod.programs}:{os.environ['PATH']}", "ETCD_DATA_DIR": str(pod.data)}
    command = ["sh", "-c", worker.WATCH, "lifeboat-watch", str(pod.folder), str(os.getpid()), "0", "0"]
    with (pod.folder / "said").open("wb") as said:
        watch = subprocess.Popen(command, env=environment, stderr=said)
    time.sleep(0.5)
    still = watch.poll() is None
    watch.kill()
    watch.wait()
    assert (still, (pod.folder / "said").read_bytes()) == (True, b"")
