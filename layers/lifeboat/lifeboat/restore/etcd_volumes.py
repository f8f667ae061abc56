"""The etcd volumes, filled before the HostedCluster exists.

One claim per member under the StatefulSet's own names and labels, one helper pod per claim in a zone of its own, all
members restored from the same snapshot with the flags that make them one cluster. `restoreSnapshotURL` would make
three clusters of one member each: see docs/decisions/0001-move-a-hosted-cluster.md.
"""

from __future__ import annotations

from typing import Any

from lifeboat import podshell
from lifeboat.errors import EtcdNotReadyError, LeaseLostError, RestoreFailedError
from lifeboat.model import Manifest
from lifeboat.ports import ObjectStore
from lifeboat.resources import NAMESPACES, PERSISTENT_VOLUME_CLAIMS, PODS, SECRETS
from lifeboat.restore.destination import ZONE, assert_own_namespace, pull_secret
from lifeboat.restore.etcd_scripts import START, STATUS, WORK
from lifeboat.restore.loading import Destination

PULL_SECRET = "lifeboat-pull-secret"  # noqa: S105 - the name of a Secret
CONTAINER = "restore"
ROOT = "/var/lib"
TOKEN = "etcd-cluster"  # noqa: S105 - HyperShift's initial-cluster-token, no secret
URL_SECONDS = 3600
"""How long a presigned URL lives; a role's credentials may end it earlier, and a second start makes a new one."""

_LABEL = "lifeboat/etcd-volume"
_HELPER_SECONDS = 4 * 3600  # a forgotten helper ends by itself
_DEFAULT_USER = 1001  # what HyperShift runs etcd as where no security context constraints assign a user
_UID_RANGE = "openshift.io/sa.scc.uid-range"
_IDLE = "trap 'exit 0' TERM; while :; do sleep 1 & wait $!; done"


def member(ordinal: int) -> str:
    """Name of an etcd member: its pod's."""
    return f"etcd-{ordinal}"


def helper(ordinal: int) -> str:
    """Name of the helper pod of one volume."""
    return f"lifeboat-etcd-{ordinal}"


def peer_url(ordinal: int, namespace: str) -> str:
    """HyperShift's advertised peer URL: the namespace is part of it, so it must be the source's."""
    return f"https://{member(ordinal)}.etcd-discovery.{namespace}.svc:2380"


def initial_cluster(members: int, namespace: str) -> str:
    """All members with their peer URLs: the same words for each member, or they would be several clusters."""
    return ",".join(f"{member(each)}={peer_url(each, namespace)}" for each in range(members))


def create(destination: Destination) -> dict[str, Any]:
    """Create the temporary pull secret, the claims and the helper pods, each if absent."""
    assert_own_namespace(destination)
    cluster, members = destination.cluster, members_of(destination)
    found = pull_secret(destination)
    if found is None:
        raise RestoreFailedError("the backup lacks the pull secret: choose another backup")
    secret = {
        "metadata": {"name": PULL_SECRET, "namespace": destination.namespace},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": found["data"][".dockerconfigjson"]},
    }
    cluster.create(SECRETS, secret)
    namespace = cluster.get(NAMESPACES, None, destination.namespace) or {"metadata": {}}
    assigned = _UID_RANGE in (namespace["metadata"].get("annotations") or {})
    for ordinal in range(members):
        cluster.create(PERSISTENT_VOLUME_CLAIMS, claim(destination, ordinal))
        pod = helper_pod(destination, ordinal, user=None if assigned else _DEFAULT_USER)
        if cluster.create(PODS, pod) is None:
            _replace_ended(destination, ordinal)
    return {"members": members, "pods": [helper(each) for each in range(members)]}


def members_of(destination: Destination) -> int:
    """How many members etcd has: as many as the source's StatefulSet had replicas."""
    return int(destination.record.snapshot.members)


