"""Exec over the API server's websocket.

Measured against real API servers: with v5 of the protocol a slow reader can lose the end of the output and still be
told `Success`. Nothing here is proof; `lifeboat.podshell` puts a length and a digest around every output.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import yaml
from kubernetes.client import ApiClient
from kubernetes.stream import ws_client
from kubernetes.stream.ws_client import ERROR_CHANNEL, WSClient, get_websocket_url
from websocket import WebSocket, WebSocketBadStatusException, WebSocketException

from lifeboat.errors import ApiUnavailableError, ObjectRefusedError
from lifeboat.ports import ExecResult

HANDSHAKE_SECONDS = 20.0
"""How long a node may take to begin. The API server passes the handshake on to it, and a dead one never answers."""
_LOST = -1
_WORTH_ANOTHER_TRY = {408, 429}


class _Bounded(WebSocket):
    """A websocket that does not wait for ever: the Kubernetes client gives its own no timeout, and no way to."""

    def connect(self, url: str, **options: Any) -> None:
        super().connect(url, **{"timeout": HANDSHAKE_SECONDS, **options})  # type: ignore[no-untyped-call]


ws_client.WebSocket = _Bounded


def run(
    api: ApiClient,
    cluster: str,
    namespace: str,
    pod: str,
    container: str,
    command: Sequence[str],
    stdin: str,
    timeout: float,
) -> ExecResult:
    """Run one short command in a container and return what it gave.

    Raises ApiUnavailableError when the connection fails, breaks or is silent for `timeout` seconds; the command may
    then still be running, so it must be one that may run twice. ObjectRefusedError when the pod or the container
    does not exist.
    """
    where = f"exec in {namespace}/{pod} ({container}) on {cluster}"
    try:
        socket = _connect(api, namespace, pod, container, command, stdin=bool(stdin))
    except WebSocketBadStatusException as error:
        if 400 <= error.status_code < 500 and error.status_code not in _WORTH_ANOTHER_TRY:  # noqa: PLR2004
            msg = f"{where} was refused ({error.status_code})"
            raise ObjectRefusedError(msg) from None
        msg = f"{where} could not start ({error.status_code})"
        raise ApiUnavailableError(msg) from None
    except (WebSocketException, OSError) as error:
        msg = f"{where} could not start ({type(error).__name__})"
        raise ApiUnavailableError(msg) from None
    try:
        if stdin:
            socket.write_stdin(stdin)
        socket.run_forever(timeout=timeout)
        if socket.is_open():
            msg = f"{where} gave no answer within {timeout:.0f} s"
            raise ApiUnavailableError(msg)
        stdout, stderr = socket.read_stdout(timeout=0), socket.read_stderr(timeout=0)
        return ExecResult(stdout or "", stderr or "", _exit_code(socket.read_channel(ERROR_CHANNEL, timeout=0)))
    except (WebSocketException, OSError) as error:
        msg = f"{where} broke off ({type(error).__name__})"
        raise ApiUnavailableError(msg) from None
    finally:
        socket.close()
        # Once the other side has said goodbye, `close` leaves the descriptor open: a warm function would run out.
        socket.sock.shutdown()


def _connect(
    api: ApiClient, namespace: str, pod: str, container: str, command: Sequence[str], *, stdin: bool
) -> WSClient:
    """Open the websocket. The client library's own `stream` would hide with which code it was refused."""
    query = [("container", container), *(("command", word) for word in command), ("stdin", str(stdin).lower())]
    query += [("stdout", "true"), ("stderr", "true"), ("tty", "false")]
    path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/exec"
    headers: dict[str, str] = {}
    api.update_params_for_auth(headers, [], ["BearerToken"])
    return WSClient(api.configuration, get_websocket_url(api.configuration.host + path, query), headers, True)  # noqa: FBT003


def _exit_code(status: str) -> int:
    """The exit code in the error channel's Status (`details.causes` with reason ExitCode)."""
    document = yaml.safe_load(status) if status else None
    if not isinstance(document, dict):
        return _LOST
    if document.get("status") == "Success":
        return 0
    for cause in (document.get("details") or {}).get("causes") or ():
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    return _LOST
