"""When a restored hosted cluster serves, and what is not left to the operator meanwhile."""

import pytest

from lifeboat.errors import RestoreFailedError
from lifeboat.resources import CLUSTERS, NODE_POOLS
from lifeboat.restore import guarding, hosted_cluster, objects, serving
from tests.unit.backed_up import set_conditions
from tests.unit.builders import an_object, blue
from tests.unit.memory import NOW
from tests.unit.restore.at_destination import INNER, one, restore_objects, still_fenced

LOOKED = {"ReconciliationActive": "False", "ValidMachineConfig": "True"}
"""What HyperShift tells of a paused NodePool that it has looked at."""


def tell(destination, pool, **conditions):
    set_conditions(destination.cluster, "NodePool", "clusters", pool, **conditions)


def released(destination):
    """Both NodePools, as release_next leaves them."""
    for pool in ("workers-a", "workers-b"):
        patch = {"metadata": {"annotations": {serving.HELD: None}}, "spec": {"pausedUntil": None}}
        destination.cluster.patch(NODE_POOLS, "clusters", pool, patch)


def held(destination):
    return sorted(each["metadata"]["name"] for each in destination.cluster.objects("NodePool") if serving.is_held(each))


class TestServing:
    WANTED = serving.wanted(blue().hosted_cluster())
    GOOD = dict.fromkeys(WANTED, "True")
    POOL = dict.fromkeys(serving.NODE_POOL_TRUE, "True")

    @pytest.fixture
    def served(self, destination):
        restore_objects(destination)
        hosted_cluster.create_hosted_cluster(destination, NOW, still_fenced)
        hosted_cluster.create_node_pools(destination, NOW)
        set_conditions(destination.cluster, "HostedCluster", "clusters", "blue", **self.GOOD)
        for pool in ("workers-a", "workers-b"):
            set_conditions(destination.cluster, "NodePool", "clusters", pool, **self.POOL)
        destination.cluster.add(
            an_object("apps/v1", "StatefulSet", "etcd", INNER, spec={"replicas": 3}, status={"readyReplicas": 3})
        )
        destination.cluster.patch(CLUSTERS, INNER, "blue-x7k2p", {"spec": {"paused": False}})
        released(destination)
        return destination

    def test_it_serves_when_all_conditions_hold(self, served):
        assert serving.not_serving(served, NOW) == []

    @pytest.mark.parametrize("condition", WANTED)
    def test_a_missing_condition_is_waited_for(self, served, condition):
        set_conditions(served.cluster, "HostedCluster", "clusters", "blue", **{**self.GOOD, condition: "Unknown"})
        assert serving.not_serving(served, NOW) == [f"HostedCluster {condition}"]

    @pytest.mark.parametrize("condition", [*serving.TRUE_IF_PRESENT, *serving.TRUE_IF_PRESENT_WITH_NODES])
    def test_a_condition_of_newer_releases_counts_where_it_is_told(self, served, condition):
        set_conditions(served.cluster, "HostedCluster", "clusters", "blue", **self.GOOD, **{condition: "Unknown"})
        assert serving.not_serving(served, NOW) == [f"HostedCluster {condition}"]

    def test_without_nodes_nobody_waits_for_a_connection_to_them(self, served):
        told = {**self.GOOD, "DataPlaneConnectionAvailable": "Unknown"}
        set_conditions(served.cluster, "HostedCluster", "clusters", "blue", **told)
        served.state.provider_ids.clear()
        assert serving.not_serving(served, NOW) == []

    @pytest.mark.parametrize(
        ("access", "more", "less"),
        [
            ("Public", {"ExternalDNSReachable"}, set(serving.TRUE_WITH_PRIVATE_ACCESS)),
            (
                "PublicAndPrivate",
                {"ExternalDNSReachable", "AWSEndpointAvailable", "AWSEndpointServiceAvailable"},
                set(),
            ),
            ("Private", set(serving.TRUE_WITH_PRIVATE_ACCESS), {"ExternalDNSReachable"}),
        ],
    )
    def test_what_must_hold_follows_from_how_it_is_reached(self, access, more, less):
        platform = {"type": "AWS", "aws": {"endpointAccess": access}}
        found = set(serving.wanted(blue().with_spec(platform=platform).hosted_cluster()))
        assert more <= found
        assert not less & found

    def test_a_key_in_kms_must_hold(self):
        assert "ValidAWSKMSConfig" not in self.WANTED
        encrypted = blue().with_spec(secretEncryption={"type": "kms"}).hosted_cluster()
        assert "ValidAWSKMSConfig" in serving.wanted(encrypted)

    def test_a_node_pool_that_is_still_held_is_waited_for(self, served):
        one(served.cluster, "NodePool", "workers-b", "clusters")["metadata"]["annotations"][serving.HELD] = "op-1"
        assert serving.not_serving(served, NOW) == ["NodePool workers-b released"]

    def test_a_cluster_that_stays_paused_is_told(self, served):
        one(served.cluster, "Cluster", "blue-x7k2p")["spec"]["paused"] = True
        assert serving.not_serving(served, NOW) == ["Cluster blue-x7k2p unpaused"]

    def test_an_update_of_nodes_is_told(self, served):
        set_conditions(served.cluster, "NodePool", "clusters", "workers-b", **self.POOL, UpdatingConfig="True")
        assert serving.not_serving(served, NOW) == ["NodePool workers-b not UpdatingConfig"]

    def test_a_node_pool_that_its_owner_paused_is_not_waited_for(self, served):
        one(served.cluster, "NodePool", "workers-b", "clusters")["spec"]["pausedUntil"] = "true"
        set_conditions(served.cluster, "NodePool", "clusters", "workers-b")
        assert serving.not_serving(served, NOW) == []

    def test_a_node_pool_without_replicas_has_no_machines_to_wait_for(self, served):
        """HyperShift says False of both then, since no machine is there."""
        one(served.cluster, "NodePool", "workers-b", "clusters")["spec"]["replicas"] = 0
        set_conditions(
            served.cluster, "NodePool", "clusters", "workers-b", AllMachinesReady="False", AllNodesHealthy="False"
        )
        assert serving.not_serving(served, NOW) == []

    def test_two_of_three_members_are_not_enough(self, served):
        one(served.cluster, "StatefulSet", "etcd")["status"]["readyReplicas"] = 2
        assert serving.not_serving(served, NOW) == ["etcd ready (2 of 3)"]


