"""`python -m benchmarks.one_export BUCKET NAMESPACE NAME INFRA_ID REPEAT`: export as the function does (JSON).

A process of its own, as on AWS: peak memory is that of the product. The kubeconfig comes by the environment.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from lifeboat import inventory
from lifeboat.adapters.kube import KubernetesCluster
from lifeboat.adapters.s3 import BackupBucket, s3_client
from lifeboat.exporting import export_manifests
from lifeboat.model import BackupKind, HostedClusterRef, Operation, Task
from lifeboat.ports import Instances, Protection


class _NoInstances(Instances):
    """An online export asks for none."""

    def of(self, infra_id: str) -> dict[str, str]:
        raise RuntimeError(f"the instances of {infra_id} were asked for")

    def protections(self, infra_id: str) -> dict[str, Protection]:
        raise RuntimeError(f"the instances of {infra_id} were asked for")

    def protect(self, instance_id: str, *, on: bool) -> None:
        raise RuntimeError(f"{instance_id} was to be protected ({on})")


def main() -> None:
    bucket, namespace, name, infra_id, repeat = sys.argv[1:]
    cluster = KubernetesCluster.from_kubeconfig("mgmt-1", os.environ["KUBECONFIG_TEXT"])
    store = BackupBucket(s3_client(), bucket)
    hosted = HostedClusterRef(namespace, name)
    requests = [0]
    call = cluster._call  # noqa: SLF001 - counted, not changed

    def counted(*arguments: object, **named: object) -> object:
        requests[0] += 1
        return call(*arguments, **named)  # type: ignore[arg-type]

    cluster._call = counted  # type: ignore[method-assign]  # noqa: SLF001
    found = inventory.collect(cluster, hosted)  # warms connections and discovery
    store.keys("warm/")
    seconds, objects = [], 0
    for number in range(int(repeat)):
        task = Task(
            Operation("bench", 1, "bench"),
            hosted,
            source="mgmt-1",
            backup_id=f"bench-{number}",
            infra_id=infra_id,
            data={"kind": BackupKind.ONLINE},
        )
        requests[0] = 0
        began = time.monotonic()
        answer = export_manifests(cluster, store, _NoInstances(), task)
        seconds.append(round(time.monotonic() - began, 3))
        objects = answer["objects"]
    names = [
        (
            f"{group.resource.plural}.{group.resource.group}".rstrip("."),
            group.namespace or "",
            each["metadata"]["name"],
        )
        for group in found.groups
        for each in group.objects
    ]
    if len(names) != objects:
        raise RuntimeError(f"{objects} objects were exported, {len(names)} are there")
    answer = {"seconds": seconds, "requests": requests[0], "peak_mib": _peak_mib(), "names": names}
    print(json.dumps(answer))


def _peak_mib() -> int:
    """Of this program: `getrusage` would tell the parent's peak where that is higher."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) // 1024


if __name__ == "__main__":
    main()
