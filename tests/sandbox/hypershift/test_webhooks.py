"""The operator's webhooks are there while it is, and not a moment longer."""

import contextlib
import json
import socket
import ssl
import threading
import time

import pytest
import urllib3

from sandbox import credentials
from sandbox.hypershift.webhooks import WebhookServer, validating_configuration
from sandbox.plan import Plan

REVIEW = {
    "apiVersion": "admission.k8s.io/v1",
    "kind": "AdmissionReview",
    "request": {"uid": "r-1", "kind": {"kind": "NodePool"}},
}


@pytest.fixture
def cluster(tmp_path):
    plan = Plan.create(tmp_path, isolation="rewrite", cluster_api=("v1beta2", "v1beta1"))
    cluster = plan.management_clusters[0]
    credentials.prepare(cluster)
    return cluster


@pytest.fixture
def alive(cluster):
    """Set while the operator is ready."""
    alive = threading.Event()
    server = WebhookServer(cluster, alive.is_set).start()
    yield alive
    server.stop()
    refused(cluster)


@pytest.fixture
def pool(cluster):
    with urllib3.PoolManager(ca_certs=str(cluster.pki / "ca.crt"), retries=False) as pool:
        yield pool


def address(cluster):
    return cluster.webhook_url.removeprefix("https://").split(":")[0], 9443


def eventually(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def accepts(cluster):
    try:
        socket.create_connection(address(cluster), 1).close()
    except ConnectionError:  # refused, or cut while it waited
        return False
    return True


def refused(cluster):
    eventually(lambda: not accepts(cluster))


def test_the_port_is_open_while_the_operator_is_ready(cluster, alive, pool):
    assert not accepts(cluster)
    alive.set()
    eventually(lambda: accepts(cluster))
    answer = pool.request("POST", f"{cluster.webhook_url}/validate?timeout=15s", body=json.dumps(REVIEW))
    assert answer.json()["response"] == {"uid": "r-1", "allowed": True}
    alive.clear()
    refused(cluster)
    alive.set()
    eventually(lambda: accepts(cluster))


def test_open_connections_are_cut(cluster, alive):
    alive.set()
    eventually(lambda: accepts(cluster))
    context = ssl.create_default_context(cafile=str(cluster.pki / "ca.crt"))
    with (
        socket.create_connection(address(cluster), 5) as plain,
        context.wrap_socket(plain, server_hostname=address(cluster)[0]) as connection,
    ):
        alive.clear()
        refused(cluster)
        connection.settimeout(5)
        with contextlib.suppress(ssl.SSLEOFError, ConnectionResetError):
            assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("path", "body", "code"), [("/other", "{}", 404), ("/validate", "no json", 400), ("/convert", "{}", 400)]
)
def test_what_is_no_review_is_not_answered(cluster, alive, pool, path, body, code):
    alive.set()
    eventually(lambda: accepts(cluster))
    assert pool.request("POST", cluster.webhook_url + path, body=body).status == code


def test_the_configuration_fails_without_an_answer(cluster):
    webhooks = validating_configuration(cluster)["webhooks"]
    assert {each["failurePolicy"] for each in webhooks} == {"Fail"}
    assert [each["rules"][0]["resources"] for each in webhooks] == [["hostedclusters"], ["nodepools"]]
    assert {each["clientConfig"]["url"] for each in webhooks} == {f"{cluster.webhook_url}/validate"}
