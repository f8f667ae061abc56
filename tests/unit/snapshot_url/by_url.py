"""A SingleReplica hosted cluster that is restored by its snapshot's URL, in memory."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Any

from lifeboat.errors import ObjectRefusedError
from lifeboat.restore.loading import SNAPSHOT_URL, Destination
from lifeboat.restore.preflight import Look
from tests.unit.backed_up import World, a_backup
from tests.unit.builders import an_object, blue
from tests.unit.memory import NOW, MemoryCluster
from tests.unit.pods import EtcdPods

CANARY = "5ec3e7c0ffee"
INNER = "clusters-blue"


def url_of(now: datetime.datetime = NOW, seconds: int = 86400, **query: str) -> str:
    """As SigV4 makes it, its signature a word that must be told nowhere."""
    told = {"X-Amz-Date": f"{now:%Y%m%dT%H%M%SZ}", "X-Amz-Expires": str(seconds), "X-Amz-Signature": CANARY, **query}
    return "https://bucket.s3.us-east-2.amazonaws.com/snapshot.db?" + "&".join(f"{k}={v}" for k, v in told.items())


class Signer:
    """A user that signs: each URL is another one."""

    def __init__(self, url: str | None = None) -> None:
        self.asked: list[tuple[str, str | None, int]] = []
        self._url = url

    def sign(self, key: str, version_id: str | None, seconds: int) -> str:
        self.asked.append((key, version_id, seconds))
        return self._url or f"{url_of(seconds=seconds)}&n={len(self.asked)}"


class Door:
    """What stands behind every URL."""

    def __init__(self, size: int | None) -> None:
        self.size = size

    def size_behind(self, url: str) -> int | None:
        return self.size


class Quoting(MemoryCluster):
    """Refuses what holds a URL, and quotes it, as an API server and its webhooks may."""

    def create(self, resource: Any, manifest: Any) -> Any:
        if "restoreSnapshotURL" in str(manifest):
            msg = f"{self.name} answered 422 Invalid to POST: Invalid value: {manifest}"
            raise ObjectRefusedError(msg)
        return super().create(resource, manifest)


def a_world() -> World:
    return a_backup(blue().with_members(1))


def opened(world: World, **fields: Any) -> Destination:
    """The destination of a restore by URL; the release stages what it restores."""
    found = world.open()
    state = dataclasses.replace(found.state, release_version="4.22.3")
    return dataclasses.replace(found, state=state, etcd_restore=SNAPSHOT_URL, **fields)


def look(world: World, destination: Destination | None = None) -> Look:
    outside = dataclasses.replace(world.outside, signs_urls=True)
    return Look.at(destination or opened(world), world.source, outside)


def etcd_came_up(cluster: MemoryCluster, **spoilt: Any) -> EtcdPods:
    """What HyperShift leaves once etcd restored itself and rolled."""
    cluster.add(
        an_object(
            "apps/v1",
            "StatefulSet",
            "etcd",
            INNER,
            spec={"replicas": 1, "template": {"spec": {"initContainers": [{"name": "ensure-dns"}]}}},
            status={
                "observedGeneration": 2,
                "replicas": 1,
                "updatedReplicas": 1,
                "readyReplicas": 1,
                "currentRevision": "etcd-2",
                "updateRevision": "etcd-2",
            },
        ),
        etcd_pod(None),
    )
    pods = EtcdPods(revision=120, keys=20, **spoilt)
    cluster.exec_handler = pods
    return pods


def etcd_pod(status: dict[str, Any] | None) -> dict[str, Any]:
    """`etcd-0`, with the status of its init container, or without that container."""
    init = [{"name": "etcd-init"}] if status is not None else []
    statuses = [{"name": "ensure-dns", "state": {"terminated": {"exitCode": 0}}}]
    statuses += [{"name": "etcd-init", **status}] if status is not None else []
    spec = {"initContainers": [{"name": "ensure-dns"}, *init], "containers": [{"name": "etcd"}]}
    return an_object("v1", "Pod", "etcd-0", INNER, spec=spec, status={"initContainerStatuses": statuses})
