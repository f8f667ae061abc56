"""Exec through the API server: streams, outcomes, and what a success does not prove."""

from __future__ import annotations

import base64
import hashlib
import json
import time

import pytest
from websocket import WebSocketBadStatusException

from lifeboat import podshell
from lifeboat.errors import ApiUnavailableError, ObjectRefusedError
from lifeboat.podshell import PodRef
from sandbox.plan import RELEASE_REGISTRY
from tests.contract.client import at
from tests.contract.executing import V4, V5, run, start
from tests.contract.lifeboats import lifeboat_on
from tests.contract.words import a_pod, a_secret

_HOME, _POD = "execs", "shell"
_BOTH = pytest.mark.parametrize("protocol", [V4, V5], ids=["v4", "v5"])
_MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def pod(api):
    """The path of a pod with a shell (`main`) and a container that runs nothing (`idle`)."""
    api.post(at("namespaces"), {"metadata": {"name": _HOME}}).ok()
    auths = json.dumps({"auths": {RELEASE_REGISTRY: {"auth": "YTpi"}}}).encode()
    config = {".dockerconfigjson": base64.b64encode(auths).decode()}
    api.post(at("secrets", _HOME), a_secret("pull", type="kubernetes.io/dockerconfigjson", data=config)).ok()
    shell = {"name": "main", "image": f"{RELEASE_REGISTRY}/ocp/etcd:4.17.12", "command": ["sleep", "1000"]}
    idle = {"name": "idle", "image": "registry.example.com/idle:1"}
    body = a_pod(_POD, containers=[shell, idle], imagePullSecrets=[{"name": "pull"}])
    body["metadata"]["annotations"] = {"kubectl.kubernetes.io/default-container": "main"}  # kubectl's, not the API's
    api.eventually(lambda: api.post(at("pods", _HOME), body).code == 201)
    path = at("pods", _HOME, _POD)

    def is_ready():
        found = api.get(path).ok()["status"].get("conditions") or ()
        return any(each["type"] == "Ready" and each["status"] == "True" for each in found)

    api.eventually(is_ready, 60)
    return path


@_BOTH
def test_output_errors_and_exit_code(api, pod, protocol):
    ended = run(api, pod, "sh", "-c", "echo out; echo err >&2; exit 3", protocol=protocol)
    assert (ended.out, ended.err, ended.code) == (b"out\n", b"err\n", 3)
    assert ended.status["status"] == "Failure"
    assert ended.status["reason"] == "NonZeroExitCode"
    assert ended.status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
    ended = run(api, pod, "true", protocol=protocol)
    assert ended.status["status"] == "Success"


def test_a_long_command_is_taken_whole(api, pod):
    """The command is part of the request's line. Many a server ends that at 8 KiB; this one takes a script of 60."""
    script = "# a comment, encoded\n" * 3000 + "echo done"
    ended = run(api, pod, "sh", "-c", script, protocol=V5)
    assert (ended.out, ended.code) == (b"done\n", 0)


def test_newest_protocol_that_both_know_is_chosen(api, pod):
    """Whatever the client prefers."""
    for offered, chosen in (([V5, V4], V5), ([V4, V5], V5), (["v9.channel.k8s.io", V4], V4)):
        running = start(api, pod, ["true"], protocols=offered)
        assert running.protocol == chosen
        assert running.end().code == 0


@_BOTH
def test_stdin_reaches_the_command(api, pod, protocol):
    """v4 cannot say that stdin is over: the command must know how much to read."""
    data = bytes(range(256)) * 1200
    ended = run(api, pod, "head", "-c", str(len(data)), stdin=data, protocol=protocol)
    assert hashlib.sha256(ended.out).digest() == hashlib.sha256(data).digest()
    assert ended.code == 0


def test_stdin_ends_in_v5(api, pod):
    running = start(api, pod, ["sha256sum"], protocols=[V5], stdin=True)
    running.write(b"abc")
    running.end_stdin()
    assert running.end().out.startswith(b"ba7816bf")


def test_command_goes_on_while_it_is_read(api, pod):
    running = start(api, pod, ["sh", "-c", "echo one; read -r line; echo got $line; read -r _"], stdin=True)
    running.until(b"one\n")
    running.write(b"two\n")
    running.until(b"got two\n")
    running.write(b"\n")
    assert running.end().code == 0


@_BOTH
def test_fast_reader_gets_all(api, pod, protocol):
    ended = run(api, pod, "head", "-c", str(8 * _MEBIBYTE), "/dev/zero", protocol=protocol)
    assert (len(ended.out), ended.code) == (8 * _MEBIBYTE, 0)


