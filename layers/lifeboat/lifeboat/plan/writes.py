"""What a rehearsal records: one line per write, in order, without what a rehearsal cannot know and without secrets.

The writes of a step come in the order in which it makes them. Two kinds are made side by side and have no order of
their own: objects put into S3 stand at the end of their step by key, scripts in several pods by pod.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

S3, ROUTE53, DYNAMODB = "S3", "Route53", "DynamoDB"
"""Where a write goes that does not go to a cluster."""

_VOLATILE = {"Machine", "AWSMachine", "MachineSet", "Pod"}
"""Kinds whose objects come and go by themselves: told and counted, not compared."""
_VOLATILE_SECRETS = ("token-", "user-data-")
_NORMAL = (
    (re.compile(r"^hosted-clusters/[^/]+/[^/]+/[^/]+/"), ""),
    (re.compile(r"\d{8}t\d{6}z-(online|quiesced)-[0-9a-f]{8}"), "BACKUP"),
    (re.compile(r"operations/[^/]+/"), "operations/OPERATION/"),
    (re.compile(r"snapshot-\d+-\d+\.db$"), "snapshot-*.db"),
    (re.compile(r"\.[0-9a-f]{12}\."), ".*."),
    (re.compile(r"committed\.r.*$"), "committed.*"),
)


@dataclass(frozen=True)
class Write:
    """One write. `on`: the management cluster, the hosted cluster or the AWS service; `what`: a few words, no secrets.

    `verb`: create, patch, delete, exec (a script in a pod), put, update. `step`: machine and state. `when`: the
    condition under which it is made at all; None: always.
    """

    on: str
    verb: str
    kind: str
    namespace: str | None
    name: str
    what: str = ""
    step: str = ""
    when: str | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether a plan that lacks it, or has it in another place, is another plan."""
        if self.kind in _VOLATILE:
            return False
        return not (self.kind == "Secret" and self.name.startswith(_VOLATILE_SECRETS))

    @property
    def line(self) -> str:
        """The write as people read it, and as a digest covers it."""
        where = f"{self.namespace}/" if self.namespace else ""
        what = f" ({self.what})" if self.what else ""
        when = f" [if {self.when}]" if self.when else ""
        return f"{self.on}: {self.verb} {self.kind} {where}{self.name}{what}{when}"

    def to_json(self) -> dict[str, Any]:
        told = {
            "on": self.on,
            "verb": self.verb,
            "kind": self.kind,
            "namespace": self.namespace,
            "name": self.name,
            "what": self.what,
            "step": self.step,
        }
        return {**told, "when": self.when} if self.when else told


@dataclass
class Log:
    """The writes of one rehearsal. Safe from several threads within a step."""

    writes: list[Write] = field(default_factory=list)
    _step: str = ""
    _when: str | None = None
    _silent: bool = False

    def record(self, write: Write) -> None:
        if not self._silent:
            self.writes.append(replace(write, step=self._step, when=self._when))

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Everything recorded within belongs to this step."""
        self._step = name
        begin = len(self.writes)
        try:
            yield
        finally:
            self.writes[begin:] = in_order(self.writes[begin:])

    @contextmanager
    def only_if(self, condition: str) -> Iterator[None]:
        """Everything recorded within is made only under a condition."""
        self._when = condition
        try:
            yield
        finally:
            self._when = None

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Nothing is recorded within: what the world does by itself."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False


def in_order(writes: Sequence[Write]) -> list[Write]:
    """The writes of one step in their one order: see the head of this module. Repeated scripts are told once."""
    found: list[Write] = []
    for is_exec, group in groupby((each for each in writes if each.on != S3), lambda each: each.verb == "exec"):
        if not is_exec:
            found += group
            continue
        scripts = list(group)
        for what in dict.fromkeys(each.what for each in scripts):
            found += sorted({each for each in scripts if each.what == what}, key=lambda each: each.name)
    stored = sorted({each for each in writes if each.on == S3}, key=lambda each: each.name)
    return found + stored


def stored_as(key: str) -> str:
    """A key of the bucket without what another start would call otherwise: ids, epochs, digests."""
    for pattern, normal in _NORMAL:
        key = pattern.sub(normal, key)
    return key


def changes(current: Mapping[str, Any], patch: Mapping[str, Any]) -> str:
    """The paths that a merge patch changes, in words: numbers and truth values told, everything else only named."""
    return ", ".join(_paths(current, patch, ""))


def _paths(current: Mapping[str, Any], patch: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for key in sorted(patch):
        if not prefix and key in {"apiVersion", "kind"}:
            continue
        if prefix == "metadata" and key in {"uid", "resourceVersion"}:
            continue
        path = (f"{prefix}[{key}]" if "/" in key else f"{prefix}.{key}") if prefix else key
        value, before = patch[key], current.get(key)
        if isinstance(value, Mapping):
            yield from _paths(before if isinstance(before, Mapping) else {}, value, path)
        elif value is None:
            if before is not None:
                yield f"{path} off"
        elif value != before:
            yield f"{path}={str(value).lower()}" if isinstance(value, (bool, int)) else path


def created(manifest: Mapping[str, Any]) -> str:
    """What is worth saying of a new object: whose it is, and which instance it keeps."""
    owners = [f"{each['kind']} {each['name']}" for each in manifest["metadata"].get("ownerReferences") or ()]
    said = [f"owned by {', '.join(owners)}"] if owners else []
    if provider := (manifest.get("spec") or {}).get("providerID"):
        said.append(f"keeps instance {str(provider).rpartition('/')[2]}")
    return "; ".join(said)
