"""kubectl's view of a move: what is wrong is named, whichever line it stands in."""

from __future__ import annotations

import dataclasses

import pytest

from sandbox.proof import eye
from sandbox.proof.etcd import EtcdFacts, Member
from sandbox.proof.kubectl import Seen

PLANE, SHARED, OTHER = "clusters-blue", "clusters", "clusters-blue-green"
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


def obj(kind, namespace, name, uid, **more):
    metadata = {"name": name, "namespace": namespace, "uid": uid, **more.pop("metadata", {})}
    return {"kind": kind, "metadata": metadata, "spec": {}, **more}


def owned(by, uid):
    return {"ownerReferences": [{"kind": by, "name": "blue", "uid": uid}]}


def members(revision=7, clusters=(1, 1, 1)):
    names = ("etcd-0", "etcd-1", "etcd-2")
    return EtcdFacts(
        tuple(Member(name, clusters[n], n, names, revision, 5, 9, "3.6.16") for n, name in enumerate(names))
    )


def seen(*objects, uids="s", etcd=None, nodes=3, neighbour=True):
    """A management cluster that holds the neighbour and, by default, nothing of blue."""
    there = [obj("Node", "", f"n{n}", f"{uids}{n}", status=READY) for n in range(nodes)]
    if neighbour:
        there += [
            obj("Secret", OTHER, "root-ca", "n1", data={"a": "b"}),
            obj("HostedCluster", SHARED, "blue-green", "n2"),
        ]
    there += objects
    keyed = {(each["kind"], each["metadata"]["namespace"], each["metadata"]["name"]): each for each in there}
    return Seen("v1.36.3", nodes, keyed, etcd or EtcdFacts(()))


def blue(uids, **changes):
    """What belongs to blue, as a management cluster holds it."""
    parts = {
        "hosted": obj("HostedCluster", SHARED, "blue", f"{uids}h", metadata={"finalizers": ["f"]}),
        "plane": obj("HostedControlPlane", PLANE, "blue", f"{uids}p", metadata=owned("HostedCluster", f"{uids}h")),
        "pool": obj("NodePool", SHARED, "workers-a", f"{uids}w", spec={"clusterName": "blue"}),
        "token": obj("Secret", PLANE, f"token-{uids}", f"{uids}t", type="kubernetes.io/service-account-token"),
        "pod": obj("Pod", PLANE, f"api-{uids}", f"{uids}x", metadata={"generateName": "api-"}, status=READY),
        **changes,
    }
    return [each for each in parts.values() if each]


GOING = {"deletionTimestamp": "2026-11-03T10:00:00Z"}
DOOMED = obj("NodePool", SHARED, "workers-a", "dw", spec={"clusterName": "blue"}, metadata=GOING)
HELPER = obj("Pod", PLANE, "lifeboat-etcd-0", "dl", status=READY)
BEFORE = eye.Look(seen(*blue("s"), etcd=members()), seen(neighbour=False), ("namespace", "hostedcluster"))


def after(left=(), source=None, etcd=None, **changes):
    destination = seen(*blue("d", **changes), uids="d", etcd=etcd or members(10**9), neighbour=False)
    return eye.Look(source or seen(), destination, left)


def wrong(look, before=BEFORE):
    return {each.subject: each.problem for each in eye.rows_of(before, look) if each.problem}


def test_a_right_move_is_right():
    assert wrong(after()) == {}


@pytest.mark.parametrize(
    ("look", "subject", "told"),
    [
        (after(pool=None), "kubectl: names", "NodePool clusters/workers-a is missing"),
        (after(more=HELPER), "kubectl: names", "lifeboat-etcd-0 is new"),
        (
            after(plane=obj("HostedControlPlane", PLANE, "blue", "dp", metadata=owned("HostedCluster", "sh"))),
            "kubectl: owners",
            "HostedControlPlane clusters-blue/blue → blue",
        ),
        (after(plane=obj("HostedControlPlane", PLANE, "blue", "dp")), "kubectl: owners", "has other owners"),
        (after(hosted=obj("HostedCluster", SHARED, "blue", "dh")), "kubectl: finalizers", "[], was ['f']"),
        (after(pool=DOOMED), "kubectl: being deleted at mgmt-2", "workers-a"),
        (after(pod=obj("Pod", PLANE, "api-d", "dx", metadata={"generateName": "api-"})), "kubectl: pods", "api-d"),
        (after(left=("namespace clusters-blue",)), "kubectl: left at mgmt-1", "namespace clusters-blue"),
        (after(source=seen(obj("Secret", PLANE, "a", "s1"))), "kubectl: left at mgmt-1", "Secret clusters-blue/a"),
        (after(etcd=members(10**9, (1, 1, 2))), "kubectl: etcd by exec", "wrong"),
        (after(etcd=members(6)), "kubectl: etcd by exec", "wrong"),
        (after(etcd=EtcdFacts(())), "kubectl: etcd by exec", "wrong"),
        (after(source=seen(neighbour=False)), "kubectl: neighbour", "HostedCluster clusters/blue-green"),
        (after(source=seen(obj("Secret", OTHER, "new", "n3"))), "kubectl: neighbour", "Secret clusters-blue-green/new"),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_in_its_line(look, subject, told):
    assert told in wrong(look)[subject]


def test_nothing_before_proves_nothing():
    empty = eye.Look(seen(), seen(neighbour=False), ())
    assert {"kubectl: names", "kubectl: owners", "kubectl: finalizers", "kubectl: left at mgmt-1"} <= set(
        wrong(eye.Look(seen(), seen(neighbour=False), ()), before=empty)
    )


def test_a_cluster_without_its_nodes_is_not_what_was_moved_to():
    look = after()
    assert "kubectl: API" in wrong(
        dataclasses.replace(look, destination=dataclasses.replace(look.destination, ready_nodes=0))
    )
