"""Stands in for namespaces where a machine refuses them: paths, names and `localhost` are replaced in commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.node.container import ContainerSpec


class Rewriting:
    def __init__(self, spec: ContainerSpec) -> None:
        raise NotImplementedError
