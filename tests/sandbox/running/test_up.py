"""`python -m sandbox up`: what its ready file promises is true, and nothing outlives it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import dns.message
import dns.query
import pytest

from sandbox.client import HOSTED_CLUSTERS, shared_client
from sandbox.plan import Plan
from sandbox.proof import etcd

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    folder = tmp_path_factory.mktemp("up")
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "up",
        "--ready-file",
        folder / "ready.json",
        "--run-dir",
        folder / "run",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)
    deadline = time.monotonic() + 180
    while not (folder / "ready.json").exists():
        assert process.poll() is None, (folder / "log").read_text()
        assert time.monotonic() < deadline, (folder / "log").read_text()
        time.sleep(0.2)
    yield process, folder, json.loads((folder / "ready.json").read_text())
    process.kill()
    process.wait()


def test_the_ready_file_names_what_answers(up):
    _, _, ready = up
    aws = {
        "endpoint_url": ready["aws"]["endpoint_url"],
        "region_name": ready["aws"]["region"],
        "aws_access_key_id": ready["aws"]["access_key_id"],
        "aws_secret_access_key": ready["aws"]["secret_access_key"],
    }
    assert set(ready["state_machines"]) == {"backup", "restore", "teardown", "recover"}
    machines = boto3.client("stepfunctions", **aws).list_state_machines()["stateMachines"]
    assert set(ready["state_machines"].values()) == {each["stateMachineArn"] for each in machines}
    assert ready["bucket"] in {each["Name"] for each in boto3.client("s3", **aws).list_buckets()["Buckets"]}
    assert ready["event_bus"] == "lifeboat"
    assert {name: Path(each["kubeconfig"]).exists() for name, each in ready["management_clusters"].items()} == {
        "mgmt-1": True,
        "mgmt-2": True,
    }
    client = shared_client(Path(ready["management_clusters"]["mgmt-1"]["kubeconfig"]))
    assert {each["metadata"]["name"] for each in client.list(HOSTED_CLUSTERS)} == {"blue", "blue-green"}
    lines = Path(ready["acknowledged_writes"]).read_text().splitlines()
    assert set(json.loads(lines[0])) >= {"key", "value", "revision", "time"}


def test_the_resolver_knows_the_public_names(up):
    _, _, ready = up
    hosted = ready["hosted_api"]["blue"]
    name = hosted["url"].removeprefix("https://").partition(":")[0]
    address, _, port = hosted["resolver"].partition(":")
    answer = dns.query.udp(dns.message.make_query(name, "A"), address, port=int(port), timeout=5)
    assert any(record.rdtype == dns.rdatatype.A for record in answer.answer)
    assert "BEGIN CERTIFICATE" in Path(hosted["ca"]).read_text()


@pytest.mark.parametrize("endpoint", ["localhost:2379", "https://localhost:2379"])
@pytest.mark.parametrize("plane", ["clusters-blue", "clusters-blue-green"])
def test_the_usual_etcd_commands_work_verbatim(up, plane, endpoint):
    _, folder, _ = up
    cluster = Plan.load(folder / "run" / "plan.json").management_cluster("mgmt-1")
    command = (
        "env ETCDCTL_API=3 /usr/bin/etcdctl --cacert /etc/etcd/tls/etcd-ca/ca.crt "
        "--cert /etc/etcd/tls/client/etcd-client.crt --key /etc/etcd/tls/client/etcd-client.key "
        f"--endpoints={endpoint} member list"
    )
    said = etcd.run(cluster, plane, "etcd-0", command)
    assert said.count("started") == (3 if plane == "clusters-blue" else 1)


def test_nothing_outlives_it(up):
    process, folder, _ = up
    assert (folder / "ready.env").exists()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM
    assert not (folder / "ready.json").exists()
    assert not (folder / "ready.env").exists()
    assert not (folder / "run").exists()
    mark = str(folder / "run").encode()
    assert [each for each in _command_lines() if mark in each] == []


def _command_lines():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            continue