def claim(destination: Destination, ordinal: int) -> Manifest:
    """The claim as the StatefulSet controller would make it: its selector's labels, its template's spec."""
    etcd = destination.state.etcd
    storage_class = {"storageClassName": etcd["storageClass"]} if etcd.get("storageClass") else {}
    return {
        "metadata": {
            "name": f"data-{member(ordinal)}",
            "namespace": destination.namespace,
            "labels": {"app": "etcd"},
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": etcd["size"]}},
            "volumeMode": "Filesystem",
            **storage_class,
        },
    }


def helper_pod(destination: Destination, ordinal: int, user: int | None) -> Manifest:
    """One idle pod with the hosted release's etcd image and one volume; not labelled `app=etcd`, which is served.

    Zones differ by anti-affinity: a claim waits for its first pod, and etcd's own pods must later find three zones.
    """
    spec = destination.exported_hosted_cluster()["spec"]
    identity = {"runAsUser": user, "fsGroup": user} if user else {}
    return {
        "metadata": {
            "name": helper(ordinal),
            "namespace": destination.namespace,
            "labels": {"app": "lifeboat-etcd-restore", _LABEL: member(ordinal)},
        },
        "spec": {
            "restartPolicy": "Never",
            "activeDeadlineSeconds": _HELPER_SECONDS,
            "terminationGracePeriodSeconds": 5,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            # etcd's restore resolves the member's own peer name; the headless Service has none before etcd runs.
            "hostAliases": [
                {
                    "ip": "127.0.0.1",
                    "hostnames": [
                        f"{member(each)}.etcd-discovery.{destination.namespace}.svc"
                        for each in range(members_of(destination))
                    ],
                }
            ],
            "imagePullSecrets": [{"name": PULL_SECRET}],
            "nodeSelector": spec.get("nodeSelector") or {},
            "tolerations": [
                *(spec.get("tolerations") or ()),
                {"key": "hypershift.openshift.io/control-plane", "operator": "Equal", "value": "true"},
                {"key": "hypershift.openshift.io/cluster", "operator": "Equal", "value": destination.namespace},
            ],
            "affinity": {
                "podAntiAffinity": {
                    "requiredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "labelSelector": {"matchLabels": {"app": "lifeboat-etcd-restore"}},
                            "topologyKey": ZONE,
                        }
                    ]
                }
            },
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **identity},
            "containers": [
                {
                    "name": CONTAINER,
                    "image": destination.record.snapshot.image,
                    "command": ["/bin/sh", "-c", _IDLE],
                    "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}},
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "readOnlyRootFilesystem": True,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [{"name": "data", "mountPath": ROOT}],
                }
            ],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": f"data-{member(ordinal)}"}}],
        },
    }


def _replace_ended(destination: Destination, ordinal: int) -> None:
    """Delete a helper of an earlier attempt that has ended; the next call creates it anew."""
    live = destination.cluster.get(PODS, destination.namespace, helper(ordinal))
    if live and (live.get("status") or {}).get("phase") in {"Succeeded", "Failed"}:
        destination.cluster.delete(PODS, destination.namespace, helper(ordinal), uid=live["metadata"]["uid"])
        msg = f"helper pod {helper(ordinal)} had ended: it is replaced"
        raise EtcdNotReadyError(msg)


def waiting_helpers(destination: Destination) -> list[str]:
    """Helper pods that do not run yet, each with its reason."""
    waiting = []
    for ordinal in range(members_of(destination)):
        pod = destination.cluster.get(PODS, destination.namespace, helper(ordinal))
        status = (pod or {}).get("status") or {}
        containers = status.get("containerStatuses") or [{}]
        if status.get("phase") == "Running" and containers[0].get("ready"):
            continue
        reason = ((containers[0].get("state") or {}).get("waiting") or {}).get("reason")
        scheduled = next(
            (each.get("message") for each in status.get("conditions") or () if each.get("status") == "False"), None
        )
        waiting.append(f"{helper(ordinal)} ({reason or scheduled or status.get('phase') or 'gone'})")
    return waiting


