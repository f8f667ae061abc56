"""Faults that a test plants: one invocation of one function fails before it ran, after it ran, dies, or is held.

A fault is a file in `<run>/faults/`; it is used up by the invocation that meets it. What a failed invocation had done
by then stays done: `after` and `killed` let the handler finish its work and lose its answer, `cut` kills its process in
the middle of it. Two lose nothing and wait until the test releases them: `held` with its answer, so that the test can
change the world between two states, and `late` with its work, so that the test can start a twin that overtakes it.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from sandbox.aws.functions.model import Outcome
from sandbox.plan import Plan

When = Literal["before", "after", "killed", "cut", "held", "late"]
_ERRORS = {
    "before": "PlantedFaultError",
    "after": "PlantedFaultError",
    "killed": "Runtime.ExitError",  # what AWS reports of a process that died: machines retry it
    "cut": "Runtime.ExitError",
}

_HELD, _HELD_SECONDS = ".held", 100.0


@dataclass(frozen=True)
class Fault:
    """The next invocation but `skip` of the function called `function` (its name in the template) fails, or is held."""

    function: str
    when: When
    skip: int = 0
    seconds: float = 0.0
    """How long a process that is `cut` has for its event; one that answers earlier loses its answer."""

    @property
    def cut_after(self) -> float | None:
        return self.seconds if self.when == "cut" else None

    @property
    def loses(self) -> bool:
        """Whether the machine gets an error in place of the function's answer."""
        return self.when in _ERRORS

    def outcome(self) -> Outcome:
        error = {"errorType": _ERRORS[self.when], "errorMessage": f"planted: {self.function} failed {self.when}"}
        return Outcome(json.dumps(error).encode(), "Unhandled", b"")


def _folder(plan: Plan) -> Path:
    return plan.run / "faults"


def plant(plan: Plan, fault: Fault) -> None:
    """Plant one fault."""
    _folder(plan).mkdir(exist_ok=True)
    _write(_folder(plan) / f"{uuid.uuid4().hex}.json", fault)


def planted(plan: Plan) -> list[Fault]:
    """Faults that no invocation has met yet."""
    return [_read(path) for path in sorted(_folder(plan).glob("*.json"))]


def clear(plan: Plan) -> None:
    for path in _folder(plan).glob("*.json"):
        path.unlink()


def held(plan: Plan) -> list[str]:
    """Functions that wait for `release`."""
    return [path.read_text(encoding="utf-8") for path in sorted(_folder(plan).glob(f"*{_HELD}"))]


def release(plan: Plan) -> None:
    """Let every held function go on."""
    for path in _folder(plan).glob(f"*{_HELD}"):
        path.unlink()


class Faults:
    """The host's side: hands out each fault once."""

    def __init__(self, plan: Plan) -> None:
        self._folder = _folder(plan)
        self._lock = threading.Lock()

    def next(self, function: str) -> Fault | None:
        with self._lock:
            for path in sorted(self._folder.glob("*.json")):
                fault = _read(path)
                if function not in {fault.function, f"lifeboat-{fault.function}"}:
                    continue
                if fault.skip:
                    _write(path, replace(fault, skip=fault.skip - 1))
                    return None
                path.unlink()
                return fault
        return None

    def hold(self, function: str) -> None:
        """Wait until the test releases `function`; not for ever, as its test may be gone."""
        mark = self._folder / f"{uuid.uuid4().hex}{_HELD}"
        part = mark.with_suffix(".part")
        part.write_text(function.removeprefix("lifeboat-"), encoding="utf-8")
        part.rename(mark)
        deadline = time.monotonic() + _HELD_SECONDS
        while mark.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        mark.unlink(missing_ok=True)


def _read(path: Path) -> Fault:
    return Fault(**json.loads(path.read_text(encoding="utf-8")))


def _write(path: Path, fault: Fault) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(asdict(fault)), encoding="utf-8")
    temporary.rename(path)
