"""What stands against an operation, and what people should know before they say yes."""

from __future__ import annotations

from dataclasses import dataclass

BLOCKS, APPROVE, NOTE = "blocks", "approve", "note"


@dataclass(frozen=True)
class Problem:
    """One finding; `told` says what is wrong and then what to do. `step`: machine and state that found it.

    `severity`: `blocks` (nothing is started), `approve` (people are told and decide), `note`.
    """

    severity: str
    step: str
    told: str

    def to_json(self) -> dict[str, str]:
        return {"severity": self.severity, "step": self.step, "told": self.told}
