"""When a restored hosted cluster serves, and what is not left to the operator meanwhile."""

import pytest

from lifeboat.errors import RestoreFailedError
from lifeboat.resources import CLUSTERS
from lifeboat.restore import guarding, hosted_cluster, objects, serving
from tests.unit.backed_up import set_conditions
from tests.unit.builders import (
    an_object,
)
from tests.unit.memory import NOW
from tests.unit.restore.at_destination import INNER, one, restore_objects, still_fenced


class TestServing:
    GOOD = dict.fromkeys(serving.ALWAYS_TRUE, "True")
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
        return destination

    def test_it_serves_when_all_conditions_hold(self, served):
        assert serving.not_serving(served, NOW) == []

    @pytest.mark.parametrize("condition", serving.ALWAYS_TRUE)
    def test_a_missing_condition_is_waited_for(self, served, condition):
        set_conditions(served.cluster, "HostedCluster", "clusters", "blue", **{**self.GOOD, condition: "Unknown"})
        assert serving.not_serving(served, NOW) == [f"HostedCluster {condition}"]

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

    def paused(self, destination):
        """Who of Cluster API is still paused."""
        found = [each for each in destination.cluster.objects("Cluster") if each["spec"].get("paused")]
        return sorted(
            each["metadata"]["name"]
            for each in [*found, *destination.cluster.objects("MachineDeployment")]
            if each in found or objects.PAUSED in each["metadata"].get("annotations", {})
        )

    @pytest.mark.parametrize("condition", serving.NODE_POOL_NOT_TRUE)
    def test_a_node_pool_that_replaces_its_nodes_is_paused_at_once(self, created, condition):
        set_conditions(created.cluster, "NodePool", "clusters", "workers-b", **{condition: "True"})
        with pytest.raises(RestoreFailedError, match=rf"replace the nodes of NodePool workers-b \({condition}\)"):
            guarding.hold_updates(created)
        assert one(created.cluster, "NodePool", "workers-b", "clusters")["spec"]["pausedUntil"] == "true"
        assert "pausedUntil" not in one(created.cluster, "NodePool", "workers-a", "clusters")["spec"]

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

    def test_node_pools_that_stand_still_are_left_alone(self, created):
        before = created.cluster.objects()
        set_conditions(created.cluster, "NodePool", "clusters", "workers-b", UpdatingConfig="False")
        guarding.hold_updates(created)
        assert len(created.cluster.objects()) == len(before)
        assert "pausedUntil" not in one(created.cluster, "NodePool", "workers-b", "clusters")["spec"]

    def test_what_an_old_operator_leaves_paused_is_unpaused(self, created):
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
