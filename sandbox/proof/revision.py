"""Whether a restore raised etcd's revision: the snapshot in S3, etcd's own tool and every member are asked.

A client that saw a later revision than the snapshot's would take what it remembers for the future. So etcd's
documentation ("Disaster recovery", "Restoring with revision bump") has the revision raised, and everything before it
marked as compacted: such a client is told to list anew.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.node import images
from sandbox.plan import ManagementClusterPlan, Plan
from sandbox.proof import etcd
from sandbox.proof.rows import Row, row
from sandbox.running import Sandbox

RAISED_BY = 10**9


@dataclass(frozen=True)
class Raise:
    """What is known of a restore. `snapshot` is the revision that the newest snapshot in the bucket holds."""

    snapshot: int
    tool_can: bool
    compacted: bool
    """Whether every member refuses to read at the snapshot's revision."""


def look(sandbox: Sandbox, home: ManagementClusterPlan, namespace: str, pods: Sequence[str]) -> Raise:
    """Ask S3, and the etcd `pods` in `namespace` of management cluster `home`."""
    revision = _of_newest_snapshot(sandbox)
    etcdutl = _etcdutl(sandbox.plan)
    said = subprocess.run([str(etcdutl), "snapshot", "restore", "--help"], capture_output=True, text=True, check=False)
    read = f"{etcd.ETCDCTL} get / --rev={revision} --count-only 2>&1 || true"
    answers = [etcd.run(home, namespace, pod, read) for pod in pods]
    return Raise(
        snapshot=revision,
        tool_can="--bump-revision" in said.stdout + said.stderr,
        compacted=bool(answers) and all("required revision has been compacted" in each for each in answers),
    )


def row_of(before: int, after: int, found: Raise) -> Row:
    """Raised where etcd's tool can, else said plainly; never lower than it was."""
    if not found.tool_can:
        good = after >= max(before, found.snapshot) and after < RAISED_BY
        return row("etcd revision", f"{before}", f"{after}: not raised, this etcdutl cannot", good)
    raised = after - found.snapshot
    good = RAISED_BY <= raised < 2 * RAISED_BY and found.compacted
    told = f"{after}: raised by 10^9, {'what was before is compacted' if found.compacted else 'NOT compacted'}"
    return row(
        "etcd revision",
        f"{before} (snapshot: {found.snapshot})",
        told if raised >= RAISED_BY else f"{after}: NOT raised",
        good,
    )


def _of_newest_snapshot(sandbox: Sandbox) -> int:
    s3, bucket = sandbox.client("s3"), sandbox.stack.bucket
    found = [
        each
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for each in page.get("Contents", ())
        if each["Key"].endswith(".db")
    ]
    newest = max(found, key=lambda each: each["LastModified"])
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "snapshot.db"
        file.write_bytes(s3.get_object(Bucket=bucket, Key=newest["Key"])["Body"].read())
        command = [str(_etcdutl(sandbox.plan)), "snapshot", "status", "-w", "json", str(file)]
        said = subprocess.run(command, capture_output=True, text=True, check=True)
    return int(json.loads(said.stdout)["revision"])


def _etcdutl(plan: Plan) -> Path:
    return Path(plan.etcd or images.etcd_programs()) / "etcdutl"
