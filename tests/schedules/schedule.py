"""One random schedule: two machines, their attempts, and whatever may happen between two of their steps."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from lifeboat.errors import LeaseLostError, TransientError
from tests.schedules.tasks import Execution, Functions
from tests.schedules.threads import Attempt
from tests.schedules.world import World

FORWARD = {
    "recover": ("take", "look", "stop", "save", "fence", "prepare", "create", "serve"),
    "restore": ("take", "prepare", "create", "serve"),
    "backup": ("take", "stop", "save", "resume"),
}
SECONDS = 4 * 3600
"""By so much clocks differ at most: more than a lease lasts."""
_STEPS = 3000
_TRIES = 3


@dataclass
class Schedule:
    """Everything by one random generator: the same seed is the same schedule."""

    seed: int
    trace: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.world = World()
        self.functions = Functions(self.world)
        pair = self.random.choice(PAIRS)
        self.executions = [
            Execution(kind, operation, f"start-{n}", destination)
            for n, (kind, operation, destination) in enumerate(pair)
        ]
        self.attempts: list[Attempt] = []
        self.tries: dict[int, int] = {}
        left = self.random.choice
        self.twins, self.aborts, self.failures, self.hands = (
            left((0, 1, 2)),
            left((0, 1)),
            left((0, 1, 2)),
            left((0, 0, 2)),
        )
        # Most of what goes wrong goes wrong around one task, else the rare ways would be too rare.
        self.breaks, self.sleeps = left(FORWARD["recover"]), left(("resume", "abandon", "create", "stop", "fence"))

    def run(self) -> str:
        """Until nothing is left to do; what must never be and was, or ""."""
        try:
            for _ in range(_STEPS):
                if not self._one():
                    return self._at_the_end()
                if harm := self.world.look():
                    return harm
            return "it never ends"
        finally:
            for each in self.attempts:
                each.kill()

    def _one(self) -> bool:
        moves = [("step", each) for each in self.attempts]
        moves += [("start", n) for n, each in enumerate(self.executions) if each.status == "new" and self._may_start(n)]
        if not moves:
            return False
        awake = [each for each in moves if each[0] == "start" or each[1].live or self.random.random() < each[1].eager]
        kind, what = self.random.choice(awake or moves)
        live = {each.task for each in self.attempts if each.live}
        often = live & {self.breaks, self.sleeps}
        if self.random.random() < (_OFTEN if often else _RARELY) and self._disturb():
            return True
        if kind == "start":
            self._start(what)
        else:
            self._step(what)
        return True

    def _may_start(self, index: int) -> bool:
        """The second one mostly when the first has ended, so that it gets the lease."""
        first = self.executions[0].status
        return index == 0 or first == "ended" or (first == "running" and self.random.random() < _EARLY)

    def _start(self, index: int) -> None:
        me = self.executions[index]
        me.begin()
        me.status = "running"
        self.world.executions.add(me.arn)
        self._enter(index, "take")

    def _enter(self, index: int, state: str) -> None:
        me = self.executions[index]
        if state in {"success", "failed", "superseded"}:
            me.status, me.state, me.outcome = "ended", "", state
            self.world.executions.add(me.arn, "SUCCEEDED" if state == "success" else "FAILED")
            self.trace.append(f"{index} {state}")
            return
        me.state = state
        if state == "wait":  # nothing that began to create before outlives it
            for each in [each for each in self.attempts if each.task == "create"]:
                each.kill()
                self.attempts.remove(each)
            me.data["waited"] = True
            self.trace.append(f"{index} has waited")
            self._enter(index, "abandon" if me.data.pop("then") == "abandon" else "look back")
            return
        self.tries[index] = 0
        self._call(index)

    def _call(self, index: int) -> None:
        me = self.executions[index]
        task, name = me.task(), {"look back": "look", "give up": "release"}.get(me.state, me.state)
        call = getattr(self.functions, name)
        attempt = Attempt(index, me.state, self.random.uniform(-SECONDS, SECONDS), lambda: call(task))
        attempt.eager = self.random.choice((1.0, 0.1, 0.01))  # once nobody listens to it
        self.attempts.append(attempt)

    def _step(self, attempt: Attempt) -> None:
        before = attempt.at
        attempt.step()
        late = "" if attempt.live else " (late)"
        self.trace.append(f"{attempt.execution}{late} {attempt.task}: {before}")
        if not attempt.done:
            return
        self.attempts.remove(attempt)
        if not attempt.live:
            return
        if attempt.error:
            self.trace.append(
                f"{attempt.execution} {attempt.task} raises {type(attempt.error).__name__}: {attempt.error}"
            )
            self._failed(attempt.execution, attempt.error)
        else:
            self._answered(attempt.execution, attempt.result)

    def _answered(self, index: int, answer: dict[str, Any]) -> None:
        me = self.executions[index]
        me.data |= answer
        forward = FORWARD[me.kind]
        if me.state == "look" and me.data["pointOfNoReturn"]["destinationOwns"]:
            following = "prepare"
        elif me.state in forward and not me.failing:
            place = forward.index(me.state) + 1
            following = forward[place] if place < len(forward) else "release"
        elif me.state == "release":
            following = "success"
        elif me.state == "give up":
            following = "failed"
        elif me.state == "abandon":
            following = self._behind_abandoning(me)
        elif me.state == "look back":
            following = "give up" if me.data["pointOfNoReturn"]["destinationOwns"] else "resume"
        elif me.state == "resume" and answer["resumed"].get("claimed"):
            me.data["then"] = "look back"
            following = "wait"
        else:
            following = "give up"
        self._enter(index, following)

    def _behind_abandoning(self, me: Execution) -> str:
        abandoned = me.data["abandoned"]
        if not abandoned["done"]:
            me.data["then"] = "abandon"
            return "abandon" if me.data.get("waited") else "wait"
        if abandoned["handedOver"]:
            return "give up"
        return "give up" if me.kind == "restore" else "look back"

    def _failed(self, index: int, error: Exception) -> None:
        self.tries[index] += 1
        if isinstance(error, TransientError) and self.tries[index] < _TRIES:
            self._call(index)
            return
        self._caught(index, lost=isinstance(error, LeaseLostError))

    def _caught(self, index: int, *, lost: bool) -> None:
        me = self.executions[index]
        failed_at, me.failing = me.state, True
        if failed_at == "take" or (lost and me.kind != "restore"):
            following = "superseded"
        elif failed_at in {"look", "serve", "look back", "resume", "release", "give up"}:
            following = "failed" if failed_at in {"release", "give up"} else "give up"
        elif failed_at in {"stop", "save"} and me.kind == "backup":
            following = "resume"
        elif failed_at in {"prepare", "create"}:
            following = "abandon"
        else:
            following = "give up" if me.kind == "restore" else "look back"
        self._enter(index, following)

    def _disturb(self) -> bool:
        """Something that nobody planned; False: there was nothing to disturb."""
        live = [each for each in self.attempts if each.live]
        tasks = {each.task for each in live}
        kinds = ("fail",) if self.breaks in tasks else ("twin", "abort") if self.sleeps in tasks else _DISTURBANCES
        kind = self.random.choice(kinds)
        if kind == "twin" and live and self.twins:
            attempt = self.random.choice(live)
            attempt.live = False
            self.twins -= 1
            self.trace.append(f"{attempt.execution} {attempt.task} is tried again")
            self._call(attempt.execution)
        elif kind == "fail" and live and self.failures:
            attempt = self.random.choice(live)
            self.attempts.remove(attempt)
            attempt.kill()
            self.failures -= 1
            self.trace.append(f"{attempt.execution} {attempt.task} fails")
            self._caught(attempt.execution, lost=False)
        elif kind == "abort" and live and self.aborts:
            index = self.random.choice(live).execution
            for each in self.attempts:
                each.live = each.live and each.execution != index
            self.aborts -= 1
            self.executions[index].status, self.executions[index].outcome = "ended", "stopped"
            self.world.executions.add(self.executions[index].arn, "ABORTED")
            self.trace.append(f"{index} is stopped")
        elif kind == "hand" and self.hands and not self.world.is_up and not self._is_blind():
            self.world.scale_by_hand()
            self.hands -= 1
            self.trace.append("somebody scales the source up by hand")
        elif kind == "hand" and self.hands and self.world.is_up and not self._is_blind():
            if not self.world.scale_down_by_hand():
                return False
            self.hands -= 1
            self.trace.append("and down again")
        else:
            return False
        return True

    def _is_blind(self) -> bool:
        """Whether nobody would look at the source any more, or it is past the point of no return."""
        creating = any(each.task == "create" for each in self.attempts)
        return creating or any(map(self.world.hosts, self.world.destinations))

    def _at_the_end(self) -> str:
        for each in self.executions:
            if each.outcome == "success" and each.kind != "backup":
                if not self.world.hosts(each.destination):
                    return "a success without a hosted cluster that serves"
                if self.world.made_of[each.destination] != self.world.woke:
                    return "a success without the last acknowledged writes"
        return ""


_RARELY = 0.06
_OFTEN = 0.2
_DISTURBANCES = ("twin", "abort", "fail", "hand", "hand")
_EARLY = 0.005
FIRST = ("recover", "op-1", "mgmt-2")
PAIRS = (
    (FIRST, FIRST),
    (FIRST, FIRST),
    (FIRST, ("recover", "op-2", "mgmt-2")),
    (FIRST, ("recover", "op-1", "mgmt-3")),
    (FIRST, ("restore", "op-2", "mgmt-2")),
    (FIRST, ("restore", "op-1", "mgmt-3")),
    (FIRST, ("backup", "op-1", "mgmt-2")),
    (FIRST, ("backup", "op-2", "mgmt-2")),
)
"""(kind, operation, destination) of the first start and of the second."""
