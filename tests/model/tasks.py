"""The tasks of the protocol, each as steps between which it may sleep for ever, be killed or be overtaken.

A step is one atomic thing: a read, or a write with its condition. An edit (read, decide, patch with the resourceVersion
of that read, again on a conflict) is one step: what it decides, it decides of what it patches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.model.world import SOURCE, Attempt, Execution, Namespace, World, replaced

GUARDS = frozenset(
    {
        "epoch",  # a task asks whether its epoch still holds the lease
        "running",  # a lease whose execution runs is never taken over, whatever the clocks say
        "stamps",  # objects of the source bear the epoch of whoever stopped them; an older one may not change them
        "seal",  # right before the HostedCluster is made, its restore puts its own epoch there
        "fence",  # restore wants a fence
        "second look",  # and looks at the source right before it makes the HostedCluster
        "claim",  # which it first claims in the lease: for one destination, once
        "look back",  # before the source is resumed, the destination is looked at
        "owner",  # whoever resumes asks the lease whether another has claimed it
        "late wait",  # one that was claimed and is not there is waited for as long as a request can last
        "namespace version",  # a namespace is taken back as it was read before that look only
        "written after",  # a source that was awake after its backup is not fenced
        "cut",  # a source that does not answer is cut off before it is replaced
    }
)


class LostError(Exception):
    """LeaseLostError: a newer epoch was seen."""


class RefusedError(Exception):
    """Any other error for good."""


class Turn(NamedTuple):
    """What a step leaves behind. `next` None: the task is done; -1: the step after this one."""

    world: World
    execution: Execution
    seen: tuple[int, ...] = ()
    next: int | None = -1


Step = Callable[[World, Execution, Attempt, frozenset[str]], Turn]


def held(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """assert_held."""
    if "epoch" in guards and world.lease.epoch != attempt.epoch:
        raise LostError
    return Turn(world, me)


def sign(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """PauseSource, with the choice of the backup that PreflightSource makes."""
    if world.signature and world.signature[0] != me.operation:
        raise RefusedError
    _may_change(world.stamps[0], attempt, guards)
    backup = world.signature[1] if world.signature else len(world.saved)
    if backup < len(world.saved) and (world.up or world.saved[backup] != world.woke):
        backup = len(world.saved)  # it was awake since: another backup
    stamps = (attempt.epoch, world.stamps[1])
    return Turn(world._replace(signature=(me.operation, backup), stamps=stamps), me._replace(backup=backup))


def stop(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    _may_change(world.stamps[1], attempt, guards)
    return Turn(world._replace(up=False, stamps=(world.stamps[0], attempt.epoch)), me, next=None)


def save(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """CommitBackup: create-if-absent; nothing may be written after the snapshot."""
    if world.up or world.signature != (me.operation, me.backup):
        raise RefusedError
    if me.backup < len(world.saved):
        if world.saved[me.backup] != world.woke:
            raise RefusedError
        return Turn(world, me, next=None)
    return Turn(world._replace(saved=(*world.saved, world.woke)), me, next=None)


def make_fence(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    if not _at_rest(world, me.operation, me.backup, guards):
        raise RefusedError
    return Turn(world._replace(fences=world.fences | {(me.operation, me.backup)}), me, next=None)


def check_fence(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """CheckFence of restore; one without a parent finds its backup itself."""
    mine = me
    if me.backup < 0:
        if not world.saved:
            raise RefusedError
        mine = me._replace(backup=len(world.saved) - 1)
    if "fence" in guards and not _is_fenced(world, mine, guards):
        raise RefusedError
    return Turn(world, mine)


def own_namespace(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """CreateNamespaces: made by this operation, or adopted, and stamped with this epoch."""
    index = me.destination - 1
    live = world.namespaces[index]
    if world.hosted[index]:
        return Turn(world, me, next=None)
    if live is None:
        fresh = Namespace(attempt.epoch, 1, me.operation, attempt.epoch)
    elif live.operation != me.operation or live.stamp > attempt.epoch:
        raise RefusedError
    else:
        fresh = live._replace(version=live.version + (live.stamp != attempt.epoch), stamp=attempt.epoch)
    return Turn(world._replace(namespaces=replaced(world.namespaces, index, fresh)), me, next=None)


def is_there(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    index = me.destination - 1
    live = world.namespaces[index]
    if world.hosted[index]:
        return Turn(world, me, next=None)
    if live is None or live.operation != me.operation:
        raise RefusedError
    return Turn(world, me)


def seal(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    if "seal" not in guards or not world.answers:
        return Turn(world, me)
    for stamp in world.stamps:
        _may_change(stamp, attempt, guards)
    return Turn(world._replace(stamps=(attempt.epoch, attempt.epoch)), me)


def look_again(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    if "second look" in guards and "fence" in guards and not _is_fenced(world, me, guards):
        raise RefusedError
    return Turn(world, me)


def claim(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    if "epoch" in guards and world.lease.epoch != attempt.epoch:
        raise LostError
    if "claim" not in guards:
        return Turn(world, me)
    if world.lease.owner not in {SOURCE, me.destination}:
        raise RefusedError
    return Turn(world._replace(lease=world.lease._replace(owner=me.destination)), me)


def create(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """The point of no return. A create cannot be conditioned on anything but its name."""
    index = me.destination - 1
    if world.hosted[index]:
        return Turn(world, me, next=None)
    backup = me.backup if me.backup >= 0 else len(world.saved) - 1
    if not world.cut and (world.up or world.saved[backup] != world.woke):
        world = world._replace(bad="a HostedCluster was made beside a source that was not at rest")
    return Turn(world._replace(hosted=replaced(world.hosted, index, world.saved[backup])), me, next=None)


def ask_owner(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """What an earlier attempt claimed it may still create: that is waited for, before anything is taken back."""
    if "late wait" in guards and world.lease.owner == me.destination and not me.waited:
        return Turn(world, me._replace(outcome="late"), next=None)
    return Turn(world, me)


def read_namespace(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """Before the HostedCluster is looked for."""
    live = world.namespaces[me.destination - 1]
    if live is None or live.operation != me.operation:
        return Turn(world, me, seen=(0, 0))
    if "namespace version" in guards and live.stamp > attempt.epoch:
        raise LostError
    return Turn(world, me, seen=(live.uid, live.version))


def is_handed_over(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    if world.hosted[me.destination - 1]:
        return Turn(world, me, next=None)
    return Turn(world, me, seen=attempt.seen)


def unclaim(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    if "epoch" in guards and world.lease.epoch != attempt.epoch:
        raise LostError
    owner = SOURCE if world.lease.owner == me.destination else world.lease.owner
    return Turn(world._replace(lease=world.lease._replace(owner=owner)), me, seen=attempt.seen)


def delete_namespace(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    index = me.destination - 1
    live = world.namespaces[index]
    wanted = attempt.seen if "namespace version" in guards else attempt.seen[:1]
    if live is None or (live.uid, live.version)[: len(wanted)] != wanted:
        return Turn(world, me, next=None)
    if world.hosted[index]:
        world = world._replace(bad="the Machines of a living cluster were deleted: workers terminated")
    return Turn(world._replace(namespaces=replaced(world.namespaces, index, None)), me, next=None)


def look(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """CheckPointOfNoReturn; refuses what was claimed for another destination."""
    if "claim" in guards and world.lease.owner not in {SOURCE, me.destination}:
        raise RefusedError
    there = bool(world.hosted[me.destination - 1])
    if "look back" not in guards and attempt.task == "look back":
        there = False
    claimed = "late wait" in guards and world.lease.owner == me.destination and not me.waited
    verdict = "there" if there else "late" if claimed else "absent"
    backup = world.saved.index(world.hosted[me.destination - 1]) if there and me.backup < 0 else me.backup
    return Turn(world, me._replace(outcome=verdict, looked=not there, backup=backup), next=None)


def may_resume(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """Asks the lease; what this start claimed itself, and then saw to be absent, it takes back."""
    if "owner" not in guards or world.lease.owner == SOURCE:
        return Turn(world, me)
    if me.kind != "recover" or attempt.task == "resume first" or not me.looked or world.lease.owner != me.destination:
        raise RefusedError
    if "epoch" in guards and world.lease.epoch != attempt.epoch:
        raise LostError
    return Turn(world._replace(lease=world.lease._replace(owner=SOURCE)), me)


def read_signature(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    if world.signature is None or world.signature[0] != me.operation:
        return Turn(world, me, next=None)
    return Turn(world, me, seen=world.signature)


def scale_up(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    _may_change(world.stamps[1], attempt, guards)
    woken = world if world.up else world._replace(up=True, woke=world.woke + 1)
    return Turn(woken._replace(stamps=(world.stamps[0], 0)), me, seen=attempt.seen)


def unsign(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """An unpaused HostedCluster is scaled up by its operator."""
    if world.signature != attempt.seen:
        return Turn(world, me, next=None)
    _may_change(world.stamps[0], attempt, guards)
    woken = world if world.up else world._replace(up=True, woke=world.woke + 1)
    return Turn(woken._replace(signature=None, stamps=(0, 0)), me, next=None)


def serve(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    if not world.hosted[me.destination - 1]:
        raise RefusedError
    return Turn(world, me, next=None)


def probe(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """A source that answers is not unreachable."""
    if world.answers or not world.saved:
        raise RefusedError
    return Turn(world, me._replace(backup=len(world.saved) - 1))


def cut(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """Off the names, the load balancers and AWS; then a fence that says so, after an approval."""
    if "cut" in guards:
        world = world._replace(cut=True)
    return Turn(world, me)


def fence_cut(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    if world.answers or ("cut" in guards and not world.cut):
        raise RefusedError
    return Turn(world._replace(fences=world.fences | {(me.operation, me.backup)}), me, next=None)


def put_back(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    """What was cut, if the destination does not own it."""
    _ = held(world, me, attempt, guards)
    return Turn(world._replace(cut=False), me)


def nothing(world: World, me: Execution, attempt: Attempt, guards: frozenset[str]) -> Turn:
    return Turn(world, me, next=None)


TASKS: dict[str, tuple[Step, ...]] = {
    "look": (look,),
    "stop": (held, sign, stop),
    "save": (held, save),
    "fence": (held, make_fence),
    "prepare": (check_fence, held, own_namespace),
    "create": (held, is_there, seal, look_again, claim, create),
    "serve": (held, serve),
    "wait": (nothing,),
    "abandon": (held, ask_owner, read_namespace, is_handed_over, unclaim, delete_namespace),
    "look back": (look,),
    "resume": (held, may_resume, read_signature, scale_up, unsign),
    "resume first": (held, may_resume, read_signature, scale_up, unsign),
    "late wait": (nothing,),
    "cut": (held, probe, cut, fence_cut),
    "put back": (held, may_resume, put_back),
}
READING = frozenset({"look", "look back", "serve", "wait", "late wait"})
"""What changes nothing: a late twin of it is nobody's concern."""
CREATING = TASKS["create"].index(look_again)
"""From here on a create has looked and not yet written: what happens at the source by hand is seen by nobody."""


def _may_change(stamp: int, attempt: Attempt, guards: frozenset[str]) -> None:
    if "stamps" in guards and stamp > attempt.epoch:
        raise LostError


def _at_rest(world: World, operation: int, backup: int, guards: frozenset[str]) -> bool:
    rests = not world.up and world.signature == (operation, backup) and backup < len(world.saved)
    return rests and ("written after" not in guards or world.saved[backup] == world.woke)


def _is_fenced(world: World, me: Execution, guards: frozenset[str]) -> bool:
    by = [operation for operation, backup in world.fences if backup == me.backup]
    if not by:
        return False
    if world.cut or not world.answers:
        return ("cut" not in guards or world.cut) and not world.answers
    return _at_rest(world, by[0], me.backup, guards)
