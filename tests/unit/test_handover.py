import pytest

from lifeboat import handover
from lifeboat.errors import PreflightError
from tests.unit.a_move import FirstHalf
from tests.unit.builders import a_management_cluster


def look(half, destination):
    return handover.look(destination, half.store, half.signer, half.task())


def test_an_empty_destination_owns_nothing():
    assert look(FirstHalf().fenced(), a_management_cluster("mgmt-2")) == {"destinationOwns": False}


def test_a_second_start_goes_on_with_the_backup_of_the_first():
    """Else it would take the destination's names for the source's, and resume a source that has been left."""
    half = FirstHalf().fenced()
    destination = a_management_cluster("mgmt-2")
    destination.add(half.hosted.hosted_cluster())
    found = look(half, destination)
    assert found["destinationOwns"]
    assert found["backup"] == {each: half.data["backup"][each] for each in ("backupId", "infraId", "recordSha256")}
    assert found["fence"]["key"].endswith("fence.json")


def test_somebody_elses_hosted_cluster_at_the_destination_is_refused():
    half = FirstHalf()
    destination = a_management_cluster("mgmt-2")
    destination.add(half.hosted.hosted_cluster())
    with pytest.raises(PreflightError, match="did not bring"):
        look(half, destination)
