"""More ports in memory: what a preflight looks at in AWS."""

from __future__ import annotations


class MemoryDocuments:
    """`ports.Documents`: bytes by URL."""

    def __init__(self) -> None:
        self.held: dict[str, bytes] = {}

    def fetch(self, url: str) -> bytes | None:
        return self.held.get(url)


class MemoryKeys:
    """`ports.Keys`: state by ARN; None is told of one that we may not look at."""

    def __init__(self) -> None:
        self.states: dict[str, str | None] = {}

    def state(self, arn: str) -> str | None:
        return self.states.get(arn, "Absent")
