import pytest

from lifeboat import polling
from lifeboat.edits import ATTEMPTS, edit
from lifeboat.errors import ConflictError, NotStoppedError
from lifeboat.resources import DEPLOYMENTS
from tests.unit.builders import a_deployment
from tests.unit.memory import MemoryCluster


@pytest.fixture
def cluster():
    cluster = MemoryCluster()
    cluster.add(a_deployment("operator", "hypershift", 2))
    return cluster


def test_a_change_in_between_is_seen_before_it_is_overwritten(cluster):
    seen = []

    def change(deployment):
        seen.append(deployment["spec"]["replicas"])
        if len(seen) == 1:  # somebody else is quicker than our first patch
            cluster.patch(DEPLOYMENTS, "hypershift", "operator", {"spec": {"replicas": 7}})
        return {"spec": {"replicas": deployment["spec"]["replicas"] + 1}}

    edited = edit(cluster, DEPLOYMENTS, "hypershift", "operator", change)
    assert (seen, edited["spec"]["replicas"]) == ([2, 7], 8)


def test_what_is_as_wanted_is_not_written(cluster):
    edit(cluster, DEPLOYMENTS, "hypershift", "operator", lambda _: None)
    assert cluster.writes == []


def test_what_is_gone_is_none(cluster):
    assert edit(cluster, DEPLOYMENTS, "hypershift", "other", lambda _: {"spec": {}}) is None


def test_an_object_that_never_stands_still_is_left_to_the_machine_s_retry(cluster):
    def change(_):
        cluster.patch(DEPLOYMENTS, "hypershift", "operator", {"spec": {"replicas": len(cluster.writes) + 10}})
        return {"spec": {"replicas": 0}}

    with pytest.raises(ConflictError):
        edit(cluster, DEPLOYMENTS, "hypershift", "operator", change)
    assert len(cluster.writes) == ATTEMPTS


def _look(previous, waiting, topic="a"):
    return polling.look(previous, waiting, topic=topic, at_most=3, error=NotStoppedError)


def test_looks_are_counted_until_they_end_by_name():
    second = _look(_look(None, ["x"]), ["x"])
    assert (second["attempt"], second["done"], second["waitingFor"]) == (2, False, "x")
    with pytest.raises(NotStoppedError, match="still waiting for x after 3 looks"):
        _look(second, ["x"])
    assert _look(second, [])["done"] is True


def test_another_topic_starts_counting_anew():
    assert _look({"topic": "a", "attempt": 2}, ["x"], topic="b")["attempt"] == 1


def test_many_reasons_are_told_in_one_line():
    assert _look(None, list("abcdef"))["waitingFor"] == "a; b; c; d (and 2 more)"
