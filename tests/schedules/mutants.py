"""Guards of the real code, each taken away: what a schedule has to find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lifeboat import epochs, fence, handover, lease
from lifeboat.etcd import later
from tests.schedules.world import GatedCluster, GatedLeases


def _nothing(*_: Any, **__: Any) -> None:
    return None


def no_lease(patch: pytest.MonkeyPatch) -> None:
    """Whoever had it acts on: the check of the epoch is gone, in tasks and in conditional writes."""
    patch.setattr(lease, "assert_held", _nothing)
    patch.setattr(GatedLeases, "_mine", lambda *_: True)


def no_epochs(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(epochs, "refuse_older", _nothing)


def no_seal(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(epochs, "seal", _nothing)


def no_fence(patch: pytest.MonkeyPatch) -> None:
    """Restore takes any source for fenced."""
    patch.setattr(fence, "check", _nothing)


def no_claim(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(lease, "claim", _nothing)


def no_look_back(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(handover, "look", lambda *_: {"destinationOwns": False})
    patch.setattr(lease, "is_way_forward_open", lambda *_: False)


def no_question_for_the_owner(patch: pytest.MonkeyPatch) -> None:
    """Neither before a source is saved or moved, nor before it is resumed."""
    patch.setattr(lease, "is_way_forward_open", lambda *_: False)
    patch.setattr(lease, "refuse_another_owner", _nothing)


def no_version_of_the_namespace(patch: pytest.MonkeyPatch) -> None:
    delete = GatedCluster.delete

    def unconditional(self: GatedCluster, *arguments: Any, **conditions: Any) -> None:
        delete(self, *arguments, **{**conditions, "resource_version": None})

    patch.setattr(GatedCluster, "delete", unconditional)


def no_look_into_etcd(patch: pytest.MonkeyPatch) -> None:
    """Whether anything was written after the backup."""
    patch.setattr(later, "written_after", _nothing)


MUTANTS: tuple[Callable[[pytest.MonkeyPatch], None], ...] = (
    no_lease,
    no_epochs,
    no_seal,
    no_fence,
    no_claim,
    no_look_back,
    no_question_for_the_owner,
    no_version_of_the_namespace,
    no_look_into_etcd,
)
