"""`export_ratio`: one large hosted cluster, exported by the product, against `kubectl get -o yaml` per object."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, middle, skipped
from sandbox import assets
from sandbox.aws.deploy import deploy
from sandbox.client import Client
from sandbox.node.isolation import detect
from sandbox.plan import REGION, ManagementClusterPlan, Plan
from sandbox.proof.kubectl import Kubectl
from sandbox.running.processes import Processes
from sandbox.world.large import LargeSeed, create_large

NAME, TARGET = "export_ratio", ">= 100"
_LEAST = 100
_START_SECONDS = 120
_SEED = LargeSeed()


@dataclass(frozen=True)
class Reads:
    """What one `kubectl get -o yaml` per object took: seconds of all of them, and how many were really run."""

    seconds: float
    objects: int
    sample: int


def measure(run: Path, *, sample: int | None, repeat: int) -> list[Figure]:
    """Export `repeat` times and warm; read `sample` objects one by one, or all. Skipped without a real API server."""
    try:
        kubectl = assets.find()["kubectl"]
    except assets.AssetsError as error:
        return [skipped(NAME, TARGET, f"no real kube-apiserver here: {error}")]
    with _api(run) as (cluster, bucket, environment):
        made = create_large(Client(cluster.controllers_kubeconfig), _SEED)
        exported = _export(environment, bucket, repeat)
        reads = _read_one_by_one(Kubectl(kubectl, cluster), exported["names"], sample)
    seconds = middle(exported["seconds"])
    ratio = round(reads.seconds / seconds, 1)
    whole = "" if reads.sample == reads.objects else f", extrapolated from {reads.sample}"
    words = f"{reads.objects} objects in {seconds:.2f} s; kubectl {reads.seconds:.0f} s{whole}"
    detail = {
        "in words": words,
        "export_seconds": exported["seconds"],
        "export_peak_rss_mib": exported["peak_mib"],
        "requests_per_export": exported["requests"],
        "kubectl_seconds": round(reads.seconds, 1),
        "kubectl_is_extrapolated": reads.sample < reads.objects,
        "objects_exported": reads.objects,
        "objects_read_by_kubectl": reads.sample,
        "objects_in_the_cluster": made,
    }
    return [Figure(NAME, ratio, TARGET, ratio >= _LEAST, detail=detail)]


@contextmanager
def _api(run: Path) -> Iterator[tuple[ManagementClusterPlan, str, dict[str, str]]]:
    """One real API server without controllers, and the deployed bucket; the environment is what a function has."""
    plan = Plan.create(run, isolation=detect(), kube="real")
    processes = Processes(plan.logs)
    cluster, path = plan.management_clusters[0], str(plan.run / "plan.json")
    try:
        processes.start("aws", "sandbox.aws", path)
        processes.start("api", "sandbox.envtest", path, cluster.name)
        processes.wait_for_file(plan.run / "aws.ready", _START_SECONDS)
        processes.wait_for_file(cluster.folder / "api.ready", _START_SECONDS)
        bucket = deploy(plan).bucket
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "AWS_ACCESS_KEY_ID": plan.access_key_id,
            "AWS_SECRET_ACCESS_KEY": plan.secret_access_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": plan.aws_url,
            "AWS_ENDPOINT_URL_S3": plan.s3_url,
            "KUBECONFIG_TEXT": cluster.kubeconfig.read_text(encoding="utf-8"),
        }
        yield cluster, bucket, environment
    finally:
        processes.stop()


def _export(environment: dict[str, str], bucket: str, repeat: int) -> dict[str, Any]:
    arguments = [bucket, _SEED.namespace, _SEED.name, _SEED.infra_id, str(repeat)]
    command = [sys.executable, "-m", "benchmarks.one_export", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the export failed: {done.stderr.strip()[-600:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _read_one_by_one(kubectl: Kubectl, names: Sequence[Sequence[str]], sample: int | None) -> Reads:
    """Read objects (plural.group, namespace, name), evenly spread when only a sample is asked for."""
    kubectl.run("api-resources", "--output=name")  # discovery is cached, as it is at an operator's desk
    count = min(sample or len(names), len(names))
    chosen = [names[index * len(names) // count] for index in range(count)]
    began = time.monotonic()
    for resource, namespace, name in chosen:
        where = [f"--namespace={namespace}"] if namespace else []
        kubectl.run("get", resource, name, *where, "--output=yaml")
    return Reads((time.monotonic() - began) * len(names) / count, len(names), count)
