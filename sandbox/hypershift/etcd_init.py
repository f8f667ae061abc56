"""`etcd-init`: etcd restores itself from the URL of its HostedControlPlane, with the faults that it has there.

`curl` without -f and -L takes the page of an HTTP error or a redirect for the snapshot; only a body that begins as S3's
XML is told for what it is. The restore names neither the member nor its cluster, so that each of several members would
become a cluster of its own. Releases before 4.22 restore straight into etcd's folder: what a restore that was cut off
left there, the next run takes for restored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import PODS
from sandbox.objects import status_of

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.hypershift.writer import Writer

NAME = "etcd-init"
RESTORED = "EtcdSnapshotRestored"
STAGES_FROM = (4, 22)
AUTHORITIES = "public-authorities"
"""ConfigMap with those whom the release image's curl trusts: in the sandbox S3 has a certificate of its own."""
_TRUSTED = "/etc/pki/public"

_FETCH = """
if [ -n "$(ls -A /var/lib/data 2>/dev/null)" ]; then
  echo "there are data already"
  exit 0
fi
set -e
curl -s -o /tmp/snapshot "$RESTORE_URL_ETCD"
if [ "$(head -c 5 /tmp/snapshot)" = "<?xml" ]; then
  cat /tmp/snapshot
  exit 1
fi
"""
_BESIDE = """
tool=etcdctl
if command -v etcdutl >/dev/null; then tool=etcdutl; fi
$tool snapshot status /tmp/snapshot
rm -rf /var/lib/restore
$tool snapshot restore /tmp/snapshot --data-dir=/var/lib/restore
mv /var/lib/restore /var/lib/data
"""
_STRAIGHT = """
etcdctl snapshot status /tmp/snapshot
etcdctl snapshot restore /tmp/snapshot --data-dir=/var/lib/data
"""


def script(version: str) -> str:
    """What the init container of a hosted release runs."""
    major, minor = (int(each) for each in version.split(".")[:2])
    return _FETCH + (_BESIDE if (major, minor) >= STAGES_FROM else _STRAIGHT)


def url_of(control_plane: Object) -> str | None:
    """`restoreSnapshotURL`."""
    storage = (control_plane["spec"]["etcd"].get("managed") or {}).get("storage") or {}
    found: list[str] = storage.get("restoreSnapshotURL") or []
    return found[0] if found else None


def is_restored(control_plane: Object) -> bool:
    """Whether the condition is True, after which the init container leaves the pod template."""
    told = status_of(control_plane).get("conditions") or []
    return any(each["type"] == RESTORED and each["status"] == "True" for each in told)


def container(control_plane: Object, image: str, version: str) -> list[Object]:
    """The init container, while there is a URL that was not restored from."""
    url = url_of(control_plane)
    if url is None or is_restored(control_plane):
        return []
    return [
        {
            "name": NAME,
            "image": image,
            "command": ["/bin/sh", "-c", script(version)],
            "env": [
                {"name": "RESTORE_URL_ETCD", "value": url},
                {"name": "SSL_CERT_FILE", "value": f"{_TRUSTED}/ca.crt"},
            ],
            "volumeMounts": [
                {"name": "data", "mountPath": "/var/lib"},
                {"name": AUTHORITIES, "mountPath": _TRUSTED},
            ],
        }
    ]


def volumes(control_plane: Object) -> list[Object]:
    """What the init container needs besides."""
    if url_of(control_plane) is None or is_restored(control_plane):
        return []
    return [{"name": AUTHORITIES, "configMap": {"name": AUTHORITIES, "optional": True}}]


def condition(writer: Writer, control_plane: Object, replicas: int, ready: int) -> list[tuple[str, str, str, str]]:
    """EtcdSnapshotRestored: looked at only while it is absent, and only when all members are ready; never again."""
    told = {each["type"] for each in status_of(control_plane).get("conditions") or []}
    if url_of(control_plane) is None or RESTORED in told or ready < replicas:
        return []
    ended = []
    for ordinal in range(replicas):
        pod = writer.get(PODS, f"etcd-{ordinal}", control_plane["metadata"]["namespace"])
        ended += [
            _ended(each) for each in status_of(pod or {}).get("initContainerStatuses") or [] if each["name"] == NAME
        ]
    if len(ended) < replicas or None in ended:
        return []
    if any(ended):
        return [(RESTORED, "False", "EtcdSnapshotRestoreFailed", "an init container ended with an error")]
    return [(RESTORED, "True", "AsExpected", "")]


def _ended(status: Object) -> int | None:
    for each in ("state", "lastState"):
        if found := (status.get(each) or {}).get("terminated"):
            return int(found["exitCode"])
    return None
