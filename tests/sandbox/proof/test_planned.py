"""A plan held against an audit log: what was made and not planned, and the other way round."""

import json

import pytest

from sandbox.proof import planned

PLAN = {
    "writes": [
        {"on": "mgmt-1", "verb": "patch", "kind": "NodePool", "namespace": "clusters", "name": "workers-a"},
        {"on": "mgmt-1", "verb": "create", "kind": "ConfigMap", "namespace": "default", "name": "mgmt-parent-cluster"},
        {"on": "mgmt-1", "verb": "delete", "kind": "Machine", "namespace": "clusters-blue", "name": "m-0"},
        {"on": "mgmt-1", "verb": "patch", "kind": "Cluster", "namespace": "b", "name": "c", "when": "it stays paused"},
        {"on": "mgmt-1", "verb": "exec", "kind": "Pod", "namespace": "clusters-blue", "name": "etcd-0"},
        {"on": "S3", "verb": "put", "kind": "object", "namespace": None, "name": "backup.json"},
        {"on": "mgmt-2", "verb": "delete", "kind": "Pod", "namespace": "hypershift", "name": "external-dns-1"},
    ]
}
NODE_POOL = ("patch", "/apis/hypershift.openshift.io/v1beta1/namespaces/clusters/nodepools/workers-a?x=y")
CONFIG_MAP = ("create", "/api/v1/namespaces/default/configmaps")
MACHINE = ("delete", "/apis/cluster.x-k8s.io/v1beta1/namespaces/clusters-blue/machines/m-0")
READ = ("get", "/api/v1/namespaces/default/configmaps/x")
EXEC = ("create", "/api/v1/namespaces/clusters-blue/pods/etcd-0/exec?command=sh")


class Logs:
    def __init__(self, folder):
        self.logs = folder

    def write(self, *changes, code=200, user=planned.ADMINISTRATOR, cluster="mgmt-1"):
        lines = [{"user": user, "verb": verb, "requestURI": uri, "code": code} for verb, uri in changes]
        with (self.logs / f"{cluster}-audit.jsonl").open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)


@pytest.fixture
def logs(tmp_path):
    return Logs(tmp_path)


def row(logs, cluster="mgmt-1"):
    return planned._row(logs, PLAN, cluster, 0)


def test_what_was_planned_and_made_is_right(logs):
    logs.write(NODE_POOL, CONFIG_MAP, MACHINE, READ, EXEC)
    assert (row(logs).before, row(logs).after, row(logs).problem) == ("3 planned", "3 made", "")


def test_a_delete_that_the_garbage_collector_made_is_told_and_right(logs):
    logs.write(NODE_POOL, CONFIG_MAP)
    assert (row(logs).after, row(logs).problem) == ("2 made, 1 deletes left to the garbage collector", "")


def test_what_was_not_planned_is_named(logs):
    logs.write(NODE_POOL, CONFIG_MAP, MACHINE, ("delete", "/api/v1/namespaces/clusters/secrets/pull-secret"))
    assert row(logs).problem == "not planned: delete secrets clusters/pull-secret"


def test_what_was_planned_and_not_made_is_named(logs):
    logs.write(CONFIG_MAP, MACHINE)
    assert row(logs).problem == "planned and not made: patch nodepools clusters/workers-a"


def test_a_write_under_a_condition_may_be_made_or_not(logs):
    logs.write(NODE_POOL, CONFIG_MAP, MACHINE, ("patch", "/apis/cluster.x-k8s.io/v1beta1/namespaces/b/clusters/c"))
    assert row(logs).problem == ""


def test_refused_writes_and_those_of_others_do_not_count(logs):
    logs.write(NODE_POOL, CONFIG_MAP, MACHINE)
    logs.write(("delete", "/api/v1/namespaces/x"), code=409)
    logs.write(("delete", "/api/v1/namespaces/y"), user="capi")
    assert row(logs).problem == ""


def test_pods_count_without_their_names(logs):
    logs.write(("delete", "/api/v1/namespaces/hypershift/pods/external-dns-77"), cluster="mgmt-2")
    assert row(logs, "mgmt-2").problem == ""


def test_a_real_apis_log_is_read_as_well(logs):
    user = {"username": planned.ADMINISTRATOR}
    entry = {"user": user, "verb": "patch", "requestURI": NODE_POOL[1], "responseStatus": {"code": 200}}
    (logs.logs / "mgmt-1-audit.jsonl").write_text(json.dumps(entry) + "\n")
    assert "planned and not made: create configmaps default" in row(logs).problem
    assert "nodepools" not in row(logs).problem
