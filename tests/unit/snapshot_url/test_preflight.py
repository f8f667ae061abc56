"""Where etcd may restore itself from a URL: everywhere else it is refused, with what to do."""

import dataclasses

import pytest

from lifeboat.model import BackupKind
from lifeboat.restore.preflight import snapshot_url
from tests.unit.backed_up import a_backup
from tests.unit.snapshot_url.by_url import a_world, look, opened


def _found(world, destination):
    return list(snapshot_url.problems(look(world, destination)))


def _snapshot(destination, **fields):
    snapshot = dataclasses.replace(destination.record.snapshot, **fields)
    return dataclasses.replace(destination, record=dataclasses.replace(destination.record, snapshot=snapshot))


def _version(destination, version):
    return dataclasses.replace(destination, state=dataclasses.replace(destination.state, release_version=version))


def test_a_quiesced_backup_of_one_member_of_a_release_that_stages_may():
    world = a_world()
    assert _found(world, opened(world)) == []


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda each: _snapshot(each, alarms=("NOSPACE",)), "alarms NOSPACE"),
        (lambda each: _snapshot(each, quorum=False), "no quorum"),
        (lambda each: _version(each, "4.21.9"), "4.21.9 is older than 4.22"),
        (lambda each: _version(each, "4.9.0"), "4.9.0 is older than 4.22"),
        (lambda each: _version(each, ""), "of unknown version"),
        (lambda each: dataclasses.replace(each, revision="bump"), "revision has to be raised"),
        (
            lambda each: dataclasses.replace(each, record=dataclasses.replace(each.record, kind=BackupKind.ONLINE)),
            "revision has to be raised",
        ),
    ],
)
def test_what_it_cannot_do_is_refused_in_one_line_with_the_other_way(spoil, told):
    world = a_world()
    (found,) = _found(world, spoil(opened(world)))
    assert told in found
    assert found.endswith("restore by `volumes`")


@pytest.mark.parametrize("version", ["4.22.0", "4.23.1", "5.0.0"])
def test_releases_that_stage(version):
    world = a_world()
    assert _found(world, _version(opened(world), version)) == []


def test_several_members_would_become_several_clusters():
    world = a_backup()
    (found,) = _found(world, opened(world))
    assert "several members of etcd as many clusters" in found


def test_without_a_user_that_signs_it_is_refused():
    world = a_world()
    asked = look(world)
    asked.outside = dataclasses.replace(asked.outside, signs_urls=False)
    (found,) = snapshot_url.problems(asked)
    assert "SnapshotUrlSigner=ENABLED" in found


def test_a_source_that_does_not_answer_may_have_written_since():
    world = a_world()
    asked = look(world)
    asked.source = None
    assert ["revision has to be raised" in each for each in snapshot_url.problems(asked)] == [True]


def test_by_volumes_nothing_of_it_is_asked():
    world = a_backup()
    assert list(snapshot_url.problems(world.look())) == []