class TestGuarding:
    @pytest.fixture
    def created(self, destination):
        restore_objects(destination)
        hosted_cluster.create_hosted_cluster(destination, NOW, still_fenced)
        hosted_cluster.create_node_pools(destination, NOW)
        return destination

    @pytest.fixture
    def freed(self, created):
        """All NodePools released, as by an operator that finds nothing to update."""
        released(created)
        destination = created
        for deployment in ("workers-a", "workers-b"):
            one(destination.cluster, "MachineDeployment", deployment)["metadata"]["annotations"].pop(objects.PAUSED)
        return destination

    def paused(self, destination):
        """Who of Cluster API is still paused."""
        found = [each for each in destination.cluster.objects("Cluster") if each["spec"].get("paused")]
        return sorted(
            each["metadata"]["name"]
            for each in [*found, *destination.cluster.objects("MachineDeployment")]
            if each in found or objects.PAUSED in each["metadata"].get("annotations", {})
        )

    @pytest.mark.parametrize("condition", serving.NODE_POOL_NOT_TRUE)
    def test_a_node_pool_that_replaces_its_nodes_is_paused_at_once(self, freed, condition):
        set_conditions(freed.cluster, "NodePool", "clusters", "workers-b", **{condition: "True"})
        with pytest.raises(RestoreFailedError, match=rf"replace the nodes of NodePool workers-b \({condition}\)"):
            guarding.hold_updates(freed)
        assert one(freed.cluster, "NodePool", "workers-b", "clusters")["spec"]["pausedUntil"] == "true"
        assert "pausedUntil" not in one(freed.cluster, "NodePool", "workers-a", "clusters")["spec"]
        annotations = one(freed.cluster, "MachineDeployment", "workers-b")["metadata"]["annotations"]
        assert annotations[objects.PAUSED] == "true"

    def test_all_of_them_are_paused_before_it_is_told(self, created):
        for pool in ("workers-a", "workers-b"):
            set_conditions(created.cluster, "NodePool", "clusters", pool, UpdatingConfig="True")
        with pytest.raises(RestoreFailedError, match=r"workers-a .*; workers-b "):
            guarding.hold_updates(created)
        pools = created.cluster.objects("NodePool")
        assert [each["spec"]["pausedUntil"] for each in pools] == ["true", "true"]

    def test_a_second_start_does_not_take_the_paused_one_for_done(self, created):
        set_conditions(created.cluster, "NodePool", "clusters", "workers-b", UpdatingConfig="True")
        for _ in range(2):
            with pytest.raises(RestoreFailedError, match="workers-b"):
                guarding.hold_updates(created)

    def test_node_pools_that_stand_still_are_left_alone(self, freed):
        before = freed.cluster.objects()
        set_conditions(freed.cluster, "NodePool", "clusters", "workers-b", UpdatingConfig="False")
        guarding.hold_updates(freed)
        assert len(freed.cluster.objects()) == len(before)
        assert "pausedUntil" not in one(freed.cluster, "NodePool", "workers-b", "clusters")["spec"]

    def test_what_an_old_operator_leaves_paused_is_unpaused(self, created):
        released(created)
        assert self.paused(created) == ["blue-x7k2p", "workers-a", "workers-b"]
        assert guarding.unpause_cluster_api(created, NOW)
        assert self.paused(created) == []
        assert not guarding.unpause_cluster_api(created, NOW)

    def test_nothing_is_unpaused_before_the_node_pools_are_there(self, destination):
        restore_objects(destination)
        hosted_cluster.create_hosted_cluster(destination, NOW, still_fenced)
        assert not guarding.unpause_cluster_api(destination, NOW)
        assert self.paused(destination)

    def test_nothing_is_unpaused_while_the_hosted_cluster_is_paused(self, created):
        one(created.cluster, "HostedCluster", "blue", "clusters")["spec"]["pausedUntil"] = "true"
        assert not guarding.unpause_cluster_api(created, NOW)

    def test_machines_without_their_owners_are_never_unpaused(self, created):
        one(created.cluster, "Machine", "workers-a-abc-0")["metadata"]["ownerReferences"] = []
        with pytest.raises(RestoreFailedError, match="lacks its owner"):
            guarding.unpause_cluster_api(created, NOW)
        assert "blue-x7k2p" in self.paused(created)

    def test_secrets_that_the_operator_has_renewed_meanwhile_do_not_matter(self, created):
        created.cluster.remove("Secret", INNER, "root-ca")
        assert guarding.unpause_cluster_api(created, NOW)


