"""Readiness probes: exec, tcpSocket and httpGet."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

from sandbox.node.container import Container, StartError

if TYPE_CHECKING:
    from sandbox.node.environment import Object

_UNREADY_PERIOD = 1.0  # seconds; a sandbox does not wait for a whole period to see a container come up


async def check(probe: Object, container: Container, address: str, ports: dict[str, int]) -> bool:
    """Whether the probe succeeds now."""
    try:
        async with asyncio.timeout(float(probe.get("timeoutSeconds") or 1) + 1):
            if "exec" in probe:
                return await _execute(container, probe["exec"]["command"])
            if "tcpSocket" in probe:
                _, writer = await asyncio.open_connection(address, _port(probe["tcpSocket"]["port"], ports))
                writer.close()
                return True
            if "httpGet" in probe:
                return await _get(probe["httpGet"], address, ports)
    except (OSError, TimeoutError, StartError):
        return False
    return True


def pause(probe: Object, *, ready: bool) -> float:
    """Seconds until the next check."""
    period = float(probe.get("periodSeconds") or 10)
    return period if ready else min(period, _UNREADY_PERIOD)


def port_names(pod: Object) -> dict[str, int]:
    """The named ports of a pod."""
    return {
        port["name"]: port["containerPort"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports") or []
        if port.get("name")
    }


def _port(port: int | str, names: dict[str, int]) -> int:
    return port if isinstance(port, int) else names.get(port) or int(port)


async def _execute(container: Container, argv: list[str]) -> bool:
    process = await container.execute(argv)
    try:
        await process.communicate(b"")
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        raise
    return process.returncode == 0


async def _get(action: Object, address: str, ports: dict[str, int]) -> bool:
    context = None
    if action.get("scheme") == "HTTPS":  # the kubelet does not verify either
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    port = _port(action["port"], ports)
    reader, writer = await asyncio.open_connection(action.get("host") or address, port, ssl=context)
    try:
        writer.write(f"GET {action.get('path', '/')} HTTP/1.0\r\nHost: {address}\r\n\r\n".encode())
        words = (await reader.readline()).split()
        return len(words) > 1 and 200 <= int(words[1]) < 400
    finally:
        writer.close()
