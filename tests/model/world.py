"""What the model knows of the world: the lease, the source, two destinations, executions and their tasks at work.

Everything that has no say in who runs what is left out: one flag `up` stands for the writers and the Cluster API
controllers of the source together, a HostedCluster at a destination for its control plane and its controllers.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

_T = TypeVar("_T")

SOURCE = 0
"""The owner that the lease names as long as nobody has claimed the hosted cluster for a destination."""


class Lease(NamedTuple):
    """One item: `holder` is an execution, -1 nobody. `owner` is the destination that it was claimed for, or SOURCE."""

    epoch: int = 0
    holder: int = -1
    owner: int = SOURCE


class Namespace(NamedTuple):
    """The control-plane namespace at a destination. `version` changes with every write to it."""

    uid: int
    version: int
    operation: int
    stamp: int


class World(NamedTuple):
    """One state. Backups are numbered; `saved[n]` is how often the source had been up when backup n was taken."""

    lease: Lease = Lease()
    signature: tuple[int, int] | None = None  # operation, backup
    stamps: tuple[int, int] = (0, 0)  # epoch on the HostedCluster and on the Deployments of the source
    up: bool = True
    woke: int = 1
    saved: tuple[int, ...] = ()
    fences: frozenset[tuple[int, int]] = frozenset()  # operation, backup
    namespaces: tuple[Namespace | None, Namespace | None] = (None, None)
    hosted: tuple[int, int] = (0, 0)  # HostedCluster at each destination: the `saved` that it was made of, 0: none
    answers: bool = True  # whether the source's API does
    cut: bool = False  # whether the source can neither be written to nor act on instances
    bad: str = ""


class Execution(NamedTuple):
    """One start of a machine. `state` names its task, "" before the start and after the end."""

    kind: str
    operation: int
    destination: int = 1
    state: str = ""
    status: str = "new"  # new, running, ended
    outcome: str = ""
    epoch: int = 0
    backup: int = -1
    looked: bool = False  # whether it saw, at the end, that the destination has no HostedCluster
    waited: bool = False


class Attempt(NamedTuple):
    """One invocation of a function. Its machine no longer listens to it when it is not `live`: a late twin."""

    execution: int
    epoch: int
    task: str
    me: Execution  # the machine's data as this attempt knows them
    step: int = 0
    seen: tuple[int, ...] = ()
    live: bool = True


class State(NamedTuple):
    """All of it, and what the search may still do to it."""

    world: World
    executions: tuple[Execution, ...]
    attempts: tuple[Attempt, ...] = ()
    twins: int = 0
    aborts: int = 0
    failures: int = 0
    hands: int = 0  # how often somebody may scale the source up by hand
    returns: int = 0  # how often a source that did not answer may answer again


def replaced(items: tuple[_T, ...], index: int, item: _T) -> tuple[_T, ...]:
    return (*items[:index], item, *items[index + 1 :])