class TestHeld:
    """NodePools are released one by one, and none that would replace a node."""

    @pytest.fixture
    def created(self, destination):
        restore_objects(destination)
        hosted_cluster.create_hosted_cluster(destination, NOW, still_fenced)
        hosted_cluster.create_node_pools(destination, NOW)
        return destination

    def test_none_is_released_before_the_operator_has_looked_at_it(self, created):
        assert guarding.release_next(created, NOW) is None
        tell(created, "workers-a", ReconciliationActive="False", ValidMachineConfig="False")
        assert guarding.release_next(created, NOW) is None
        assert held(created) == ["workers-a", "workers-b"]

    def test_one_comes_after_the_other_has_settled(self, created):
        for pool in ("workers-a", "workers-b"):
            tell(created, pool, **LOOKED)
        assert guarding.release_next(created, NOW) == "workers-a"
        assert "pausedUntil" not in one(created.cluster, "NodePool", "workers-a", "clusters")["spec"]
        assert guarding.release_next(created, NOW) is None
        assert held(created) == ["workers-b"]
        tell(created, "workers-a", ReconciliationActive="True", ValidMachineConfig="True")
        assert guarding.release_next(created, NOW) == "workers-b"
        assert held(created) == []
        assert guarding.release_next(created, NOW) is None

    def test_what_the_operator_said_before_it_saw_the_pause_does_not_count(self, created):
        pool = one(created.cluster, "NodePool", "workers-a", "clusters")
        tell(created, "workers-a", **LOOKED)
        pool = one(created.cluster, "NodePool", "workers-a", "clusters")
        pool["metadata"]["generation"] = 2
        pool["status"]["conditions"][0]["observedGeneration"] = 1
        assert guarding.release_next(created, NOW) is None
        pool["status"]["conditions"][0]["observedGeneration"] = 2
        assert guarding.release_next(created, NOW) == "workers-a"

    @pytest.mark.parametrize("update", ["UpdatingConfig", "UpdatingVersion"])
    def test_a_held_one_that_would_replace_its_nodes_stays_paused_and_ends_the_restore(self, created, update):
        for pool in ("workers-a", "workers-b"):
            tell(created, pool, **LOOKED, **{update: "True"})
        with pytest.raises(RestoreFailedError, match=r"workers-a .*; workers-b .*annotation lifeboat/held"):
            guarding.hold_updates(created)
        assert guarding.release_next(created, NOW) is None
        assert held(created) == ["workers-a", "workers-b"]

    def test_one_that_replaces_its_nodes_once_released_keeps_the_others_held(self, created):
        """A machine template that differs is told only then."""
        for pool in ("workers-a", "workers-b"):
            tell(created, pool, **LOOKED)
        guarding.release_next(created, NOW)
        settled = {"ReconciliationActive": "True", "ValidMachineConfig": "True"}
        tell(created, "workers-a", **settled, UpdatingPlatformMachineTemplate="True")
        assert guarding.release_next(created, NOW) is None
        with pytest.raises(RestoreFailedError, match="workers-a"):
            guarding.hold_updates(created)
        assert held(created) == ["workers-b"]
        assert one(created.cluster, "NodePool", "workers-a", "clusters")["spec"]["pausedUntil"] == "true"

    def test_an_update_that_its_owner_had_paused_ends_no_restore(self, destination):
        destination.state.node_pools["workers-a"]["pausedUntil"] = "true"
        hosted_cluster.create_node_pools(destination, NOW)
        tell(destination, "workers-a", **LOOKED, UpdatingConfig="True")
        guarding.hold_updates(destination)
        assert held(destination) == ["workers-b"]

    def test_an_update_that_its_owner_had_paused_holds_up_no_other(self, destination):
        destination.state.node_pools["workers-a"]["pausedUntil"] = "true"
        hosted_cluster.create_node_pools(destination, NOW)
        tell(destination, "workers-a", **LOOKED, UpdatingConfig="True")
        tell(destination, "workers-b", **LOOKED)
        assert guarding.release_next(destination, NOW) == "workers-b"

    def test_an_update_of_one_that_is_not_paused_any_more_counts(self, destination):
        destination.state.node_pools["workers-a"]["pausedUntil"] = "false"
        hosted_cluster.create_node_pools(destination, NOW)
        tell(destination, "workers-a", **LOOKED)
        guarding.release_next(destination, NOW)
        tell(destination, "workers-a", **LOOKED, UpdatingConfig="True")
        with pytest.raises(RestoreFailedError, match="workers-a"):
            guarding.hold_updates(destination)

    def test_a_value_of_its_owner_that_does_not_pause_comes_back(self, destination):
        destination.state.node_pools["workers-a"]["pausedUntil"] = "false"
        hosted_cluster.create_node_pools(destination, NOW)
        tell(destination, "workers-a", **LOOKED)
        guarding.release_next(destination, NOW)
        assert one(destination.cluster, "NodePool", "workers-a", "clusters")["spec"]["pausedUntil"] == "false"
