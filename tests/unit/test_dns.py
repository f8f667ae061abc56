import dataclasses
import json

import pytest

from lifeboat import dns
from lifeboat.errors import FenceUnprovenError
from tests.unit.a_move import FirstHalf
from tests.unit.builders import a_deployment, an_object
from tests.unit.memory import MemoryDns

HOST = "api-blue.hosted.example.com"


@pytest.fixture
def half():
    return FirstHalf()


def names(held: MemoryDns) -> set[str]:
    return {each.name for each in held.held}


def test_ownership_is_looked_for_in_every_form_that_external_dns_writes():
    assert set(dns.with_ownership(HOST)) >= {
        HOST,
        "api-blue-external-dns.hosted.example.com",
        "cname-api-blue-external-dns.hosted.example.com",
        "a-api-blue-external-dns.hosted.example.com",
    }


def test_the_routes_of_this_hosted_cluster_go_and_no_other(half):
    assert half.withdraw() == dns.CleanUp(routes=1, services=0)
    assert {each["metadata"]["namespace"] for each in half.cluster.objects("Route")} == {"clusters-blue-green"}


def test_the_host_name_of_a_service_goes_though_it_was_made_anew_meanwhile(half):
    named = an_object("v1", "Service", "router", "clusters-blue", annotations={dns.HOSTNAME_ANNOTATION: HOST})
    half.cluster.add(named)

    def make_anew(cluster):
        cluster.after_write = None
        cluster.add({**named, "metadata": {**named["metadata"], "uid": "another"}})

    half.cluster.after_write = make_anew  # after the Services were listed: a Route is deleted first
    assert half.withdraw() == dns.CleanUp(routes=1, services=1)
    (live,) = [each for each in half.cluster.objects("Service") if each["metadata"]["name"] == "router"]
    assert not live["metadata"].get("annotations")


def test_routes_are_written_down_before_they_go_and_a_second_attempt_keeps_the_list(half):
    half.withdraw()
    assert half.withdraw() == dns.CleanUp(routes=0, services=0)
    kept = json.loads(half.store.get(half.layout.operation("op-1", "routes.json")))
    assert [each["metadata"]["name"] for each in kept["payload"]["routes"]] == ["kube-apiserver"]
    assert kept["payload"]["recordSha256"] == half.move.record_sha256


def test_an_operation_that_made_another_backup_writes_down_its_routes_beside(half):
    other = dataclasses.replace(half.move, record_sha256="another")
    dns.withdraw(half.cluster, half.store, half.signer, other, "op-1")
    half.withdraw()
    key = half.layout.operation("op-1", f"routes-{half.move.record.backup_id}.json")
    assert json.loads(half.store.get(key))["payload"]["recordSha256"] == half.move.record_sha256


def test_names_published_by_a_service_are_taken_off_it(half):
    """Deleting Routes is not enough where a service is of type LoadBalancer."""
    annotations = {dns.HOSTNAME_ANNOTATION: HOST, "mine": "stays"}
    half.cluster.add(an_object("v1", "Service", "kube-apiserver", "clusters-blue", annotations=annotations))
    assert half.withdraw().services == 1
    (service,) = half.cluster.objects("Service")
    assert service["metadata"]["annotations"] == {"mine": "stays"}


def test_forcing_deletes_exactly_these_names_addresses_first(half, monkeypatch):
    """The neighbour's names begin alike and stay."""
    batches = []
    delete = half.dns.delete
    monkeypatch.setattr(
        half.dns, "delete", lambda records: (batches.append({each.type for each in records}), delete(records))
    )
    neighbours = {each for each in names(half.dns) if "blue-green" in each}
    half.force()
    assert names(half.dns) == neighbours
    assert len(neighbours) == 8
    assert batches == [{"CNAME"}, {"TXT"}]


def test_forcing_keeps_the_old_values_as_evidence(half):
    half.force()
    kept = json.loads(half.store.get(half.layout.operation("op-1", "dns.json")))["payload"]
    target = "lb-127-9-24-1.elb.us-east-2.amazonaws.example"
    assert {"name": HOST, "type": "CNAME", "values": [target]} in kept["deleted"]
    assert kept["recordSha256"] == half.move.record_sha256
    assert half.force() == []


def test_a_name_that_another_installation_owns_is_never_deleted(half):
    half.dns.add(
        "cname-api-blue-external-dns.hosted.example.com", "TXT", '"heritage=external-dns,external-dns/owner=other"'
    )
    before = list(half.dns.held)
    with pytest.raises(FenceUnprovenError, match="belongs to other"):
        half.force()
    assert half.dns.held == before


def test_a_name_without_ownership_is_never_deleted(half):
    half.dns.held = [each for each in half.dns.held if each.type != "TXT"]
    with pytest.raises(FenceUnprovenError, match="nobody that ExternalDNS knows"):
        half.force()


def test_without_an_owner_id_nothing_is_deleted(half):
    half.cluster.remove("Deployment", "hypershift", "external-dns")
    half.cluster.add(a_deployment("external-dns", "hypershift", 1))
    with pytest.raises(FenceUnprovenError, match="delete them by hand"):
        half.force()
