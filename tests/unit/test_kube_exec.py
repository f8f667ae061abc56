"""How a refused websocket is told."""

import socket

import pytest
from kubernetes.client import ApiClient, Configuration
from websocket import WebSocketBadStatusException, WebSocketTimeoutException

from lifeboat.adapters import kube_exec
from lifeboat.errors import ApiUnavailableError, ObjectRefusedError


def run_refused(monkeypatch, error):
    def refuse(*_):
        raise error

    monkeypatch.setattr(kube_exec, "WSClient", refuse)
    api = ApiClient(Configuration(host="https://api.example.com"))
    kube_exec.run(api, "mgmt-1", "clusters-blue", "etcd-0", "etcd", ["true"], "", 1)


@pytest.mark.parametrize("code", [400, 401, 403, 404])
def test_a_pod_that_is_not_there_is_refused_for_good(monkeypatch, code):
    error = WebSocketBadStatusException("Handshake status %d %s", code, resp_body=b"a body that may quote")
    with pytest.raises(ObjectRefusedError, match=rf"clusters-blue/etcd-0 \(etcd\) on mgmt-1 was refused \({code}\)$"):
        run_refused(monkeypatch, error)


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_server_that_has_no_time_is_worth_another_try(monkeypatch, code):
    with pytest.raises(ApiUnavailableError, match=rf"could not start \({code}\)$"):
        run_refused(monkeypatch, WebSocketBadStatusException("Handshake status %d %s", code))


@pytest.mark.parametrize("error", [WebSocketTimeoutException("secret"), ConnectionRefusedError("secret")])
def test_a_connection_that_fails_is_worth_another_try(monkeypatch, error):
    with pytest.raises(ApiUnavailableError, match=rf"could not start \({type(error).__name__}\)$"):
        run_refused(monkeypatch, error)


def test_a_handshake_that_is_never_answered_ends(monkeypatch):
    """A dead node's kubelet never answers, and the API server waits for it."""
    monkeypatch.setattr(kube_exec, "HANDSHAKE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        api = ApiClient(Configuration(host=f"http://127.0.0.1:{silent.getsockname()[1]}"))
        with pytest.raises(ApiUnavailableError, match=r"could not start \(WebSocketTimeoutException\)$"):
            kube_exec.run(api, "mgmt-1", "clusters-blue", "etcd-0", "etcd", ["true"], "", 1)
