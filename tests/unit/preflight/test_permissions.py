"""The table of rights is what moves use: no call without a right, and no right without a call."""

from __future__ import annotations

from unittest import mock

import pytest

from lifeboat import errors, permissions, runtime
from lifeboat.model import HostedClusterRef
from lifeboat.permissions import DESTINATION, SOURCE, Where
from lifeboat.resources import CONFIG_MAPS, PODS
from lifeboat.restore.preflight import approvals, problems
from tests.statemachine.walker import of_a_function
from tests.unit.builders import an_object, blue
from tests.unit.memory import MemoryCluster
from tests.unit.plan.moving import Moving
from tests.unit.preflight.calls import Call, recorded
from tests.unit.preflight.fit import a_fit_world

BLUE = HostedClusterRef("clusters", "blue")
TABLES = {"mgmt-1": SOURCE, "mgmt-2": DESTINATION}


_NONE_IN_MEMORY = {"awsendpointservices.hypershift.openshift.io", "machinehealthchecks.cluster.x-k8s.io"}
"""Kinds that hosted clusters in memory have none of."""

_RELINKED = {("mgmt-2", "patch", "clusters-blue"), ("mgmt-2", "patch", None)}
"""Owners that somebody was quicker to make, and what an earlier execution left, are patched in a second start only."""


def is_for_others(call: Call) -> bool:
    """Whether this right is for moves that are not made here."""
    cluster, verb, kind, namespace = call
    return kind in _NONE_IN_MEMORY or (cluster, verb, namespace) in _RELINKED


def a_rich_move() -> Moving:
    """One with everything that a teardown, a hand-over of names and a marker have to change."""
    moving = Moving(blue(), plans=True)
    labels = {"hypershift.openshift.io/owner.namespace": "clusters", "hypershift.openshift.io/owner.name": "blue"}
    note = {"external-dns.alpha.kubernetes.io/hostname": "oauth-blue.hosted.example.com"}
    webhook = {"name": "hostedclusters.hypershift.openshift.io", "failurePolicy": "Fail"}
    moving.source.add(
        an_object("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusters-blue-cpo", labels=labels),
        an_object("v1", "Service", "oauth", "clusters-blue", annotations=note, spec={}),
        an_object(
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            "hypershift.openshift.io",
            webhooks=[webhook],
        ),
    )
    for each in moving.source._objects.values():
        if each["kind"] in {"AWSCluster", "AWSMachineTemplate", "MachineDeployment", "MachineSet"}:
            each["metadata"]["finalizers"] = ["infrastructure.cluster.x-k8s.io"]
    return moving


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    monkeypatch.setattr(runtime, "logger", mock.MagicMock())


@pytest.fixture(scope="module")
def calls() -> set[Call]:
    """Those of a move, of one whose source does not withdraw its names, and of one that goes back."""
    with mock.patch.object(runtime, "logger", mock.MagicMock()), recorded() as found:
        for moving in (a_rich_move(), Moving(blue(), withdraws=False)):
            assert moving.run().end == "RecoverComplete"
        failing = Moving(blue())
        call = failing._call

        def broken(called, event):
            if called == "StartEtcdRestore":
                raise of_a_function(errors.UnexpectedError.__name__, "planted")
            return call(called, event)

        with mock.patch.object(failing, "_call", broken):
            assert failing.run().end == "RecoverFailed"
        world = a_fit_world()
        assert (problems(world.look()), approvals(world.look())) == ([], [])
        unnamed = world.look()
        unnamed.destination.state.etcd["storageClass"] = None
        assert "no default StorageClass" in str(problems(unnamed))
    return {each for each in found if each[0] in TABLES}


def granted(cluster: str) -> set[Call]:
    return {
        (cluster, verb, str(right), right.where.namespace(BLUE)) for right in TABLES[cluster] for verb in right.verbs
    }


@pytest.mark.parametrize("cluster", TABLES)
def test_every_call_of_a_move_has_its_right(calls, cluster):
    made = {each for each in calls if each[0] == cluster}
    assert len(made) > 40
    assert sorted(made - granted(cluster), key=str) == []


@pytest.mark.parametrize("cluster", TABLES)
def test_every_right_is_used(calls, cluster):
    unused = {each for each in granted(cluster) - calls if not is_for_others(each)}
    assert sorted(unused, key=str) == []


def test_what_is_forbidden_is_told_by_verb_kind_and_place():
    cluster = MemoryCluster("mgmt-1")
    cluster.forbidden = {("delete", "configmaps"), ("create", "pods/exec")}
    rights = (
        permissions.Right(CONFIG_MAPS, Where.DEFAULT, ("get", "delete")),
        permissions.Right(PODS, Where.CONTROL_PLANE, ("create",), "exec"),
        permissions.Right(PODS, Where.EVERYWHERE, ("list",)),
    )
    assert list(permissions.missing(cluster, BLUE, rights)) == [
        "delete configmaps in default",
        "create pods/exec in clusters-blue",
    ]
