import json

import pytest

from lifeboat import fence
from lifeboat.dns import HOSTNAME_ANNOTATION
from lifeboat.errors import FenceUnprovenError
from tests.unit.a_move import FirstHalf
from tests.unit.builders import a_pod, an_object

HOST = "api-blue.hosted.example.com"


def a_service(kind):
    """One that ExternalDNS looks at, as a load balancer or the name of a private cluster."""
    annotations = {HOSTNAME_ANNOTATION: HOST}
    return an_object("v1", "Service", "kube-apiserver", "clusters-blue", annotations=annotations, spec={"type": kind})


@pytest.fixture
def half():
    """Stopped, backed up, its names withdrawn."""
    first = FirstHalf()
    first.withdraw()
    first.external_dns()
    return first


def test_a_stopped_source_is_fenced_for_the_very_record(half):
    made = half.fence()
    payload = json.loads(half.store.get(made["key"]))["payload"]
    assert made["key"].endswith("operations/op-1/fence.json")
    assert payload["recordSha256"] == half.data["backup"]["recordSha256"]
    assert payload["observed"]["deployments"]["kube-apiserver"] == {"wanted": 0, "running": 0, "pods": 0}
    assert half.check_fence()["operationId"] == "op-1"


def test_fencing_twice_keeps_the_first_fence(half):
    first = half.fence()
    half.clock.pass_by(60)
    assert half.fence() == first


def test_the_neighbour_does_not_keep_blue_from_being_fenced(half):
    """It runs, has Routes and names, and its pods carry the same labels in another namespace."""
    half.cluster.add(a_pod("kube-apiserver-0", "clusters-blue-green", labels={"app": "kube-apiserver"}))
    assert half.fence()


@pytest.mark.parametrize(
    ("disturb", "told"),
    [
        (
            lambda half: half.cluster.add(a_pod("kas", "clusters-blue", labels={"app": "kube-apiserver"})),
            "kube-apiserver has 1",
        ),
        (lambda half: half.dns.add("api-blue.hosted.example.com", "A", "127.0.0.1"), "Route53 still has api-blue"),
        (
            lambda half: half.dns.add("cname-api-blue-external-dns.hosted.example.com", "TXT", "x"),
            "Route53 still has cname-api-blue",
        ),
        (lambda half: half.resume(), "not paused by operation op-1"),
        (lambda half: half.cluster.add(a_service("LoadBalancer")), f"still publish {HOST}"),
        (lambda half: half.cluster.add(a_service("ExternalName")), f"still publish {HOST}"),
    ],
)
def test_a_source_that_is_not_at_rest_is_not_fenced(half, disturb, told):
    disturb(half)
    with pytest.raises(FenceUnprovenError, match=told):
        half.fence()
    assert half.store.keys(half.layout.operation("op-1", "fence")) == []


def test_a_terminating_pod_of_a_deployment_that_is_gone_counts(half):
    half.cluster.remove("Deployment", "clusters-blue", "capi-provider")
    half.cluster.add(a_pod("capi-provider-x", "clusters-blue", labels={"app": "capi-provider"}))
    with pytest.raises(FenceUnprovenError, match="capi-provider has 1"):
        half.fence()


def test_restore_refuses_without_a_fence(half):
    with pytest.raises(FenceUnprovenError, match="use `recover`"):
        half.check_fence()


def test_a_changed_fence_counts_for_nothing(half):
    key = half.fence()["key"]
    half.store.objects[key] = half.store.objects[key].replace(b"mgmt-1", b"mgmt-9")
    with pytest.raises(FenceUnprovenError, match="no fence"):
        half.check_fence()


def test_a_fence_of_another_backup_counts_for_nothing(half, monkeypatch):
    half.fence()
    other = half.move.__class__(half.move.record, "0" * 64, half.move.state)
    monkeypatch.setattr(FirstHalf, "move", other)
    with pytest.raises(FenceUnprovenError, match="no fence"):
        half.check_fence()


def test_a_fence_copied_to_another_operation_counts_for_nothing(half):
    key = half.fence()["key"]
    half.store.objects[key.replace("op-1", "op-2")] = half.store.objects.pop(key)
    with pytest.raises(FenceUnprovenError, match="no fence"):
        half.check_fence()


def test_a_source_that_was_resumed_and_paused_anew_is_no_longer_fenced(half):
    """Its data may be newer than the backup, whatever it looks like now."""
    half.fence()
    moved = half.move
    half.resume()
    half.clock.pass_by(3600)
    half.start(operation="op-1")
    half.preflight()
    half.quiesce()
    with pytest.raises(FenceUnprovenError, match="no longer is"):
        type(half).check_fence(_with_move(half, moved))


def test_a_source_whose_hosted_cluster_is_gone_stays_fenced(half):
    """After a teardown a second start of the recovery must get through."""
    half.fence()
    half.cluster.remove("HostedCluster", "clusters", "blue")
    assert half.check_fence()


def test_names_that_the_destination_serves_do_not_break_the_fence(half):
    half.fence()
    half.dns.add("api-blue.hosted.example.com", "CNAME", "lb-127-9-40-1.elb.us-east-2.amazonaws.example")
    assert half.check_fence()


def _with_move(half, moved):
    class Fixed(FirstHalf):
        move = moved

    half.__class__ = Fixed
    return half


def test_of_two_that_fence_at_a_time_one_fence_is_left(half, monkeypatch):
    """Both looked before either wrote; with KMS their signatures differ, and so does the second of their looks."""
    first = half.fence()
    half.clock.pass_by(1)
    read, unseen = half.store.get, [first["key"]] * 2

    def get(key, version_id=None):
        return None if key in unseen and unseen.pop() else read(key, version_id)

    monkeypatch.setattr(fence, "_fences", lambda *_: [])
    monkeypatch.setattr(half.store, "get", get)
    assert half.fence() == first
    assert not unseen
    assert half.store.keys(half.layout.operation("op-1", "fence")) == [first["key"]]


def test_a_name_that_a_service_publishes_again_breaks_the_fence(half):
    """At the destination's turn names in Route53 are its own; what the source asks for is not."""
    half.fence()
    half.cluster.add(a_service("LoadBalancer"))
    with pytest.raises(FenceUnprovenError, match=f"still publish {HOST}"):
        half.check_fence()