@_BOTH
def test_slow_reader_gets_the_beginning_and_a_success(api, pod, protocol):
    """With v4 all of it; with v5 a real server may cut the end off and tell Success all the same."""
    size = 6 * _MEBIBYTE
    running = start(api, pod, ["sh", "-c", f"seq 1 2000000 | head -c {size}"], protocols=[protocol])
    ended = running.end(bytes_per_second=4 * _MEBIBYTE)
    whole = b"".join(b"%d\n" % number for number in range(1, 1_000_000))[:size]
    assert len(whole) == size
    assert whole.startswith(ended.out)
    assert ended.code == 0
    if protocol == V4 or api.name == "emulated":
        assert len(ended.out) == size


def test_command_outlives_a_dropped_connection(api, pod):
    """So a step that is tried again must be one that may run twice."""
    mark = f"/tmp/mark-{time.monotonic_ns()}"
    running = start(api, pod, ["sh", "-c", f"echo begun; sleep 1; echo done > {mark}"])
    running.until(b"begun\n")
    running.drop()
    api.eventually(lambda: run(api, pod, "cat", mark).out == b"done\n")


def test_many_commands_at_once(api, pod):
    running = [start(api, pod, ["sh", "-c", f"sleep 0.3; echo {number}"]) for number in range(12)]
    assert [each.end().out for each in running] == [b"%d\n" % number for number in range(12)]


def test_program_that_is_not_there_fails(api, pod):
    ended = run(api, pod, "no-such-program")
    assert ended.status["status"] == "Failure"


def test_container_without_a_process_runs_commands_too(api, pod):
    running = start(api, pod, ["echo", "x"], container="idle")
    assert running.end().out == b"x\n"


def _refusal(api, path, command=("true",), **options):
    with pytest.raises(WebSocketBadStatusException) as refused:
        start(api, path, command, **options)
    return refused.value.status_code, json.loads(refused.value.resp_body or b"{}")


def test_exec_in_a_pod_that_is_not_there_is_not_found(api, pod):
    code, status = _refusal(api, at("pods", _HOME, "none"))
    assert (code, status["reason"], status["message"]) == (404, "NotFound", 'pods "none" not found')


def test_exec_in_a_container_that_is_not_there_is_a_bad_request(api, pod):
    code, status = _refusal(api, pod, container="none")
    assert (code, status["reason"]) == (400, "BadRequest")
    assert status["message"] == f"container none is not valid for pod {_POD}"


def test_container_must_be_named_unless_it_is_the_only_one(api, pod):
    """The annotation of a default container counts for kubectl alone."""
    code, status = _refusal(api, pod, container=None)
    assert code == 400
    assert status["message"] == f"a container name must be specified for pod {_POD}, choose one of: [main idle]"


def test_exec_in_a_pod_without_a_node_is_a_bad_request(api, home):
    api.post(at("pods", home), a_pod("one", schedulerName="hand")).ok()
    code, status = _refusal(api, at("pods", home, "one"))
    assert (code, status["message"]) == (400, "pod one does not have a host assigned")


def test_exec_on_a_node_that_is_not_there_fails(api, home):
    api.post(at("pods", home), a_pod("one", nodeName="nowhere")).ok()
    code, status = _refusal(api, at("pods", home, "one"))
    assert (code, status["reason"]) == (404, "NotFound")
    assert '"nowhere" not found' in status["message"]
    api.delete(at("pods", home, "one"), {"gracePeriodSeconds": 0}).ok()


def test_exec_stands_in_the_audit_log_and_its_stdin_does_not(api, backend, pod):
    """Why secrets go in through stdin."""
    ended = run(api, pod, "sh", "-c", "read -r it; echo visible-argument", stdin=b"hidden-input\n")
    assert ended.code == 0
    log = backend.plan.logs / f"{backend.cluster.name}-audit.jsonl"
    api.eventually(lambda: "visible-argument" in log.read_text())
    assert "hidden-input" not in log.read_text()


def test_lifeboats_script_comes_back_whole(backend, pod):
    cluster = lifeboat_on(backend)
    where = PodRef(_HOME, _POD, "main")
    result = podshell.run(cluster, where, 'IFS= read -r key; echo "$1 ${#key}"; exit 4', "argument", secrets=["s3cret"])
    assert (result.output, result.exit_code) == ("argument 6\n", 4)
    large = podshell.run(cluster, where, "seq 1 60000")
    assert large.output.endswith("59999\n60000\n")


def test_lifeboat_tells_what_it_may_try_again(backend, pod):
    cluster = lifeboat_on(backend)
    with pytest.raises(ObjectRefusedError, match="404"):
        cluster.exec(_HOME, "none", "main", ["true"])
    with pytest.raises(ObjectRefusedError, match="400"):
        cluster.exec(_HOME, _POD, "none", ["true"])
    with pytest.raises(ApiUnavailableError, match="no answer within 1 s"):
        cluster.exec(_HOME, _POD, "main", ["sleep", "3"], timeout=1)
    stranger = lifeboat_on(backend, backend.cluster.viewer_token)
    with pytest.raises(ObjectRefusedError, match="403"):
        stranger.exec(_HOME, _POD, "main", ["true"])
