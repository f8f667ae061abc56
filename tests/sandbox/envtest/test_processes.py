"""etcd, kube-apiserver and kube-controller-manager of one management cluster (`python -m sandbox.envtest`)."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox import assets
from sandbox.client import CONFIG_MAPS, HOSTED_CLUSTERS, SERVICE_ACCOUNTS, Client
from sandbox.plan import Plan

REPOSITORY = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(not assets.available(), reason="Kubernetes' programs are not built: `make kube`")


def started(plan, cluster, **options):
    with (plan.logs / "api.log").open("ab") as log:
        command = [sys.executable, "-m", "sandbox.envtest", str(plan.run / "plan.json"), cluster.name]
        return subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log, **options)


def eventually(check, what, seconds=120):
    deadline = time.monotonic() + seconds
    while not (found := check()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)
    return found


def processes_of(plan):
    """The pids of everything whose command line names this run."""
    mark, found = str(plan.run).encode(), set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark in path.read_bytes():
                found.add(int(path.parent.name))
        except OSError:
            continue
    return found - {os.getpid()}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A plan, one cluster of it, the process that serves it."""
    plan = Plan.create(tmp_path_factory.mktemp("envtest"), isolation="rewrite", kube="real")
    cluster = plan.management_clusters[0]
    process = started(plan, cluster)
    try:
        eventually(
            lambda: (cluster.folder / "api.ready").exists() or process.poll() is not None,
            "the API serves",
        )
        assert process.poll() is None, (plan.logs / "api.log").read_text()
        yield plan, cluster, process
    finally:
        process.kill()
        process.wait()


def test_once_ready_all_kinds_are_served_and_accounts_are_there(running):
    _, cluster, _ = running
    client = Client(cluster.kubeconfig)
    assert client.list(HOSTED_CLUSTERS) == []
    assert client.get(SERVICE_ACCOUNTS, "default", "default") is not None


def test_the_audit_log_names_requests_and_no_bodies(running):
    plan, cluster, _ = running
    client = Client(cluster.kubeconfig)
    client.create(CONFIG_MAPS, {"metadata": {"name": "said", "namespace": "default"}, "data": {"key": "never-told"}})
    log = plan.logs / f"{cluster.name}-audit.jsonl"
    eventually(lambda: "/api/v1/namespaces/default/configmaps" in log.read_text(), "the request is told")
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    mine = [line for line in lines if line["verb"] == "create" and line["objectRef"]["resource"] == "configmaps"]
    assert [line["user"]["username"] for line in mine][-1] == "kubernetes-admin"
    assert "never-told" not in log.read_text()
    assert cluster.admin_token not in log.read_text()


def test_a_restart_keeps_the_data(running):
    _, cluster, process = running
    client = Client(cluster.kubeconfig)
    client.create(CONFIG_MAPS, {"metadata": {"name": "kept", "namespace": "default"}, "data": {"key": "value"}})
    ready = cluster.folder / "api.ready"
    before = ready.stat().st_mtime_ns
    process.send_signal(signal.SIGUSR1)
    eventually(lambda: ready.exists() and ready.stat().st_mtime_ns != before, "it serves again")
    kept = client.get(CONFIG_MAPS, "kept", "default")
    assert kept["data"] == {"key": "value"}
    client.patch(CONFIG_MAPS, "kept", {"data": {"key": "new"}}, "default")
    assert process.poll() is None


def test_it_ends_with_the_reason_when_a_program_ends(tmp_path):
    plan = Plan.create(tmp_path, isolation="rewrite", kube="real")
    cluster = plan.management_clusters[0]
    process = started(plan, cluster)
    try:
        etcd = eventually(lambda: _pids(plan, "/etcd"), "etcd runs")
        os.kill(etcd[0], signal.SIGKILL)
        assert process.wait(60) == 1
    finally:
        process.kill()
        process.wait()
    last = (plan.logs / "api.log").read_text().splitlines()[-1]
    assert last.startswith("api-etcd ended with -9")
    assert not (cluster.folder / "api.ready").exists()
    eventually(lambda: not processes_of(plan), "all programs are gone", 10)


def test_nothing_outlives_a_killed_supervisor(tmp_path):
    plan = Plan.create(tmp_path, isolation="rewrite", kube="real")
    process = started(plan, plan.management_clusters[0])
    try:
        eventually(lambda: _pids(plan, "/etcd") and _pids(plan, "/kube-apiserver"), "both run")
    finally:
        process.kill()
        process.wait()
    eventually(lambda: not processes_of(plan), "all programs are gone", 10)


def _pids(plan, program):
    """Those of the run's processes that run `program`, not the shim that is about to."""
    return [pid for pid in processes_of(plan) if _command(pid).partition("\0")[0].endswith(program)]


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
