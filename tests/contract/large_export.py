"""`python -m tests.contract.large_export NAMESPACE NAME`: export once, warm, and tell what it took (JSON).

The kubeconfig comes by the environment. What is stored is held by this process as well.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

from lifeboat import export, inventory, observed
from lifeboat.adapters.kube import KubernetesCluster
from lifeboat.layout import BackupLayout
from lifeboat.model import HostedClusterRef
from tests.unit.memory import MemoryStore


def main() -> None:
    cluster = KubernetesCluster.from_kubeconfig("mgmt-1", os.environ["KUBECONFIG_TEXT"])
    hosted = HostedClusterRef(*sys.argv[1:3])
    inventory.collect(cluster, hosted)
    requests = 0
    call = cluster._call

    def counted(*arguments, **named):
        nonlocal requests
        requests += 1
        return call(*arguments, **named)

    cluster._call = counted
    began = time.monotonic()
    found = inventory.collect(cluster, hosted)
    evidence = {observed.NAME: observed.observe(cluster, hosted, found)}
    exported = export.export(MemoryStore(), BackupLayout("b/"), found, evidence)
    seconds = time.monotonic() - began
    cluster._api.rest_client.pool_manager.clear()
    answer = {"seconds": seconds, "requests": requests, "peak_mib": _peak_mib()}
    print(json.dumps({**answer, "objects": sum(each.count for each in exported.manifests)}))  # noqa: T201


def _peak_mib() -> int:
    """Of this program: `getrusage` would tell the parent's peak where that is higher."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) // 1024


if __name__ == "__main__":
    main()
