"""No damaged backup is taken for a whole one: neither by `verify` nor by what a restore reads."""

from __future__ import annotations

import hashlib
import random

import pytest

from lifeboat import backups, examining
from lifeboat.errors import BackupUnprovenError
from tests.unit.damages import ID, TRUE_KEY, DamagedStore, a_world, all_damages
from tests.unit.stored_backups import BLUE

AT_LEAST = 1000


def restored(store: DamagedStore) -> tuple[object, ...] | None:
    """All that a restore would get out of the store, None when it is refused."""
    try:
        record, _ = backups.open_version(store, TRUE_KEY, BLUE, "blue-x", ID)
        backups.verify_parts(store, record, current=False)
        manifests = [backups.read_manifests(store, record, each.plural) for each in record.manifests]
        evidence = [backups.read_evidence(store, record, name) for name in record.evidence]
        snapshot = store.get(record.snapshot.part.key, record.snapshot.part.version_id) or b""
    except BackupUnprovenError:
        return None
    if hashlib.sha256(snapshot).hexdigest() != record.snapshot.part.sha256:  # the helper pods, before etcd starts
        return None
    return manifests, evidence, snapshot


def is_proven(store: DamagedStore) -> bool:
    try:
        return examining.examine(store, TRUE_KEY, BLUE, ID, deep=True).is_proven
    except BackupUnprovenError:
        return False


def accepted(seed: int) -> tuple[int, list[str]]:
    """How many damages were done, and those that somebody did not notice."""
    whole, record, others = a_world()
    wanted = restored(whole)
    assert wanted is not None
    done, unnoticed = 0, []
    for number, (name, damage) in enumerate(all_damages(whole, record, others)):
        store = whole.twin()
        damage(store, random.Random(f"{seed} {number}"))
        done += 1
        if is_proven(store):
            unnoticed.append(f"verify: {name}")
        if restored(store) not in (None, wanted):
            unnoticed.append(f"restore: {name}")
    return done, unnoticed


def test_the_whole_one_is_accepted():
    """Or the tests here could not fail."""
    store, _, _ = a_world()
    assert is_proven(store)
    assert restored(store) is not None


def test_no_damage_is_accepted():
    done, unnoticed = accepted(seed=1)
    assert unnoticed == []
    assert done >= AT_LEAST


@pytest.mark.full
def test_no_damage_is_accepted_with_many_seeds():
    for seed in range(2, 12):
        assert accepted(seed)[1] == []
