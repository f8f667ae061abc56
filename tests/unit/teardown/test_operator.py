"""The operator and its webhook are set aside for a while, and come back exactly."""

import pytest

from lifeboat.errors import TeardownRefusedError
from lifeboat.teardown import deletion, operator, plan
from tests.unit.backed_up import OPERATION
from tests.unit.builders import a_pod, an_object
from tests.unit.teardown.steps import BLUE, check, stop_all


class TestOperator:
    def hold(self, world, *operations):
        for each in operations:
            operator.hold(world.source, each)

    def deployment(self, world):
        return world.source._objects["Deployment", "hypershift", "operator"]

    def test_the_recorded_count_comes_back_exactly(self, world):
        before = dict(self.deployment(world)["metadata"].get("annotations") or {})
        self.hold(world, "op-1", "op-1")
        assert self.deployment(world)["spec"]["replicas"] == 0
        assert operator.release(world.source, "op-1") == {"heldBy": [], "replicas": 2}
        assert self.deployment(world)["spec"]["replicas"] == 2
        assert (self.deployment(world)["metadata"].get("annotations") or {}) == before

    def test_the_last_of_two_holders_puts_it_back(self, world):
        self.hold(world, "op-1", "op-2")
        assert operator.release(world.source, "op-1") == {"heldBy": ["op-2"], "replicas": None}
        assert self.deployment(world)["spec"]["replicas"] == 0
        assert operator.not_back(world.source) == []
        assert operator.release(world.source, "op-2")["replicas"] == 2

    def test_an_operator_that_was_at_zero_stays_there(self, world):
        self.deployment(world)["spec"]["replicas"] = 0
        self.hold(world, "op-1")
        operator.release(world.source, "op-1")
        assert self.deployment(world)["spec"]["replicas"] == 0

    def test_releasing_without_a_hold_changes_nothing(self, world):
        before = self.deployment(world)
        operator.release(world.source, "op-1")
        assert self.deployment(world) == before

    def test_a_terminating_pod_still_counts(self, world):
        self.hold(world, "op-1")
        world.source.add(a_pod("operator-1", "hypershift", labels={"app": "operator"}, deletionTimestamp="now"))
        assert operator.running(world.source) == ["operator pod operator-1 to be gone"]

    def test_its_webhook_is_set_aside_and_comes_back_as_it_was(self, world):
        hooks = [
            {"name": "hc", "failurePolicy": "Fail", "clientConfig": {"caBundle": "x"}},
            {"name": "np", "failurePolicy": "Ignore"},
        ]
        world.source.add(
            an_object(
                "admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration", operator.WEBHOOK, webhooks=hooks
            )
        )
        self.hold(world, "op-1", "op-2")
        held = world.source._objects["ValidatingWebhookConfiguration", None, operator.WEBHOOK]
        assert {each["failurePolicy"] for each in held["webhooks"]} == {"Ignore"}
        operator.release(world.source, "op-1")
        operator.release(world.source, "op-2")
        held = world.source._objects["ValidatingWebhookConfiguration", None, operator.WEBHOOK]
        assert held["webhooks"] == hooks

    def a_webhook(self, world, *policies):
        hooks = [{"name": f"hook-{number}", "failurePolicy": each} for number, each in enumerate(policies)]
        kind = "ValidatingWebhookConfiguration"
        world.source.add(an_object("admissionregistration.k8s.io/v1", kind, operator.WEBHOOK, webhooks=hooks))

    def policies(self, world):
        held = world.source._objects["ValidatingWebhookConfiguration", None, operator.WEBHOOK]
        return [each["failurePolicy"] for each in held["webhooks"]]

    def test_of_two_that_leave_at_once_the_second_puts_the_webhook_back(self, world):
        """Each looked while the other was still a holder."""
        self.a_webhook(world, "Fail")
        self.hold(world, "op-1", "op-2")
        raced = []

        def meanwhile(cluster):
            if not raced:
                raced.append(True)
                operator.release(cluster, "op-2")

        world.source.after_write = meanwhile
        operator.release(world.source, "op-1")
        assert raced
        assert self.deployment(world)["spec"]["replicas"] == 2
        assert self.policies(world) == ["Fail"]

    def test_a_webhook_that_comes_while_the_operator_is_held_is_set_aside_too(self, world):
        self.a_webhook(world, "Fail", "Ignore")
        self.hold(world, "op-1")
        configuration = world.source._objects["ValidatingWebhookConfiguration", None, operator.WEBHOOK]
        configuration["webhooks"].append({"name": "hook-2", "failurePolicy": "Fail"})
        operator.quiet_webhook(world.source)
        assert self.policies(world) == ["Ignore"] * 3
        operator.release(world.source, "op-1")
        assert self.policies(world) == ["Fail", "Ignore", "Fail"]

    def test_what_was_put_back_too_early_is_set_aside_again_before_a_finalizer_goes(self, world, executions):
        check(world, executions)
        self.a_webhook(world, "Fail")
        stop_all(world)
        configuration = world.source._objects["ValidatingWebhookConfiguration", None, operator.WEBHOOK]
        configuration["webhooks"][0]["failurePolicy"] = "Fail"
        deletion.remove_finalizers(world.source, plan.read_or_refuse(world.store, world.signer, BLUE, OPERATION))
        assert self.policies(world) == ["Ignore"]

    def test_a_webhook_is_left_alone_while_nobody_holds_the_operator(self, world):
        self.a_webhook(world, "Fail")
        operator.quiet_webhook(world.source)
        assert self.policies(world) == ["Fail"]

    def test_it_is_not_released_while_something_is_being_deleted(self, world):
        world.source._objects["HostedCluster", "clusters", "blue"]["metadata"]["deletionTimestamp"] = "now"
        with pytest.raises(TeardownRefusedError, match="operator stays at 0"):
            deletion.assert_nothing_terminating(world.source, BLUE)
