import base64
import datetime

import pytest

from lifeboat import guest
from lifeboat.errors import PreflightError
from lifeboat.model import HostedClusterRef
from tests.unit.builders import a_hosted_cluster, a_management_cluster, a_pod, an_object
from tests.unit.memory import NOW, MemoryCluster

BLUE = HostedClusterRef("clusters", "blue")


def an_ovn_pod(node: str, *, created: datetime.datetime, ready: bool = True) -> dict:
    pod = a_pod(f"ovnkube-node-{node}", guest.NETWORK_NAMESPACE, labels={"app": "ovnkube-node"})
    pod["metadata"]["creationTimestamp"] = created.isoformat()
    pod["spec"]["nodeName"] = node
    pod["status"]["conditions"] = [{"type": "Ready", "status": str(ready)}]
    return pod


OLD, NEW = NOW - datetime.timedelta(days=9), NOW + datetime.timedelta(minutes=3)


def test_network_pods_are_renewed_one_node_at_a_time():
    inside = MemoryCluster("blue")
    inside.add(an_ovn_pod("a", created=OLD), an_ovn_pod("b", created=OLD))
    assert guest.renew_network(inside, NOW) == ["the new network pod of node a, 1 after it"]
    assert [each["spec"]["nodeName"] for each in inside.objects("Pod")] == ["b"]
    # WHEN the new pod of `a` is there but not ready, `b` keeps its old one
    inside.add(an_ovn_pod("a", created=NEW, ready=False))
    assert guest.renew_network(inside, NOW) == ["the new network pod of node a"]
    assert len(inside.objects("Pod")) == 2
    # WHEN it is ready, it is b's turn
    inside.add(an_ovn_pod("a", created=NEW))
    assert guest.renew_network(inside, NOW) == ["the new network pod of node b"]
    inside.add(an_ovn_pod("b", created=NEW))
    assert guest.renew_network(inside, NOW) == []


def test_a_guest_without_such_pods_has_nothing_to_renew():
    assert guest.renew_network(MemoryCluster("blue"), NOW) == []


@pytest.mark.parametrize(("access", "needed"), [("Public", True), ("PublicAndPrivate", True), ("Private", False)])
def test_only_public_endpoints_need_it(access, needed):
    cluster = a_management_cluster()
    cluster.add(
        a_hosted_cluster("blue").with_spec(platform={"type": "AWS", "aws": {"endpointAccess": access}}).hosted_cluster()
    )
    assert guest.needs_new_network(cluster, BLUE) is needed


def test_the_admin_kubeconfig_is_read_from_its_secret():
    cluster = a_management_cluster()
    with pytest.raises(PreflightError, match="blue-admin-kubeconfig"):
        guest.admin_kubeconfig(cluster, BLUE)
    data = {"kubeconfig": base64.b64encode(b"apiVersion: v1").decode()}
    cluster.add(an_object("v1", "Secret", "blue-admin-kubeconfig", "clusters", data=data))
    assert guest.admin_kubeconfig(cluster, BLUE) == "apiVersion: v1"
