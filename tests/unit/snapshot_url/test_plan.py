"""A plan with `etcdRestore: snapshotUrl`: no volume is filled, and what stands against it is told with all else."""

import pytest

from tests.unit.builders import blue
from tests.unit.plan.moving import Moving

FILLING = {"restore: CreateEtcdVolumes", "restore: StartEtcdRestore", "restore: RemoveEtcdHelpers"}


@pytest.fixture(scope="module")
def plans():
    moving = Moving(blue().with_members(1))
    return {way: moving.plan(etcdRestore=way) for way in ("volumes", "snapshotUrl")}


def _steps(plan):
    return {each["step"] for each in plan.to_json()["writes"]}


def test_it_fills_no_volume_and_is_the_same_otherwise(plans):
    by_volumes, by_url = _steps(plans["volumes"]), _steps(plans["snapshotUrl"])
    assert by_volumes & FILLING
    assert by_url == by_volumes - FILLING


def test_what_stands_against_it_blocks(plans):
    """The release is old, and nobody signs."""
    told = {way: [str(each) for each in plan.to_json()["problems"]] for way, plan in plans.items()}
    assert not [line for line in told["volumes"] if "snapshot" in line]
    mine = [line for line in told["snapshotUrl"] if line not in told["volumes"]]
    assert len(mine) == 2
    assert "is older than 4.22" in str(mine)
    assert "SnapshotUrlSigner=ENABLED" in str(mine)
    assert all("blocks" in line for line in mine)
