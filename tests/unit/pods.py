"""A pod's exec in memory: scripts are told apart by what they are, answers come back in podshell's frame."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from lifeboat.etcd import lanes, later, look, scripts
from lifeboat.ports import ExecResult
from tests.unit.memory import MemoryStore


def framed(output: str, exit_code: int = 0) -> ExecResult:
    digest = hashlib.sha256(output.encode()).hexdigest()
    return ExecResult(f"lifeboat {exit_code} {len(output.encode())} {digest}\n{output}", "", 0)


@dataclass
class EtcdPods:
    """Three etcd pods that answer as etcdctl does. What is handed over is put into `store` at once."""

    revision: int = 4711
    saved_revision: int = 4711
    """What a tool tells of the snapshot."""
    compacted: int = 0
    """What lies before this revision is gone."""
    keys: int = 3000
    silent: set[str] = field(default_factory=set)
    alarms: list[str] = field(default_factory=list)
    leader: int = 10
    """Member id that all follow; 0: none, and no quorum."""
    applied: dict[str, int] = field(default_factory=dict)
    """Raft index by pod, where it is not 5000 and the pod's number."""
    learners: set[str] = field(default_factory=set)
    cluster_ids: dict[str, int] = field(default_factory=dict)
    snapshot: bytes = b"database" * 60 + bytes(32)
    later_puts: int = 0
    later_deletes: int = 1
    progress: str | None = None
    """What a look at a snapshot gives while it is not complete."""
    staged: dict[str, set[str]] = field(default_factory=dict)
    stdin: list[str] = field(default_factory=list)
    store: MemoryStore = field(default_factory=MemoryStore)

    @property
    def whole(self) -> bytes:
        body = self.snapshot[:480].ljust(512, b"\0")
        return body + hashlib.sha256(body).digest()

    def __call__(  # noqa: PLR0911 - one return per script
        self, namespace: str, pod: str, container: str, command: Sequence[str], stdin: str
    ) -> ExecResult:
        script, *arguments = command[4:]
        self.stdin.append(stdin)
        if pod in self.silent:
            return framed("context deadline exceeded", 1)
        if script == scripts.ETCDCTL:
            return self._etcdctl(pod, arguments)
        staged = self.staged.setdefault(pod, set())
        if script == scripts.START:
            staged.add(arguments[0])
            return framed("started\n")
        if script == scripts.SWEEP:
            return framed("")
        if script in {look.LOOK, lanes.HAND_OVER} and arguments[0] not in staged:
            return framed("the staging folder is gone\n", 7)
        if script == look.LOOK:
            return framed(self._facts() if self.progress is None else self.progress)
        if script == lanes.HAND_OVER:
            self._upload(stdin.splitlines())
            return framed("")
        if script == later.COUNT_LATER:
            return framed(self._later(int(arguments[0])))
        assert script == scripts.DISCARD
        self.staged[pod] = {each for each in staged if not each.startswith(arguments[0])}
        return framed("")

    def _upload(self, lines: Sequence[str]) -> None:
        url, header = urlsplit(lines[0]), lines[1]
        assert header == f"x-amz-checksum-sha256: {hashlib.sha256(self.whole).hexdigest()}"
        query = parse_qs(url.query)
        self.store.put_part(url.path.lstrip("/"), query["uploadId"][0], int(query["partNumber"][0]), self.whole)

    @property
    def _quorum(self) -> bool:
        return len(self.silent) < 2 and self.leader > 0

    def _later(self, first: int) -> str:
        """Seen all, unless nothing at all was seen: then a compaction hid it."""
        if not self._quorum:
            return "quorum=no\n"
        if self.revision < first:
            return f"newest={self.revision}\n"
        hidden = "no" if self.later_puts or self.later_deletes else "yes"
        facts = f"writes={self.later_puts}\nexpired={self.later_deletes}\nhidden={hidden}\n"
        return f"newest={self.revision}\ntold={self.revision}\n{facts}"

    def _facts(self) -> str:
        whole = self.whole
        status = json.dumps({"revision": self.saved_revision, "totalKey": 9000})
        digest = hashlib.sha256(whole).hexdigest()
        body = hashlib.sha256(whole[:-32]).hexdigest()
        size = len(whole)
        lines = [f"bytes={size}", "rc=0", "curl=yes", "idle=yes", "digested=1", f"part=1 {size} {digest}"]
        lines += [f"size={size}", f"sha256={digest}", f"body={body}"]
        return "\n".join([*lines, f"tail={whole[-32:].hex()}", f"status={status}", ""])

    def _etcdctl(self, pod: str, arguments: Sequence[str]) -> ExecResult:
        number = int(pod.rsplit("-", 1)[1])
        if arguments[0] == "get":
            if any(each.startswith("--rev=") and int(each[6:]) < self.compacted for each in arguments):
                return framed("etcdserver: mvcc: required revision has been compacted", 1)
            if "--consistency=l" in arguments and not self._quorum:
                return framed("context deadline exceeded", 1)
            return framed(f'"Revision" : {self.revision}\n"More" : false\n"Count" : {self.keys}\n')
        header = {"cluster_id": self.cluster_ids.get(pod, 77), "member_id": 10 + number, "revision": self.revision}
        index = self.applied.get(pod, 5000 + number)
        status = {
            "header": header,
            "version": "3.5.18",
            "dbSize": 1_000_000,
            "leader": self.leader,
            "raftIndex": index,
            "raftAppliedIndex": index,
            "isLearner": pod in self.learners,
            "errors": [f"memberID:11 alarm:{each} " for each in self.alarms],
        }
        status = {key: value for key, value in status.items() if value}  # as etcd's JSON does
        return framed(json.dumps([{"Endpoint": "https://localhost:2379", "Status": status}]))
