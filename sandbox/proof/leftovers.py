"""What a backup may not leave behind: files and processes in etcd pods, open uploads, prefixes without a record."""

from __future__ import annotations

from typing import Any

from sandbox.client import PODS
from sandbox.objects import is_ready
from sandbox.plan import ManagementClusterPlan
from sandbox.proof import etcd
from sandbox.proof.clients import client_of

# One line a process. With rewriting the pods see the whole machine, so that only the container's own count.
_LOOK = r"""
for each in $(ls -A /tmp); do echo "/tmp/$each"; done
for each in /proc/[0-9]*; do
  [ "$each" = "/proc/$$" ] && continue
  if [ -n "${SANDBOX_CONTAINER:-}" ]; then
    tr '\0' '\n' < "$each/environ" 2>/dev/null | grep -qxF "SANDBOX_CONTAINER=$SANDBOX_CONTAINER" || continue
  fi
  tr '\0\n' '  ' < "$each/cmdline" 2>/dev/null; echo
done
"""
_OURS = ("/tmp/", "lifeboat-work", "snapshot save", "curl ")


def in_pods(cluster: ManagementClusterPlan, namespace: str) -> list[str]:
    """What lies in /tmp, and processes of a backup, in every ready etcd pod of a control plane."""
    left = []
    for pod in client_of(cluster).list(PODS, namespace, labels="app=etcd"):
        if not is_ready(pod):
            continue
        name = pod["metadata"]["name"]
        lines = etcd.run(cluster, namespace, name, _LOOK).splitlines()
        others = [line.strip() for line in lines if "ls -A /tmp" not in line]  # that is ourselves
        left += [f"{name}: {line[:120]}" for line in others if any(each in line for each in _OURS)]
    return left


def open_uploads(s3: Any, bucket: str) -> list[str]:
    """Keys of multipart uploads that were neither completed nor aborted."""
    pages = s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket)
    return [each["Key"] for page in pages for each in page.get("Uploads") or ()]


def unfinished(s3: Any, bucket: str) -> list[str]:
    """Ids of backups of which the bucket holds parts and no record."""
    parts: dict[str, set[str]] = {}
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="hosted-clusters/"):
        for each in page.get("Contents") or ():
            folder, found, rest = each["Key"].partition("/backups/")
            if found and "/" in rest:
                backup, _, name = rest.partition("/")
                parts.setdefault(f"{folder}/backups/{backup}", set()).add(name)
    return sorted(name for name, there in parts.items() if "backup.json" not in there)
