"""Progress on a terminal: a line per step that ended, and one when a wait waits for something else."""

from __future__ import annotations

import datetime
import sys
from typing import TextIO

from lifeboat_cli.follow import StepEvent, What

_WORK = ("Task", "Parallel", "Map")
_APPROVAL = "AskForApproval"
_NESTED = ("RunBackup", "RunRestore", "RunTeardown")


class Progress:
    """Prints events as they come (pass an instance to `follow`)."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._began: datetime.datetime | None = None
        self._waits: dict[tuple[str, str], tuple[datetime.datetime, str]] = {}

    def __call__(self, event: StepEvent) -> None:
        self._began = self._began or event.at
        if event.kind not in _WORK:
            return
        if event.event is What.ENTERED:
            if event.state == _APPROVAL:
                self._line(event, f"waiting for `lifeboat approve {event.execution}`, or reject")
            elif event.state in _NESTED or event.kind != "Task":
                self._line(event, "")
        elif event.event is What.RETRIED:
            self._line(event, f"tried again after {event.error}")
        elif event.event is What.FAILED:
            self._line(event, f"FAILED: {event.error}")
        else:
            self._ended(event)

    def _ended(self, event: StepEvent) -> None:
        """A check that is not done is a wait: told once per reason, and its whole time at the end."""
        key = (event.execution, event.state)
        since, told = self._waits.get(key, (event.at - datetime.timedelta(seconds=event.duration or 0), ""))
        answer = event.answer or {}
        if answer.get("done") is False:
            waiting_for = str(answer.get("waitingFor", ""))
            if waiting_for != told:
                self._line(event, f"waiting for {waiting_for}")
            self._waits[key] = (since, waiting_for)
            return
        self._waits.pop(key, None)
        self._line(event, f"{(event.at - since).total_seconds():.1f} s")

    def _line(self, event: StepEvent, text: str) -> None:
        assert self._began is not None
        passed = int((event.at - self._began).total_seconds())
        indent = "  " * event.depth
        line = f"{passed // 60:3d}:{passed % 60:02d}  {indent}{event.state:<{30 - len(indent)}} {text}"
        print(line.rstrip(), file=self._out, flush=True)
