import pytest

from lifeboat.errors import ApiUnavailableError, PreflightError, VerificationError
from lifeboat.verification.restored import verify
from tests.unit.a_restored import GOOD, World
from tests.unit.builders import an_object
from tests.unit.preflight.fit import ISSUER, SIGNING_KEY, documents


@pytest.fixture
def world():
    return World()


def test_what_came_out_as_it_went_in_is_verified(world):
    found = verify(world.restored)
    assert found.not_yet == []
    facts = found.facts
    assert (facts["members"], facts["revision"], facts["keys"], facts["machines"]) == (3, 1_000_004_711, 3000, 4)
    assert facts["clusterId"] == "4d"
    assert len(facts["instances"]) == 4
    assert (facts["hostedApiWrites"], facts["answeredBy"]) == (True, "mgmt-2")


def test_verifying_leaves_nothing_in_the_guest(world):
    verify(world.restored)
    assert world.guest.objects() == []
    assert [verb for verb, *_ in world.guest.writes] == ["create", "patch", "delete"]


def _another_machine(world):
    world.destination.add(
        an_object("cluster.x-k8s.io/v1beta1", "Machine", "workers-a-new", "clusters-blue", spec={"providerID": "x"})
    )


def _another_instance_of_a_machine(world):
    world.held("Machine", "clusters-blue", "workers-a-abc-0")["spec"]["providerID"] = "aws:///us-east-2a/i-new"


@pytest.mark.parametrize(
    ("disturb", "told"),
    [
        (lambda world: world.members.cluster_ids.update({"etcd-1": 78}), "several clusters"),
        (lambda world: world.members.hashes.update({"etcd-2": 6}), "different keys"),
        (lambda world: setattr(world.members, "names", ("etcd-0", "etcd-1", "default")), "strangers: default"),
        (lambda world: setattr(world.members, "revision", 4710), "older than the snapshot"),
        (lambda world: setattr(world.members, "keys", 0), "holds no keys"),
        (lambda world: world.instances.update({"i-new": "running"}), "i-new was added"),
        (lambda world: world.instances.update({"i-blue-workers-a-0": "terminated"}), "i-blue-workers-a-0 was termin"),
        (lambda world: world.instances.pop("i-blue-workers-a-0"), "i-blue-workers-a-0 was terminated"),
        (_another_machine, "new Machines"),
        (_another_instance_of_a_machine, "other instances"),
        (lambda world: world.destination.remove("HostedCluster", "clusters", "blue"), "no HostedCluster"),
    ],
)
def test_what_waiting_cannot_mend_is_refused_at_once(world, disturb, told):
    disturb(world)
    with pytest.raises(VerificationError, match=told):
        verify(world.restored)


def _updating(world):
    world.held("NodePool", "clusters", "workers-a")["status"] = {
        "conditions": [{"type": "UpdatingConfig", "status": "True"}]
    }


def _no_owner(world):
    world.destination.remove("MachineSet", "clusters-blue", "workers-a-abc")


@pytest.mark.parametrize(
    ("disturb", "told"),
    [
        (lambda world: world.members.silent.add("etcd-1"), "etcd-1 to answer"),
        (lambda world: setattr(world.members, "names", ("etcd-0", "etcd-1")), "to know all members"),
        (lambda world: world.members.compacted.update({"etcd-1": 40}), "compacted to the same revision"),
        (lambda world: world.instances.update({"i-blue-workers-a-0": "stopped"}), "to be running again"),
        (lambda world: world.set_conditions(**{**GOOD, "Available": "False"}), "HostedCluster Available"),
        (lambda world: world.set_conditions(**{**GOOD, "ExternalDNSReachable": "Unknown"}), "ExternalDNSReachable"),
        (_updating, "NodePool workers-a not UpdatingConfig"),
        (lambda world: setattr(world.members, "guest", None), "mgmt-2 to answer under the public name"),
        (lambda world: world.members.silent.add("etcd-0"), "etcd to tell whether it holds what was written"),
        (
            lambda world: world.destination.remove("Pod", "clusters-blue", "etcd-0"),
            "a member of etcd to look for what was written",
        ),
        (_no_owner, "the owner of machines workers-a-abc-0: MachineSet workers-a-abc"),
        (
            lambda world: world.destination.remove("Machine", "clusters-blue", "workers-b-abc-1"),
            "Machine workers-b-abc-1",
        ),
        (lambda world: world.half.external_dns(), "api-blue.hosted.example.com to be in Route53"),
        (lambda world: world.guest.fail_next(ApiUnavailableError("away")), "take a write"),
    ],
)
def test_what_is_not_there_yet_is_waited_for(world, disturb, told):
    disturb(world)
    assert any(told in line for line in verify(world.restored).not_yet)


def test_a_name_that_points_elsewhere_is_told_with_its_target(world):
    world.half.external_dns()
    world.half.dns.add("api-blue.hosted.example.com", "CNAME", "lb-127-9-24-1.elb.us-east-2.amazonaws.example")
    told = verify(world.restored).not_yet
    assert any("api-blue.hosted.example.com to point to mgmt-2 (it points to lb-127-9-24-1" in line for line in told)


def test_a_hosted_api_whose_kubeconfig_is_not_there_is_waited_for(world):
    def missing():
        raise PreflightError("no Secret")

    restored = world.restored.__class__(**{**vars(world.restored), "guest": missing})
    assert verify(restored).not_yet == ["the hosted API's admin kubeconfig"]


def test_a_probe_that_another_control_plane_answered_leaves_nothing_behind(world):
    world.members.guest = None
    verify(world.restored)
    assert world.guest.objects() == []


class TestIdentity:
    """What AWS reads of the issuer is the key that signs at the destination."""

    @pytest.fixture
    def trusted(self, world):
        world.held("HostedCluster", "clusters", "blue")["spec"]["issuerURL"] = ISSUER
        world.held("Secret", "clusters-blue", "sa-signing-key")["data"] = {"service-account.pub": SIGNING_KEY}
        world.documents.held = documents()
        return world

    def test_the_key_of_the_published_documents_is_told(self, trusted):
        found = verify(trusted.restored)
        assert found.not_yet == []
        assert len(found.facts["oidcKeyId"]) == 43

    @pytest.mark.parametrize(
        ("spoil", "told"),
        [
            (lambda w: w.documents.held.clear(), "there is no OIDC discovery document"),
            (lambda w: w.documents.held.update(documents(issuer="https://other")), "names another issuer"),
            (lambda w: w.documents.held.update(documents(key="other")), "lacks the key"),
            (lambda w: w.documents.held.pop(f"{ISSUER}/openid/v1/jwks"), "there is no OIDC key set"),
            (
                lambda w: w.held("Secret", "clusters-blue", "sa-signing-key")["data"].clear(),
                "Secret sa-signing-key with a public key",
            ),
        ],
    )
    def test_documents_of_another_key_are_waited_for(self, trusted, spoil, told):
        spoil(trusted)
        assert any(told in line for line in verify(trusted.restored).not_yet)

    def test_an_issuer_that_is_not_public_has_none(self, trusted):
        trusted.held("HostedCluster", "clusters", "blue")["spec"]["issuerURL"] = "https://kubernetes.default.svc"
        trusted.documents.held.clear()
        assert verify(trusted.restored).not_yet == []
