"""Exec through the API server, with a kubelet that echoes."""

from __future__ import annotations

import json
import ssl

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from kubernetes import client
from kubernetes.stream import stream, ws_client

from sandbox.plan import KUBELET_PORT
from tests.sandbox.kube.words import a_pod, refused

SUCCESS = json.dumps({"metadata": {}, "status": "Success"}).encode()
FAILURE = json.dumps(
    {"status": "Failure", "reason": "NonZeroExitCode", "message": "command terminated with non-zero exit code",
     "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}}
).encode()  # fmt: skip


class EchoingKubelet:
    """Answers `cat` with what stdin brings, `fail` with exit code 3, `big` with many bytes."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, list[str], str | None]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        assert request.headers["Authorization"].startswith("Bearer ")
        socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io", "v4.channel.k8s.io"), max_msg_size=0)
        await socket.prepare(request)
        command = request.query.getall("command")
        self.asked.append((request.path, command, socket.ws_protocol))
        match command:
            case ["cat"]:
                async for message in socket:
                    # what was written as text comes as text: the client's choice
                    data = message.data.encode() if message.type == WSMsgType.TEXT else message.data
                    if data[0] == 0:
                        await socket.send_bytes(b"\x01" + data[1:])
                    if data.endswith(b"end\n"):
                        break
            case ["big"]:
                for _ in range(256):
                    await socket.send_bytes(b"\x01" + b"x" * 32768)
            case _:
                await socket.send_bytes(b"\x02" + " ".join(command).encode())
        await socket.send_bytes(b"\x03" + (FAILURE if command == ["fail"] else SUCCESS))
        await socket.close()
        return socket


@pytest.fixture
def kubelet(running, core, namespace):
    kubelet = EchoingKubelet()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(running.cluster.pki / "kubelet.crt", running.cluster.pki / "kubelet.key")

    async def start() -> web.AppRunner:
        application = web.Application()
        application.router.add_get("/exec/{namespace}/{pod}/{container}", kubelet.handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, running.cluster.kubelet_address, KUBELET_PORT, ssl_context=context).start()
        return runner

    runner = running.wait(start())
    addresses = [{"type": "InternalIP", "address": running.cluster.kubelet_address}]
    status = {"addresses": addresses, "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}}}
    core.create_node({"metadata": {"name": "node-a"}, "status": status})
    core.create_namespaced_pod(namespace, a_pod("one", node="node-a"))
    yield kubelet
    core.delete_node("node-a")
    running.wait(runner.cleanup())


@pytest.fixture
def execute(running, namespace):
    """Run a command in pod `one`; the open stream."""
    from kubernetes import config  # noqa: PLC0415 - a client of its own: stream() changes the one it is given

    with config.new_client_from_config(str(running.cluster.kubeconfig)) as api:
        opened: list[ws_client.WSClient] = []

        def act(*command, pod="one", **options):
            core = client.CoreV1Api(api)
            found = stream(
                core.connect_get_namespaced_pod_exec, pod, namespace, command=list(command), stderr=True, stdin=True,
                stdout=True, tty=False, _preload_content=False, **options,
            )  # fmt: skip
            opened.append(found)
            return found

        yield act
        for each in opened:
            each.sock.shutdown()  # close() leaves the socket open once the server has closed
        api.rest_client.pool_manager.clear()


def test_exec_carries_stdin_output_and_the_exit_code(kubelet, execute, namespace):
    echo = execute("cat")
    echo.write_stdin("hello\nend\n")
    echo.run_forever(timeout=5)
    assert echo.read_stdout() == "hello\nend\n"
    assert echo.returncode == 0
    failed = execute("fail")
    failed.run_forever(timeout=5)
    assert failed.read_stderr() == "fail"
    assert failed.returncode == 3
    assert kubelet.asked[0] == (f"/exec/{namespace}/one/main", ["cat"], "v5.channel.k8s.io")


def test_exec_loses_nothing_of_much_output(kubelet, execute):
    big = execute("big")
    big.run_forever(timeout=20)
    assert len(big.read_stdout()) == 256 * 32768


def test_command_with_spaces_arrives_as_it_is(kubelet, execute):
    execute("sh", "-c", 'echo "a  b" & c=d').run_forever(timeout=5)
    assert kubelet.asked[-1][1] == ["sh", "-c", 'echo "a  b" & c=d']


def test_protocol_v4_is_passed_through(running, kubelet, namespace):
    async def talk() -> str | None:
        context = ssl.create_default_context(cafile=str(running.cluster.pki / "ca.crt"))
        headers = {"Authorization": f"Bearer {running.cluster.admin_token}"}
        url = f"{running.cluster.api_url}/api/v1/namespaces/{namespace}/pods/one/exec?command=x&stderr=true"
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.ws_connect(url, ssl=context, protocols=["v4.channel.k8s.io"]) as socket,
        ):
            received = [message.data async for message in socket]
            assert received == [b"\x02x", b"\x03" + SUCCESS]
            return socket.protocol

    assert running.wait(talk()) == "v4.channel.k8s.io"


def test_exec_into_what_cannot_run_is_refused(kubelet, core, namespace, raw):
    core.create_namespaced_pod(namespace, a_pod("unscheduled"))
    two = [{"name": name, "image": "example.com/x:1"} for name in ("etcd", "healthz")]
    core.create_namespaced_pod(namespace, a_pod("two", node="node-a", containers=two))
    for pod, query, code, text in (
        ("unscheduled", "", 400, "does not have a host assigned"),
        ("none", "", 404, 'pods "none" not found'),
        ("two", "", 400, "a container name must be specified for pod two, choose one of: [etcd healthz]"),
        ("two", "&container=other", 400, "container other is not valid for pod two"),
        ("one", "", 400, "Upgrade request required"),
    ):
        with refused(code, text=text):
            raw("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}/exec?command=x{query}", None)


def test_kubelet_that_is_away_is_an_internal_error(core, namespace, running):
    status = {"addresses": [{"type": "InternalIP", "address": running.cluster.kubelet_address}]}
    core.create_node({"metadata": {"name": "node-b"}, "status": status})
    core.create_namespaced_pod(namespace, a_pod("one", node="node-b"))
    with refused(500, "InternalError", "error dialing backend"):
        core.read_namespaced_pod_log("one", namespace)
    core.delete_node("node-b")