def start(destination: Destination, store: ObjectStore, epoch: int, *, revision: str = "") -> dict[str, Any]:
    """Start the restore in every helper pod that has neither finished nor is at work; answers what each said.

    `revision`: `bump`, it has to be raised; `tell`, before and after are told; else what the tools do is good.

    Raises RestoreFailedError when a volume holds data that no restore of this snapshot made, LeaseLostError when a
    newer execution has started there.
    """
    snapshot = destination.record.snapshot
    members = members_of(destination)
    said = {}
    for ordinal in range(members):
        url = store.presigned_get(snapshot.part.key, snapshot.part.version_id, URL_SECONDS)
        result = podshell.run(
            destination.cluster,
            pod_ref(destination, ordinal),
            START,
            WORK,
            ROOT,
            str(epoch),
            snapshot.part.sha256,
            str(snapshot.part.size),
            member(ordinal),
            initial_cluster(members, destination.namespace),
            TOKEN,
            peer_url(ordinal, destination.namespace),
            revision,
            secrets=[url],
        )
        word = result.output.strip()
        if word == "foreign":
            raise RestoreFailedError(_foreign(ordinal))
        if word.startswith("newer "):
            msg = f"the restore of {member(ordinal)} is in the hands of a newer execution: this one must stop"
            raise LeaseLostError(msg)
        if result.exit_code or word.split(" ")[0] not in {"started", "running", "done"}:
            msg = f"the restore of {member(ordinal)} could not start (exit code {result.exit_code})"
            raise RestoreFailedError(msg)
        said[member(ordinal)] = word.split(" ")[0]
    return said


def unfinished(destination: Destination, revision: str = "") -> tuple[list[str], bool, dict[str, list[int]]]:
    """Members that are not restored yet with their progress, and whether one was lost and must be started again.

    And the revisions before and after by member, where they are told; `revision` as for `start`. Raises
    RestoreFailedError when one failed for good, or was restored without the revision that has to be raised.
    """
    waiting: list[str] = []
    revisions: dict[str, list[int]] = {}
    lost = False
    for ordinal in range(members_of(destination)):
        pod = destination.cluster.get(PODS, destination.namespace, helper(ordinal))
        if pod is None or (pod.get("status") or {}).get("phase") != "Running":
            waiting, lost = [*waiting, f"{member(ordinal)}: its helper pod is not running"], True
            continue
        result = podshell.run(
            destination.cluster,
            pod_ref(destination, ordinal),
            STATUS,
            ROOT,
            destination.record.snapshot.part.sha256,
            revision,
        )
        word, _, rest = result.output.strip().partition(" ")
        if word == "done":
            told = [int(each) for each in rest.split()[1:] if each.isdigit()]
            revisions |= {member(ordinal): told} if told else {}
            continue
        if word == "unraised":
            msg = f"{member(ordinal)} was restored without raising its revision: abandon this restore and start another"
            raise RestoreFailedError(msg)
        if word == "failed":
            msg = f"{member(ordinal)} could not be restored: {rest}"
            raise RestoreFailedError(msg)
        if word == "foreign":
            raise RestoreFailedError(_foreign(ordinal))
        lost = lost or word in {"lost", "absent"}
        waiting.append(f"{member(ordinal)}: {word}" + (f" ({rest} bytes)" if rest else ""))
    return waiting, lost, revisions


def remove_helpers(destination: Destination) -> list[str]:
    """Delete helper pods and the temporary pull secret; returns what is still there. The claims stay."""
    there = []
    for ordinal in range(members_of(destination)):
        pod = destination.cluster.get(PODS, destination.namespace, helper(ordinal))
        if pod is not None:
            destination.cluster.delete(PODS, destination.namespace, helper(ordinal), uid=pod["metadata"]["uid"])
            there.append(helper(ordinal))
    secret = destination.cluster.get(SECRETS, destination.namespace, PULL_SECRET)
    if secret is not None:
        destination.cluster.delete(SECRETS, destination.namespace, PULL_SECRET, uid=secret["metadata"]["uid"])
    return there


def pod_ref(destination: Destination, ordinal: int) -> podshell.PodRef:
    """The helper's container, for scripts."""
    return podshell.PodRef(destination.namespace, helper(ordinal), CONTAINER)


def _foreign(ordinal: int) -> str:
    return f"volume data-{member(ordinal)} holds data that this restore did not write: look whose it is"
