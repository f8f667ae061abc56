"""autoRepair of the source: on again only once its nodes are back, and never forgotten."""

import pytest

from lifeboat import backups, resuming
from lifeboat.errors import PreflightError, ResumeFailedError
from lifeboat.resources import HOSTED_CLUSTERS, NODE_POOLS
from lifeboat.restore.hosted_cluster import node_pool_manifest
from tests.unit import backed_up
from tests.unit.a_backup import Backup, without_versions
from tests.unit.backed_up import a_backup, set_conditions
from tests.unit.builders import blue
from tests.unit.memory import NOW

HEALTHY = {"AllNodesHealthy": "True", "ReconciliationActive": "True"}
AWAY = {"AllNodesHealthy": "False", "ReconciliationActive": "True"}


def conditions(backup, **given):
    for name in ("workers-a", "workers-b"):
        set_conditions(backup.cluster, "NodePool", "clusters", name, **given)


def auto_repair_of(backup, name="workers-a"):
    return backup.cluster.get(NODE_POOLS, "clusters", name)["spec"]["management"]["autoRepair"]


@pytest.fixture
def resumed():
    """Stopped and resumed; its nodes were healthy before."""
    backup = Backup()
    conditions(backup, **HEALTHY)
    backup.before = without_versions(backup.cluster)
    backup.preflight()
    backup.quiesce()
    assert backup.resume()["autoRepairOff"] == ["workers-a", "workers-b"]
    return backup


def test_resuming_leaves_auto_repair_off(resumed):
    assert not auto_repair_of(resumed)
    assert "pausedUntil" not in resumed.cluster.get(NODE_POOLS, "clusters", "workers-a")["spec"]


@pytest.mark.parametrize("seen", [AWAY, {"AllNodesHealthy": "True", "ReconciliationActive": "False"}, {}])
def test_nodes_that_are_away_are_waited_for(resumed, seen):
    """A condition that nobody has looked at since the pause is no proof."""
    conditions(resumed, **seen)
    answer = resumed.check_serving()
    assert (answer["done"], "all nodes of NodePool workers-a healthy" in answer["waitingFor"]) == (False, True)


def test_healthy_nodes_end_the_waiting_and_all_is_as_before(resumed):
    assert resumed.check_serving()["done"] is True
    resumed.restore_auto_repair()
    assert auto_repair_of(resumed)
    assert without_versions(resumed.cluster) == resumed.before
    assert resumed.restore_auto_repair() == []


def test_nodes_must_stay_healthy_for_as_many_looks_as_asked(resumed):
    """Right after the API is back even a node that is away looks well."""
    looks = []
    for seen in (HEALTHY, HEALTHY, AWAY, HEALTHY, HEALTHY, HEALTHY):
        conditions(resumed, **seen)
        resumed.data["serving"] = resuming.check_source_serving(
            resumed.cluster, resumed.store, resumed.task(steadyLooks=3)
        )
        looks.append(resumed.data["serving"]["done"])
    assert looks == [False, False, False, False, False, True]


def test_a_source_that_never_serves_tells_whose_auto_repair_is_off(resumed):
    conditions(resumed, **AWAY)
    resumed.data["serving"] = {**resumed.check_serving(), "attempt": resuming.LOOKS - 1}
    with pytest.raises(ResumeFailedError, match="autoRepair of NodePool workers-a, workers-b is still off"):
        resumed.check_serving()


def test_nodes_that_were_ill_before_are_not_waited_for():
    backup = Backup()
    conditions(backup, **AWAY)
    before = without_versions(backup.cluster)
    backup.preflight()
    backup.quiesce()
    backup.bring_back()
    assert without_versions(backup.cluster) == before


def test_auto_repair_that_was_off_stays_off():
    backup = Backup(blue().with_node_pool("workers-d", auto_repair=False))
    backup.preflight()
    backup.quiesce()
    backup.bring_back()
    pool = backup.cluster.get(NODE_POOLS, "clusters", "workers-d")
    assert not pool["spec"]["management"]["autoRepair"]
    assert "lifeboat/auto-repair" not in pool["metadata"].get("annotations", {})


@pytest.mark.parametrize("operation", ["op-1", "op-2"])
def test_a_run_killed_before_it_was_turned_on_is_mended_by_another_one(resumed, operation):
    """The second preflight finds it off, and must not take that for what the owner wants."""
    conditions(resumed, **AWAY)
    resumed.clock.pass_by(3600)
    resumed.start(operation=operation, epoch=2)
    resumed.preflight()
    resumed.quiesce()
    resumed.capture()
    record, _ = backups.load(resumed.store, resumed.signer, resumed.hosted.ref, "latest")
    recorded = backups.read_evidence(resumed.store, record, "source.json")["node_pools"]["workers-a"]
    assert recorded == {"pausedUntil": None, "autoRepair": True, "healthy": True}
    resumed.resume()
    assert resumed.check_serving()["done"] is False
    conditions(resumed, **HEALTHY)
    resumed.bring_back()
    assert without_versions(resumed.cluster) == resumed.before


def test_a_second_start_that_gets_no_further_than_its_preflight_mends_it_too(resumed):
    resumed.start(epoch=2)
    resumed.etcd.cluster_ids = {"etcd-1": 99}
    with pytest.raises(PreflightError):
        resumed.preflight()
    conditions(resumed, **AWAY)
    resumed.resume()
    assert resumed.check_serving()["done"] is False
    conditions(resumed, **HEALTHY)
    resumed.bring_back()
    assert without_versions(resumed.cluster) == resumed.before


def test_the_neighbour_keeps_its_own(resumed):
    assert resumed.cluster.get(NODE_POOLS, "clusters", "green-workers")["spec"]["management"]["autoRepair"]
    touched = {name for _, kind, _, name, _ in resumed.cluster.writes if kind == "NodePool"}
    assert touched == {"workers-a", "workers-b"}


def test_the_signature_stays_at_the_source():
    world = a_backup()
    destination = world.open()
    (exported, *_) = destination.manifests(NODE_POOLS)
    assert exported["metadata"]["annotations"]["lifeboat/auto-repair"] == backed_up.OPERATION
    manifest = node_pool_manifest(destination, exported, NOW)
    assert "lifeboat/auto-repair" not in manifest["metadata"]["annotations"]
    assert world.source.get(HOSTED_CLUSTERS, "clusters", "blue")
