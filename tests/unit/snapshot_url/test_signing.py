"""The one URL of a restore: fit, the same in both objects, read back, and told nowhere."""

import dataclasses
import datetime

import pytest

from lifeboat.errors import ObjectRefusedError, RestoreFailedError
from lifeboat.restore import hosted_cluster, objects
from lifeboat.restore.destination import create_namespaces
from lifeboat.restore.snapshot_url import signing, url
from tests.unit.memory import NOW
from tests.unit.restore.at_destination import restore_objects, still_fenced
from tests.unit.snapshot_url.by_url import CANARY, INNER, Door, Quoting, Signer, a_world, opened, url_of


@pytest.fixture
def world():
    return a_world()


def _live(world, kind, namespace):
    return signing.url_of(world.destination._objects[kind, namespace, "blue"])


def _made(world, signer):
    """All objects up to the HostedCluster, which is made by another function."""
    restore_objects(signing.signed(opened(world), signer))
    hosted_cluster.create_hosted_cluster(signing.held(opened(world)), NOW, still_fenced)


def test_control_plane_and_hosted_cluster_bear_the_same_url(world):
    signer = Signer()
    _made(world, signer)
    bears = _live(world, "HostedControlPlane", INNER)
    assert CANARY in bears
    assert bears == _live(world, "HostedCluster", "clusters")
    part = opened(world).record.snapshot.part
    assert signer.asked == [(part.key, part.version_id, url.SECONDS)]


def test_a_second_run_reads_it_and_signs_none(world):
    signer = Signer()
    _made(world, signer)
    again = signing.signed(opened(world), signer)
    assert again.snapshot_url == _live(world, "HostedCluster", "clusters")
    assert len(signer.asked) == 1


def test_of_two_at_a_time_both_use_what_was_written(world):
    """The later one signed a URL of its own before it met the other's object."""
    signer = Signer()
    late = signing.signed(opened(world), signer)
    _made(world, signer)
    objects.restore_group(late, "control-plane")
    assert signing.held(opened(world)).snapshot_url == _live(world, "HostedControlPlane", INNER) != late.snapshot_url


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (url_of().replace("https://", "http://"), "is not https"),
        (url_of().replace("https://", "s3://"), "is not https"),
        (url_of(pad="x" * 1024), "HyperShift takes 1024"),
        (url_of(**{"X-Amz-Security-Token": "t"}), "signed by a role"),
        ("https://bucket/key", "not signed by SigV4"),
    ],
)
def test_what_hypershift_or_its_curl_would_refuse_is_refused_before_it_is_written(world, bad, told):
    with pytest.raises(RestoreFailedError, match=told) as refused:
        signing.signed(opened(world), Signer(bad))
    assert CANARY not in str(refused.value)


def test_a_url_of_1024_characters_is_taken():
    longest = url_of(pad="")
    longest += "x" * (1024 - len(longest))
    assert url.refuse_unfit(longest) == longest
    with pytest.raises(RestoreFailedError, match="1025 characters"):
        url.refuse_unfit(longest + "x")


def test_an_attempt_that_was_begun_one_way_is_not_ended_the_other(world):
    create_namespaces(opened(world))
    objects.restore_group(world.open(), "control-plane")
    with pytest.raises(RestoreFailedError, match="without a snapshot's URL"):
        signing.signed(opened(world), Signer())
    with pytest.raises(RestoreFailedError, match="without a snapshot's URL"):
        signing.held(opened(world))


def test_nor_the_other_way_round(world):
    restore_objects(signing.signed(opened(world), Signer()))
    with pytest.raises(RestoreFailedError, match="begun with etcdRestore `snapshotUrl`"):
        signing.held(world.open())


def test_by_volumes_there_is_none(world):
    restore_objects(signing.signed(world.open(), Signer()))
    assert signing.held(world.open()).snapshot_url is None


def test_it_is_tried_before_the_hosted_cluster(world):
    restore_objects(signing.signed(opened(world), Signer()))
    destination = signing.held(opened(world))
    size = destination.record.snapshot.part.size
    assert signing.try_out(destination, Door(size), NOW) == {"secondsLeft": url.SECONDS, "size": size}
    with pytest.raises(RestoreFailedError, match="S3 refuses"):
        signing.try_out(destination, Door(None), NOW)
    with pytest.raises(RestoreFailedError, match=f"opens {size + 1} bytes"):
        signing.try_out(destination, Door(size + 1), NOW)


def test_one_that_soon_expires_is_refused_while_all_can_be_taken_back(world):
    restore_objects(signing.signed(opened(world), Signer()))
    destination = signing.held(opened(world))
    late = NOW + datetime.timedelta(seconds=url.SECONDS - url.LEFT)
    assert signing.refuse_expiring(destination, late) == destination.snapshot_url
    with pytest.raises(RestoreFailedError, match="too short to begin") as refused:
        signing.refuse_expiring(destination, late + datetime.timedelta(seconds=1))
    assert CANARY not in str(refused.value)


def test_a_url_that_does_not_tell_its_end_has_none():
    assert url.seconds_left("https://x/?X-Amz-Date=soon&X-Amz-Expires=9", NOW) == 0


def test_it_stands_in_no_answer_error_or_representation(world):
    destination = signing.signed(opened(world), Signer())
    create_namespaces(destination)
    told = [objects.restore_group(destination, "control-plane"), destination, signing.held(opened(world))]
    assert CANARY not in repr(told)
    refusing = dataclasses.replace(destination, cluster=Quoting("mgmt-2"))
    with pytest.raises(ObjectRefusedError) as refused, signing.unquoted(refusing):
        objects.restore_group(refusing, "control-plane")
    assert CANARY not in str(refused.value)
    assert "quotes it" in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_other_refusals_are_told_as_they_are(world):
    destination = signing.signed(opened(world), Signer())
    with pytest.raises(ObjectRefusedError, match="no such kind"), signing.unquoted(destination):
        raise ObjectRefusedError("no such kind")
