"""The destination's ExternalDNS is a new process before names are to move."""

import pytest

from lifeboat.errors import RestoreFailedError
from lifeboat.restore import dns_controller
from tests.unit.backed_up import a_destination
from tests.unit.builders import a_pod

LABELS = {"app": "external-dns"}


def an_external_dns(name, *, ready="True"):
    pod = a_pod(name, "hypershift", labels=LABELS)
    pod["status"]["conditions"] = [{"type": "Ready", "status": ready}]
    return pod


@pytest.fixture
def cluster():
    cluster = a_destination()
    cluster.add(an_external_dns("external-dns-1"), a_pod("operator-1", "hypershift", labels={"app": "operator"}))
    return cluster


def test_only_its_own_pods_go(cluster):
    assert len(dns_controller.delete_pods(cluster)) == 1
    assert [each["metadata"]["name"] for each in cluster.objects("Pod")] == ["operator-1"]


def test_an_old_pod_that_is_still_ready_does_not_count(cluster):
    old = dns_controller.delete_pods(cluster)
    leaving = an_external_dns("external-dns-1")
    leaving["metadata"]["uid"] = old[0]
    cluster.add(leaving)
    assert dns_controller.waiting_for(cluster, old) == [
        "external-dns-1 to be gone",
        "new pods of external-dns ready (0 of 1)",
    ]


def test_a_new_pod_counts_once_it_is_ready(cluster):
    old = dns_controller.delete_pods(cluster)
    cluster.add(an_external_dns("external-dns-2", ready="False"))
    assert dns_controller.waiting_for(cluster, old) == ["new pods of external-dns ready (0 of 1)"]
    cluster.add(an_external_dns("external-dns-2"))
    assert dns_controller.waiting_for(cluster, old) == []


def test_one_that_was_removed_meanwhile_is_told(cluster):
    cluster.remove("Deployment", "hypershift", "external-dns")
    with pytest.raises(RestoreFailedError, match="public names would not move"):
        dns_controller.delete_pods(cluster)
