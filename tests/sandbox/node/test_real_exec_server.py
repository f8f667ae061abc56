"""The exec server that a real API server talks to, in front of the kubelet's Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from sandbox import assets, credentials
from sandbox.node.exec_server import ExecServer, ExecServerError
from sandbox.node.server import KubeletServer
from sandbox.plan import KUBELET_PORT

from .conftest import ETCD_IMAGE, Workbench

pytestmark = pytest.mark.skipif(
    not assets.available(), reason="Kubernetes' own programs are not built here (`make kube`)"
)
V4 = "v4.channel.k8s.io"


class Face:
    """The exec server as its client sees it."""

    def __init__(self, workbench: Workbench, server: ExecServer) -> None:
        self.server = server
        self.base = f"https://{workbench.cluster.kubelet_address}:{KUBELET_PORT}"
        self.context = ssl.create_default_context(cafile=workbench.cluster.pki / "ca.crt")
        self.context.load_cert_chain(workbench.cluster.pki / "client.crt", workbench.cluster.pki / "client.key")

    def url(self, argv: list[str], *streams: str, pod: str = "p", container: str = "c") -> str:
        query = [("command", word) for word in argv] + [(stream, "1") for stream in streams or ("output", "error")]
        return f"{self.base}/exec/clusters-blue/{pod}/{container}?{urlencode(query)}"

    async def run(self, argv: list[str], pause: float = 0) -> tuple[Any, bytes, bytes]:
        """Outcome, output and errors of a command; `pause` seconds are slept after each message."""
        channels: dict[int, bytearray] = {1: bytearray(), 2: bytearray(), 3: bytearray()}
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(self.url(argv), ssl=self.context, protocols=[V4], max_msg_size=0) as socket,
        ):
            async for message in socket:
                channels[message.data[0]] += message.data[1:]
                await asyncio.sleep(pause)
        return json.loads(channels[3]), bytes(channels[1]), bytes(channels[2])

    async def until_there(self, path: str, text: bytes) -> None:
        """Wait until the container's file `path` holds `text`."""
        async with asyncio.timeout(20):
            while (await self.run(["cat", path]))[1] != text:  # noqa: ASYNC110  another process writes it
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def facing(workbench: Workbench) -> AsyncIterator[Face]:
    authority = credentials.prepare(workbench.cluster)
    credentials.issue(workbench.cluster, authority, "client", "kube-apiserver-kubelet-client")
    spec = {"containers": [{"name": "c", "image": ETCD_IMAGE, "command": ["sleep", "100"]}]}
    worker = workbench.start("p", spec)
    kubelet = KubeletServer(lambda _, name: worker if name == "p" else None, "t")
    await kubelet.start_locally(workbench.cluster.kubelet_socket)
    server = ExecServer(assets.find()["exec-server"], workbench.cluster)
    await server.start()
    try:
        await workbench.until_ready(worker)
        yield Face(workbench, server)
    finally:
        await server.stop()
        await kubelet.stop()


def play(workbench: Workbench, scenario: Callable[[Face], Coroutine[Any, Any, None]]) -> None:
    async def played() -> None:
        async with facing(workbench) as face:
            await scenario(face)

    workbench.play(played())


@pytest.fixture
def mode() -> str:
    """The way of isolation makes no difference here."""
    return "rewrite"


def test_output_errors_and_exit_code_arrive(workbench: Workbench) -> None:
    """The outcome is the Status that clients know exit codes from."""

    async def scenario(face: Face) -> None:
        status, out, err = await face.run(["sh", "-c", "echo out; echo err >&2; exit 3"])
        assert (out, err) == (b"out\n", b"err\n")
        assert (status["status"], status["reason"]) == ("Failure", "NonZeroExitCode")
        assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
        assert "exit code 3" in status["message"]
        status, _, _ = await face.run(["true"])
        assert status["status"] == "Success"

    play(workbench, scenario)


def test_a_slow_reader_gets_all_of_the_output(workbench: Workbench) -> None:
    """Nothing is lost between the command and a v4 client, however long that takes to read."""
    size = 16 << 20

    async def scenario(face: Face) -> None:
        status, out, _ = await face.run(["head", "-c", str(size), "/dev/zero"], pause=0.002)
        assert (status["status"], len(out)) == ("Success", size)

    play(workbench, scenario)


def test_a_client_that_leaves_ends_stdin_but_not_the_command(workbench: Workbench) -> None:
    """As with a real kubelet, what was started goes on."""

    async def scenario(face: Face) -> None:
        script = "cat >/tmp/got; sleep 0.3; echo end >>/tmp/got"
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                face.url(["sh", "-c", script], "input", "output"), ssl=face.context, protocols=[V4]
            ) as socket,
        ):
            await socket.send_bytes(b"\0given\n")
            await face.until_there("/tmp/got", b"given\n")
        await face.until_there("/tmp/got", b"given\nend\n")

    play(workbench, scenario)


def test_what_cannot_be_run_is_refused_before_the_upgrade(workbench: Workbench) -> None:
    """With the words of a real kubelet, which its clients show."""

    async def scenario(face: Face) -> None:
        async with aiohttp.ClientSession() as session:
            for url, code, text in (
                (face.url(["true"], pod="none"), 404, "pod does not exist"),
                (face.url(["true"], container="none"), 500, 'container not found ("none")'),
                (face.url([]), 400, "no command given"),
                (f"{face.base}/exec/clusters-blue/p/c?command=true", 400, "you must specify at least 1 of"),
            ):
                with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                    await session.ws_connect(url, ssl=face.context, protocols=[V4])
                assert refused.value.status == code
                async with session.get(url, ssl=face.context) as answer:
                    assert text in await answer.text()

    play(workbench, scenario)


def test_logs_and_health_are_the_kubelets(workbench: Workbench) -> None:
    """Everything but exec is passed on."""

    async def scenario(face: Face) -> None:
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{face.base}/healthz", ssl=face.context) as answer:
                assert (answer.status, await answer.text()) == (200, "ok")
            async with session.get(f"{face.base}/containerLogs/clusters-blue/p/none", ssl=face.context) as answer:
                assert (answer.status, "waiting to start" in await answer.text()) == (400, True)

    play(workbench, scenario)


def test_nobody_gets_in_without_a_certificate_of_the_cluster(workbench: Workbench) -> None:
    """Not even to ask for its health."""

    async def scenario(face: Face) -> None:
        anonymous = ssl.create_default_context(cafile=workbench.cluster.pki / "ca.crt")
        async with aiohttp.ClientSession() as session:
            with pytest.raises((aiohttp.ClientError, ssl.SSLError)):
                await session.get(f"{face.base}/healthz", ssl=anonymous)

    play(workbench, scenario)


def test_its_end_is_told(workbench: Workbench) -> None:
    """A node without it would look alive and run no command."""

    async def scenario(face: Face) -> None:
        watching = asyncio.create_task(face.server.watch())
        await face.server.stop()
        with pytest.raises(ExecServerError, match="ended with"):
            await watching

    play(workbench, scenario)
