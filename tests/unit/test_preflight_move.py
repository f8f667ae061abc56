"""A source that cannot be left is refused before anything is touched, and only when it is to be left."""

import pytest

from lifeboat.errors import PreflightError
from tests.unit.a_backup import Backup
from tests.unit.backed_up import set_conditions
from tests.unit.builders import an_object
from tests.unit.preflight.fit import argument

ACM = "cluster.open-cluster-management.io/v1"


@pytest.fixture
def moving():
    backup = Backup()
    backup.data["firstHalfOfMove"] = True
    return backup


def updating(cluster):
    set_conditions(cluster, "NodePool", "clusters", "workers-a", UpdatingVersion="True")


def paused_while_updating(cluster):
    updating(cluster)
    cluster._objects["NodePool", "clusters", "workers-a"]["spec"]["pausedUntil"] = "true"


def another_suffix(cluster):
    argument(cluster, "external-dns", "txt-suffix", "-dns")


DEFECTS = [
    (another_suffix, "ExternalDNS at mgmt-1 keeps ownership under --txt-suffix=-dns: set --txt-suffix"),
    (updating, r"NodePool workers-a replaces its nodes \(UpdatingVersion\): wait until it is done, or pause it"),
    (lambda c: c.add(an_object(ACM, "ManagedCluster", "blue")), "ManagedCluster blue: detach it"),
    (lambda c: c.forbidden.add(("delete", "hostedclusters")), "may not delete hostedclusters.* in clusters: bind"),
    (
        lambda c: c._objects["HostedCluster", "clusters", "blue"]["metadata"].update(
            ownerReferences=[{"kind": "AppliedManifestWork", "name": "work", "uid": "u"}]
        ),
        "owned by AppliedManifestWork work",
    ),
]


@pytest.mark.parametrize(("spoil", "told"), DEFECTS)
def test_a_source_that_cannot_be_left_is_refused(moving, spoil, told):
    spoil(moving.cluster)
    before = moving.cluster.objects()
    with pytest.raises(PreflightError, match=told):
        moving.preflight()
    assert moving.cluster.objects() == before


@pytest.mark.parametrize(("spoil", "told"), DEFECTS)
def test_a_backup_that_goes_nowhere_does_not_mind(moving, spoil, told):
    moving.data["firstHalfOfMove"] = False
    spoil(moving.cluster)
    assert moving.preflight()["infraId"] == "blue-x7k2p"


def test_all_of_it_is_told_at_once(moving):
    for spoil, _ in DEFECTS:
        spoil(moving.cluster)
    with pytest.raises(PreflightError, match=r"workers-a.*ManagedCluster.*AppliedManifestWork.*hostedclusters"):
        moving.preflight()


def test_a_source_without_external_dns_is_refused_while_its_names_stand(moving):
    moving.cluster.remove("Deployment", "hypershift", "external-dns")
    with pytest.raises(PreflightError, match=r"mgmt-1 has no ExternalDNS .*delete their records by hand"):
        moving.preflight()
    moving.dns.held.clear()
    assert moving.preflight()["infraId"] == "blue-x7k2p"


def test_an_update_that_its_owner_has_paused_waits_for_its_owner(moving):
    paused_while_updating(moving.cluster)
    assert moving.preflight()["infraId"] == "blue-x7k2p"
