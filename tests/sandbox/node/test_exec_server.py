"""Exec over websockets, as the API server's proxy talks to a kubelet."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest

from sandbox import pki
from sandbox.node.server import KubeletServer

from .conftest import ETCD_IMAGE, Workbench


async def run(base: str, context: ssl.SSLContext, protocol: str, argv: list[str], stdin: bytes | None) -> Any:
    query = [("command", word) for word in argv] + [("output", "1"), ("error", "1")]
    query += [("input", "1")] if stdin is not None else []
    channels: dict[int, bytes] = {}
    async with (
        aiohttp.ClientSession(headers={"Authorization": "Bearer t"}) as session,
        session.ws_connect(f"{base}?{_encode(query)}", ssl=context, protocols=[protocol]) as socket,
    ):
        assert socket.protocol == protocol
        if stdin is not None:
            await socket.send_bytes(b"\0" + stdin)
            if protocol.startswith("v5"):
                await socket.send_bytes(b"\xff\0")
        async for message in socket:
            channels[message.data[0]] = channels.get(message.data[0], b"") + message.data[1:]
    return json.loads(channels[3]), channels.get(1, b""), channels.get(2, b"")


def _encode(query: list[tuple[str, str]]) -> str:
    return urlencode(query)


@pytest.mark.parametrize("protocol", ["v4.channel.k8s.io", "v5.channel.k8s.io"])
def test_exec_tells_output_errors_and_exit_code(workbench: Workbench, tmp_path: Path, protocol: str) -> None:
    """What a command writes, reads and returns crosses the websocket unchanged."""

    async def scenario() -> None:
        spec = {
            "containers": [
                {"name": "c", "image": ETCD_IMAGE, "command": ["sleep", "100"]},
                {"name": "idle", "image": "x/y"},
            ]
        }
        worker = workbench.start("p", spec)
        address = workbench.cluster.kubelet_address
        pair = pki.issue(pki.create_authority("ca"), "kubelet", names=[address])
        (tmp_path / "crt").write_bytes(pair.certificate)
        (tmp_path / "key").write_bytes(pair.key)
        server = KubeletServer(lambda _, name: worker if name == "p" else None, "t")
        await server.start(address, 10250, tmp_path / "crt", tmp_path / "key")
        await workbench.until_ready(worker)
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        base = f"https://{address}:10250/exec/clusters-blue/p/c"
        status, out, err = await run(base, context, protocol, ["sh", "-c", "echo out; echo err >&2; exit 3"], None)
        assert (out, err) == (b"out\n", b"err\n")
        assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
        status, out, err = await run(base, context, protocol, ["head", "-c", "300000"], b"x" * 300000)
        assert status["status"] == "Success"
        assert out == b"x" * 300000
        if protocol.startswith("v5"):
            status, out, err = await run(base, context, protocol, ["sha256sum"], b"abc")
            assert out.startswith(b"ba7816bf")
        status, out, err = await run(base, context, protocol, ["no-such-program"], None)
        assert status["details"]["causes"][0]["message"] == "127"
        status, out, err = await run(f"{base[:-2]}/idle", context, protocol, ["etcdctl", "version"], None)
        assert out.startswith(b"etcdctl version: 3.5.1")
        async with aiohttp.ClientSession() as session, session.get(base, ssl=context) as answer:
            assert answer.status == 401
        await server.stop()

    workbench.play(scenario())
