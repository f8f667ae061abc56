"""What kind of hosted cluster `blue` is: one object that every part of the sandbox reads from the plan.

From the command line (`python -m sandbox up --access Private --node-pools 8 --machines 5`) or from Python
(`Sandbox(run, shape=Shape(access="Private"))`). Its neighbour `blue-green` is always the same: SingleReplica, Public,
by Routes, encrypted, one machine.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

CHOICES: Mapping[str, tuple[str, ...]] = {
    "availability": ("HighlyAvailable", "SingleReplica"),
    "encryption": ("secret", "none"),
    "namespace": ("shared", "own"),
    "access": ("Public", "PublicAndPrivate", "Private"),
    "publishing": ("Route", "LoadBalancer"),
    "release": ("4.17", "4.22"),
}
"""The values of each choice, the default first."""

LIMITS: Mapping[str, tuple[int, int]] = {"node_pools": (1, 26), "machines": (1, 64)}
_SHARED, _OWN = "clusters", "neighbours"


@dataclass(frozen=True)
class Shape:
    """One kind of hosted cluster. Raises ValueError for a value that is none of `CHOICES`, or beyond `LIMITS`."""

    availability: str = "HighlyAvailable"
    """Of the control plane: etcd has three members, or one."""
    encryption: str = "secret"
    """Of Secrets in etcd: by a key in a Secret (aescbc), or not at all."""
    namespace: str = "shared"
    """Whether HostedCluster `blue-green` lives beside it in `clusters`, or elsewhere."""
    access: str = "Public"
    """The HostedCluster's `endpointAccess`."""
    publishing: str = "Route"
    """How the APIServer is published; the other services have Routes."""
    release: str = "4.17"
    """The hosted release. From 4.22 on the stack has a user that signs snapshot URLs (`etcdRestore: snapshotUrl`)."""
    node_pools: int = 2
    machines: int = 2
    """Of each NodePool."""

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)}: it has to be one of {', '.join(allowed)}")
        for name, (least, most) in LIMITS.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {getattr(self, name)}: it has to be {least} to {most}")

    @property
    def is_private(self) -> bool:
        """Whether its workers reach the API by a VPC endpoint."""
        return self.access != "Public"

    @property
    def is_public(self) -> bool:
        """Whether its API answers the internet."""
        return self.access != "Private"

    @property
    def neighbour_namespace(self) -> str:
        """The namespace of HostedCluster `blue-green`."""
        return _SHARED if self.namespace == "shared" else _OWN

    def namespace_of(self, name: str) -> str:
        """The namespace of a hosted cluster of the sandbox."""
        return _SHARED if name == "blue" else self.neighbour_namespace

    def pools(self) -> tuple[str, ...]:
        """The names of its NodePools."""
        return tuple(f"workers-{chr(ord('a') + number)}" for number in range(self.node_pools))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """An option for each field."""
    group = parser.add_argument_group("what hosted cluster `blue` is like")
    for name, allowed in CHOICES.items():
        group.add_argument(f"--{name}", choices=allowed, default=allowed[0], help=f"default: {allowed[0]}")
    for name in LIMITS:
        text = "of each NodePool" if name == "machines" else "how many"
        default = getattr(Shape, name)
        group.add_argument(
            f"--{name.replace('_', '-')}", type=int, default=default, help=f"{text} (default: {default})"
        )


def of_arguments(arguments: argparse.Namespace) -> Shape:
    """The shape that the options ask for. Raises ValueError."""
    return Shape(**{name: getattr(arguments, name) for name in (*CHOICES, *LIMITS)})
