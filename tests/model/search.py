"""Breadth-first search through all that two executions may do, and the shortest way to what must never be."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tests.model.tasks import CREATING, GUARDS, READING, TASKS, LostError, RefusedError
from tests.model.world import Attempt, Execution, Lease, State, World, replaced

FORWARD = {
    "recover": ("look", "stop", "save", "fence", "prepare", "create", "serve"),
    "restore": ("prepare", "create", "serve"),
    "backup": ("stop", "save", "resume"),
    "rescue": ("look", "cut", "prepare", "create", "serve"),
}
"""The tasks of each machine while all goes well; `rescue` is a recovery whose source does not answer."""


@dataclass(frozen=True)
class Result:
    """How many states were seen, and the shortest trace to a bad one, if any."""

    states: int
    problem: str
    trace: tuple[str, ...]


def search(first: State, guards: frozenset[str] = GUARDS, limit: int = 2_000_000) -> Result:
    """All states that can be reached. Stops at the first bad one; raises MemoryError beyond `limit`."""
    came: dict[State, tuple[State, str] | None] = {first: None}
    todo = deque([first])
    while todo:
        state = todo.popleft()
        for label, after in successors(state, guards):
            if after in came:
                continue
            came[after] = (state, label)
            if problem := wrong(after):
                return Result(len(came), problem, _trace(came, after))
            if len(came) > limit:
                msg = f"more than {limit} states"
                raise MemoryError(msg)
            todo.append(after)
    return Result(len(came), "", ())


def wrong(state: State) -> str:
    """What must never be."""
    world = state.world
    if world.bad:
        return world.bad
    if all(world.hosted):
        return "two destinations run the hosted cluster"
    if world.up and not world.cut and any(world.hosted):
        return "source and destination are both writable, and both look after the workers"
    for each in state.executions:
        if each.outcome == "success" and each.kind != "backup":
            made_of = world.hosted[each.destination - 1]
            if not made_of:
                return "a success without a hosted cluster that serves"
            if made_of != world.woke and not world.cut:
                return "a success without the last acknowledged writes"
    return ""


def successors(state: State, guards: frozenset[str]) -> Iterator[tuple[str, State]]:
    for index, each in enumerate(state.executions):
        yield from _starts(state, index, each, guards)
        if each.status == "running" and state.aborts:
            quiet = tuple(a._replace(live=False) if a.execution == index else a for a in state.attempts)
            ended = replaced(state.executions, index, each._replace(status="ended", state="", outcome="stopped"))
            yield (
                f"{index} is stopped",
                _tidy(state._replace(executions=ended, attempts=quiet, aborts=state.aborts - 1)),
            )
    for position, attempt in enumerate(state.attempts):
        yield from _steps(state, position, attempt, guards)
    yield from _from_outside(state)


def _starts(state: State, index: int, me: Execution, guards: frozenset[str]) -> Iterator[tuple[str, State]]:
    """TakeLease, and whatever its machine does first."""
    lease = state.world.lease
    if me.status != "new":
        return
    if lease.holder >= 0 and "running" in guards and state.executions[lease.holder].status == "running":
        return  # LeaseHeldError; it is started again later
    if "owner" in guards and lease.owner not in {0, me.destination} and me.kind != "restore":
        return
    if "owner" in guards and me.kind == "backup" and lease.owner:
        return
    world = state.world._replace(lease=Lease(lease.epoch + 1, index, lease.owner))
    started = me._replace(status="running", epoch=lease.epoch + 1)
    yield f"{index} takes the lease", _enter(state._replace(world=world), index, started, FORWARD[me.kind][0])


def _enter(state: State, index: int, me: Execution, task: str) -> State:
    """The machine goes on with a task, or ends."""
    world = state.world
    if task in {"success", "failed", "superseded"}:
        if task != "superseded" and (world.lease.epoch, world.lease.holder) == (me.epoch, index):
            world = world._replace(lease=world.lease._replace(holder=-1))
        me = me._replace(status="ended", state="", outcome=task)
        return _tidy(state._replace(world=world, executions=replaced(state.executions, index, me)))
    me = me._replace(state=task)
    attempts = (*state.attempts, Attempt(index, me.epoch, task, me))
    return _tidy(state._replace(executions=replaced(state.executions, index, me), attempts=attempts))


def _steps(state: State, position: int, attempt: Attempt, guards: frozenset[str]) -> Iterator[tuple[str, State]]:
    index = attempt.execution
    waits = attempt.task in {"wait", "late wait"}
    name = f"{index}{'' if attempt.live else ' (late)'} {attempt.task}"
    without = state.attempts[:position] + state.attempts[position + 1 :]
    steps = TASKS[attempt.task]
    label = f"{name}: {steps[attempt.step].__name__}"
    if (
        attempt.live and state.twins and attempt.task not in READING
    ):  # its answer was lost: tried again, while it may still be at work
        twin = replaced(state.attempts, position, attempt._replace(live=False))
        fresh = Attempt(index, attempt.epoch, attempt.task, state.executions[index])
        yield f"{name} is tried again", _tidy(state._replace(attempts=(*twin, fresh), twins=state.twins - 1))
    if attempt.live and state.failures and not waits:
        me = state.executions[index]
        lost = state._replace(attempts=without, failures=state.failures - 1)
        yield f"{name} fails", _failed(lost, index, me, attempt.task)
    if waits:
        # No create that was begun before it outlives the wait.
        rest = tuple(each for each in without if each.task != "create")
        me = attempt.me._replace(waited=True)
        yield (
            name,
            _enter(state._replace(attempts=rest), index, me, "look back" if "late" in attempt.task else "abandon"),
        )
        return
    try:
        turn = steps[attempt.step](state.world, attempt.me, attempt, guards)
    except (LostError, RefusedError) as error:
        dropped = state._replace(attempts=without)
        if attempt.live:
            me = attempt.me
            if isinstance(error, LostError):
                yield f"{label} finds a newer epoch", _enter(dropped, index, me, "superseded")
            else:
                yield f"{label} refuses", _failed(dropped, index, me, attempt.task)
        else:
            yield f"{label} gives up", _tidy(dropped)
        return
    after = state._replace(world=turn.world)
    if turn.next is None or attempt.step + 1 == len(steps):
        after = after._replace(attempts=without)
        yield label, _done(after, index, turn.execution, attempt.task) if attempt.live else _tidy(after)
    else:
        moved = attempt._replace(step=attempt.step + 1, seen=turn.seen, me=turn.execution)
        yield label, _tidy(after._replace(attempts=replaced(state.attempts, position, moved)))


def _done(state: State, index: int, me: Execution, task: str) -> State:
    forward = FORWARD[me.kind]
    if task == "look" and me.outcome == "there":
        return _enter(state, index, me, "prepare")
    if task in forward and not (task == "resume" and me.outcome == "failing"):
        following = forward.index(task) + 1
        return _enter(state, index, me, forward[following] if following < len(forward) else "success")
    if task == "abandon":
        way = "wait" if me.outcome == "late" else "failed" if me.kind == "restore" else "look back"
    elif task == "look back":
        way = {"there": "failed", "late": "late wait", "absent": _way_back(me)}[me.outcome]
    else:
        way = "look back" if task == "resume first" else "failed"  # resume, put back
    return _enter(state, index, me, way)


def _failed(state: State, index: int, me: Execution, task: str) -> State:
    """What catches each task."""
    me = me._replace(outcome="failing")
    if task in {"look", "serve", "look back", "resume", "put back"}:
        way = "failed"
    elif task in {"stop", "save"}:
        way = "resume" if me.kind == "backup" else "resume first"
    elif task == "create":
        way = "wait"
    elif task == "prepare":
        way = "abandon"
    elif task == "abandon":
        way = "failed" if me.kind == "restore" else "look back"
    else:  # fence, cut, resume first
        way = "look back"
    return _enter(state, index, me, way)


def _way_back(me: Execution) -> str:
    return "put back" if me.kind == "rescue" else "resume"


def _from_outside(state: State) -> Iterator[tuple[str, State]]:
    world = state.world
    blind = any(each.task == "create" and each.step > CREATING for each in state.attempts)
    if state.hands and not world.up and not any(world.hosted) and not blind:
        woken = world._replace(up=True, woke=world.woke + 1)
        yield "somebody scales the source up by hand", state._replace(world=woken, hands=state.hands - 1)
    if state.hands and world.up and world.signature and not blind:
        yield "and down again", state._replace(world=world._replace(up=False), hands=state.hands - 1)
    if state.returns and not world.answers:
        answering = world._replace(answers=True)
        yield "the source answers again", state._replace(world=answering, returns=state.returns - 1)


def _tidy(state: State) -> State:
    """One form of what cannot be told apart: the order of attempts, what an ended execution knew, idle twins."""
    epoch = state.world.lease.epoch
    attempts = [
        each if each.live else each._replace(me=each.me._replace(state="", outcome="", status="", waited=False))
        for each in state.attempts
        if each.live or not (each.task in READING or (each.step == 0 and each.epoch != epoch))
    ]
    executions = tuple(
        Execution(each.kind, each.operation, each.destination, status="ended", outcome=each.outcome)
        if each.status == "ended"
        else each
        for each in state.executions
    )
    return state._replace(attempts=tuple(sorted(attempts)), executions=executions)


def _trace(came: dict[State, tuple[State, str] | None], last: State) -> tuple[str, ...]:
    labels: list[str] = []
    at: State = last
    while (before := came[at]) is not None:
        labels.append(before[1])
        at = before[0]
    return tuple(reversed(labels))


def scenario(*executions: Execution, world: World | None = None, **budgets: int) -> State:
    return State(world or World(), executions, **budgets)
