"""The first half of a move, over ports in memory: `blue` backed up, stopped and still at mgmt-1."""

from __future__ import annotations

from lifeboat import dns, fence
from lifeboat.layout import ClusterLayout
from lifeboat.moved import Move, open_move
from tests.unit.a_backup import Backup


class FirstHalf(Backup):
    """After RunBackup: the source is stopped, its names still answer."""

    def __init__(self) -> None:
        super().__init__()
        self.preflight()
        self.quiesce()
        self.data["backup"] |= self.capture()

    @property
    def move(self) -> Move:
        return open_move(self.store, self.signer, self.task())

    @property
    def layout(self) -> ClusterLayout:
        return self.move.layout

    def withdraw(self) -> dns.CleanUp:
        return dns.withdraw(self.cluster, self.store, self.signer, self.move, self.task().operation.id)

    def external_dns(self) -> None:
        """What ExternalDNS does once the Routes are gone."""
        self.dns.held = [each for each in self.dns.held if "-blue." not in each.name and "-blue-ext" not in each.name]

    def force(self) -> list[str]:
        return dns.force(self.cluster, self.dns, self.store, self.signer, self.move, self.task().operation.id)

    def fence(self) -> dict[str, str]:
        return fence.make(self.cluster, self.dns, self.store, self.signer, self.clock, self.task(), self.move)

    def check_fence(self) -> dict[str, str]:
        return fence.check(self.store, self.signer, self.cluster, self.move)

    def fenced(self) -> FirstHalf:
        self.withdraw()
        self.external_dns()
        self.fence()
        return self
