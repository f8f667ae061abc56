"""Scripts in pods, rehearsed: those that only ask go to the live pod, those that act are recorded and answered.

Told apart by what they are. One that is not known here is refused: nobody could say whether it changes something.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from lifeboat.errors import ObjectRefusedError
from lifeboat.etcd import lanes, later, look, scripts
from lifeboat.plan.cluster import RehearsedCluster
from lifeboat.plan.store import RehearsedStore
from lifeboat.ports import ExecResult
from lifeboat.restore import etcd_scripts

_HEAD = 4  # words of podshell's frame before the script
_KNOWN = 3  # of START's arguments: `revision acknowledged`
_ASKING = {("endpoint",), ("get",), ("member", "list"), ("alarm", "list"), ("lease", "list")}
"""What etcdctl is asked that changes nothing."""
_GONE = 7


@dataclass(frozen=True)
class Acting:
    """A script that changes something: what it does, in words, and what it says when all is well."""

    told: str
    says: str = ""


ACTING = {
    scripts.START: Acting("save a snapshot of etcd in its ephemeral storage", "started\n"),
    scripts.SWEEP: Acting("remove what older snapshots left"),
    lanes.HAND_OVER: Acting("send the snapshot to S3"),
    scripts.DISCARD: Acting("remove the snapshot"),
    etcd_scripts.START: Acting("restore the snapshot into its volume", "started\n"),
}
"""By the script's own text."""


@dataclass
class RehearsedPods:
    """What pods would answer. A snapshot that was begun in one is complete at the next look."""

    store: RehearsedStore
    _revision: int = 0
    """Of the snapshot: the live etcd's when it was begun, at which its writers would have been stopped."""
    _staged: set[str] = field(default_factory=set)
    _told: dict[tuple[str, ...], ExecResult] = field(default_factory=dict)
    """What live pods said, asked once per question: a plan is of one moment, and an exec takes its time."""

    def __call__(
        self,
        cluster: RehearsedCluster,
        namespace: str,
        pod: str,
        container: str,
        command: Sequence[str],
        stdin: str,
        timeout: float,
    ) -> ExecResult:
        script, *arguments = command[_HEAD:]
        if script == scripts.ETCDCTL and not {tuple(arguments[:1]), tuple(arguments[:2])}.isdisjoint(_ASKING):
            key = (cluster.name, namespace, pod, *arguments)
            if key not in self._told:
                self._told[key] = cluster.live.exec(namespace, pod, container, command, stdin=stdin, timeout=timeout)
            return self._told[key]
        if acting := ACTING.get(script):
            cluster.ran(namespace, pod, acting.told)
            self._acted(script, arguments, stdin)
            return _said(acting.says)
        if script == look.LOOK:
            return _said(self._facts()) if arguments[0] in self._staged else _said("", _GONE)
        if script == later.COUNT_LATER:  # its writers are gone
            return _said(f"newest={int(arguments[0]) - 1}\n")
        if script == etcd_scripts.STATUS:
            return _said(f"done {arguments[1]}\n")
        msg = f"a rehearsal does not know what a script in {namespace}/{pod} of {cluster.name} would change"
        raise ObjectRefusedError(msg)

    def _acted(self, script: str, arguments: Sequence[str], stdin: str) -> None:
        if script == scripts.START:
            self._staged.add(arguments[0])
            # What was known of etcd when it was begun. It lives on, and every look at it tells more.
            self._revision = max(int(each) for each in arguments[_KNOWN].split())
        elif script == lanes.HAND_OVER:
            for url in stdin.splitlines()[::2]:  # and its header
                self.store.arrives(url, _FILE)

    def _facts(self) -> str:
        """As LOOK tells of a complete snapshot: see `etcd.look`."""
        size, digest = len(_FILE), hashlib.sha256(_FILE).hexdigest()
        lines = [f"bytes={size}", "rc=0", "curl=yes", "idle=yes", "digested=1", f"part=1 {size} {digest}"]
        lines += [f"size={size}", f"sha256={digest}", f"body={_BODY_DIGEST.hex()}", f"tail={_BODY_DIGEST.hex()}"]
        return "\n".join([*lines, f"status={json.dumps({'revision': self._revision})}", ""])


_BODY = b"a rehearsal".ljust(512, b"\0")
_BODY_DIGEST = hashlib.sha256(_BODY).digest()
_FILE = _BODY + _BODY_DIGEST
"""In the place of a snapshot: as etcd writes it, with the digest of the database behind it."""


def _said(output: str, exit_code: int = 0) -> ExecResult:
    """In podshell's frame."""
    body = output.encode()
    return ExecResult(f"lifeboat {exit_code} {len(body)} {hashlib.sha256(body).hexdigest()}\n{output}", "", 0)
