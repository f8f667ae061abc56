"""`spec.pausedUntil` as HyperShift reads it."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

# Go's time.RFC3339 as time.Parse takes it: a zone is needed, and upper-case T and Z.
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})


@dataclass(frozen=True)
class Pause:
    """Whether reconciliation rests, for how many seconds (None: for good), and whether the value was understood."""

    paused: bool
    seconds: float | None = None
    valid: bool = True

    @classmethod
    def of(cls, value: str | None) -> Pause:
        """A value that neither is a boolean nor a date with a zone does NOT pause."""
        if value is None:
            return cls(paused=False)
        if value in _TRUE:
            return cls(paused=True)
        if value in _FALSE:
            return cls(paused=False)
        if not _RFC3339.fullmatch(value):
            return cls(paused=False, valid=False)
        try:
            until = datetime.datetime.fromisoformat(value)
        except ValueError:
            return cls(paused=False, valid=False)
        left = (until - datetime.datetime.now(datetime.UTC)).total_seconds()
        return cls(paused=left > 0, seconds=left if left > 0 else None)

    def condition(self) -> tuple[str, str, str, str]:
        """Condition ReconciliationActive."""
        if self.paused:
            return ("ReconciliationActive", "False", "ReconciliationPaused", "Reconciliation is paused")
        if not self.valid:
            return ("ReconciliationActive", "True", "InvalidPausedUntilValue", "pausedUntil is neither bool nor date")
        return ("ReconciliationActive", "True", "AsExpected", "Reconciliation active on resource")
