"""Shell scripts in pods, with proof that their whole output arrived.

A script runs as `sh -c FRAME lifeboat SCRIPT ARGUMENT...`; its output comes back behind one line
`lifeboat <exit code> <bytes> <sha256>`. Output whose length or digest differs was cut on the way and is not used.

Arguments and the script stand in the API server's audit log. What is secret is given as `secrets`: each goes in as
one line of stdin, which the script reads with `IFS= read -r NAME` (exec has no half-close, so nothing reads to the
end of stdin).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lifeboat.errors import ExecIncompleteError
from lifeboat.ports import ManagementCluster

_FRAME = r"""
script=$1; shift
out=$(sh -c "$script" lifeboat "$@" 2>&1; printf '%s' ":$?")
code=${out##*:}; out=${out%:*}
digest=$(printf '%s' "$out" | sha256sum); digest=${digest%% *}
printf 'lifeboat %s %s %s\n%s' "$code" "$(printf '%s' "$out" | wc -c | tr -d ' ')" "$digest" "$out"
"""


@dataclass(frozen=True)
class PodRef:
    """One container of one pod: containers are always named (etcd pods have four)."""

    namespace: str
    name: str
    container: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True)
class ScriptResult:
    """The whole output (stdout and stderr together) of a script, and its exit code."""

    output: str
    exit_code: int

    def json(self) -> Any:
        """The output as JSON; ExecIncompleteError when it is none."""
        try:
            return json.loads(self.output)
        except ValueError:
            msg = f"a script that answers in JSON said: {self.output[:200]!r}"
            raise ExecIncompleteError(msg) from None


def run(
    cluster: ManagementCluster,
    pod: PodRef,
    script: str,
    *arguments: str,
    secrets: Sequence[str] = (),
    timeout: float = 60,
) -> ScriptResult:
    """Run `script` in a pod (arguments are `$1`, `$2`, ...) and return its output once it is proven whole.

    Raises ExecIncompleteError when it is not, ApiUnavailableError and ObjectRefusedError as `exec` does. The script
    must be one that may run twice.
    """
    stdin = "".join(f"{secret}\n" for secret in secrets)
    if stdin.count("\n") != len(secrets):
        raise ValueError("a secret for a script is one line")
    result = cluster.exec(
        pod.namespace,
        pod.name,
        pod.container,
        ["sh", "-c", _FRAME, "lifeboat", script, *arguments],
        stdin=stdin,
        timeout=timeout,
    )
    head, _, body = result.stdout.partition("\n")
    words = head.split()
    if len(words) != 4 or words[0] != "lifeboat":  # noqa: PLR2004 - the four words of the frame
        msg = f"exec in {pod} gave no frame (exit code {result.exit_code}): {result.stderr[:200]!r}"
        raise ExecIncompleteError(msg)
    payload = body.encode()
    if len(payload) != int(words[2]) or hashlib.sha256(payload).hexdigest() != words[3]:
        msg = f"exec in {pod} arrived cut: {len(payload)} of {words[2]} bytes"
        raise ExecIncompleteError(msg)
    return ScriptResult(body, int(words[1]))
