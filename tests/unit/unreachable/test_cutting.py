import json

import pytest

from lifeboat import signed
from lifeboat.errors import BackupUnprovenError, FenceUnprovenError, ResumeFailedError
from lifeboat.unreachable.cut import written
from tests.unit.builders import an_object
from tests.unit.unreachable.a_source import BALANCER, NEIGHBOURS, NODES, Unreachable
from tests.unit.unreachable.memory import DRAINING

HOST = "api-blue.hosted.example.com"
SERVICE = "com.amazonaws.vpce.us-east-2.vpce-svc-1"


def workers(source: Unreachable) -> set[str]:
    return set(source.instances.states[source.hosted.infra_id])


def names(source: Unreachable) -> set[str]:
    return {each.name for each in source.dns.held if "blue-green" not in each.name}


def whole(source: Unreachable) -> tuple:
    return (
        source.instances.protected.copy(),
        [(each.host_name, each.groups) for each in source.load_balancers.there.values()],
        dict(source.endpoint_services.there),
        sorted(repr(each) for each in source.dns.held),
    )


def test_workers_are_protected_ways_are_cut_and_names_are_withdrawn(chosen):
    neighbours = sorted(repr(each) for each in chosen.dns.held if "blue-green" in each.name)
    done = chosen.cut()
    assert chosen.instances.protected == workers(chosen)
    assert chosen.load_balancers.targets(BALANCER) == []
    assert names(chosen) == set()
    assert done == {"instances": len(workers(chosen)), "targets": 2, "connections": 0, "records": 8}
    assert chosen.load_balancers.targets(NEIGHBOURS) == list(NODES)
    assert sorted(repr(each) for each in chosen.dns.held) == neighbours


def test_a_deregistered_target_loses_its_open_connections_at_once(chosen):
    """Otherwise a node keeps writing for as long as its connection lives."""
    chosen.cut()
    (group,) = chosen.load_balancers.there[f"arn:{BALANCER}"].groups
    assert group.attributes["deregistration_delay.connection_termination.enabled"] == "true"
    assert group.attributes["deregistration_delay.timeout_seconds"] == "0"


def test_nothing_else_is_cut_unless_every_worker_is_protected(chosen, monkeypatch):
    monkeypatch.setattr(chosen.instances, "protect", lambda *_, **__: None)
    before = whole(chosen)
    with pytest.raises(FenceUnprovenError, match="not protected from termination"):
        chosen.cut()
    assert whole(chosen) == before


def test_a_spot_instance_is_left_as_it_is(chosen):
    spot = min(workers(chosen))
    chosen.instances.spot.add(spot)
    chosen.cut()
    assert chosen.instances.protected == workers(chosen) - {spot}
    assert all(chosen.check_cut() for _ in range(3))
    assert chosen.data["cutOff"]["done"]
    chosen.put_back()
    assert chosen.instances.protected == set()


def test_all_is_written_down_before_anything_is_touched(chosen, monkeypatch):
    before = whole(chosen)

    def told(*_, **__):
        kept = written(chosen.outside, chosen.move.layout, "op-1")
        assert kept is not None
        assert len(kept.records) == 8
        assert [each["targets"] for each in kept.groups.values()] == [[[node, 30443, None] for node in NODES]]
        raise RuntimeError("cut off here")

    monkeypatch.setattr(chosen.instances, "protect", told)
    with pytest.raises(RuntimeError, match="cut off here"):
        chosen.cut()
    assert whole(chosen) == before


def test_cutting_twice_keeps_what_was_there_first(chosen):
    chosen.cut()
    first = written(chosen.outside, chosen.move.layout, "op-1")
    chosen.cut()
    assert written(chosen.outside, chosen.move.layout, "op-1") == first
    assert len(chosen.store.keys(chosen.move.layout.operation("op-1", "cut-"))) == 1


def test_a_second_start_adds_what_came_meanwhile(chosen):
    """The source's cloud controller registered another node; what it had protected by then is no protection of its."""
    chosen.cut()
    chosen.load_balancers.add(BALANCER, "clusters-blue/router", "i-node-3")
    chosen.cut()
    assert chosen.load_balancers.targets(BALANCER) == []
    kept = written(chosen.outside, chosen.move.layout, "op-1")
    (group,) = kept.groups.values()
    assert [each[0] for each in group["targets"]] == [*NODES, "i-node-3"]
    assert not any(kept.instances.values())


def test_a_load_balancer_that_the_source_made_since_the_backup_is_cut_too(chosen):
    chosen.load_balancers.add("lb-new.elb.example", "clusters-blue/kube-apiserver", "i-node-1")
    chosen.load_balancers.add(
        "lb-else.elb.example", "clusters-blue/router", "i-x", owner="kubernetes.io/cluster/other=owned"
    )
    chosen.cut()
    assert chosen.load_balancers.targets("lb-new.elb.example") == []
    assert chosen.load_balancers.targets("lb-else.elb.example") == ["i-x"]  # another management cluster's


@pytest.mark.parametrize("service", [None, "openshift-ingress/router-default"])
def test_a_load_balancer_of_somebody_else_is_never_cut(chosen, service):
    chosen.load_balancers.add(BALANCER, service, *NODES)
    before = whole(chosen)
    with pytest.raises(FenceUnprovenError, match="not tagged as made for a Service of clusters-blue"):
        chosen.cut()
    assert whole(chosen) == before


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (("cname-api-blue-external-dns.hosted.example.com", "TXT", '"external-dns/owner=other"'), "belongs to other"),
        ((HOST, "A", "10.0.0.1"), "leads to 10.0.0.1 now"),
    ],
)
def test_a_name_that_is_another_s_by_now_is_never_cut(chosen, record, told):
    chosen.dns.add(*record)
    before = whole(chosen)
    with pytest.raises(FenceUnprovenError, match=told):
        chosen.cut()
    assert whole(chosen) == before


def test_the_cut_is_believed_once_it_lasts(chosen):
    chosen.cut()
    assert [chosen.check_cut()["done"] for _ in range(3)] == [False, False, True]


@pytest.mark.parametrize(
    ("undo", "told"),
    [
        (lambda s: s.instances.protected.pop(), "is not protected"),
        (lambda s: s.load_balancers.add(BALANCER, "clusters-blue/router", "i-node-1"), "has 1 targets"),
        (lambda s: s.doors.open.add(BALANCER), ":443 answers"),
        (lambda s: s.dns.add(HOST, "CNAME", BALANCER), "is in Route53"),
    ],
)
def test_whatever_comes_back_breaks_the_proof(chosen, undo, told):
    chosen.cut()
    for _ in range(2):
        chosen.check_cut()
    undo(chosen)
    assert told in chosen.check_cut()["waitingFor"]
    assert chosen.data["cutOff"]["steady"] == 0
    chosen.data["cutOff"]["attempt"] = 9
    with pytest.raises(FenceUnprovenError, match=told):
        chosen.check_cut()


def test_put_back_everything_is_as_it_was(chosen):
    protected = min(workers(chosen))
    chosen.instances.protected.add(protected)  # somebody's own, before us
    before = whole(chosen)
    chosen.cut()
    assert whole(chosen) != before
    assert chosen.put_back()["wasCut"]
    assert whole(chosen) == before
    assert chosen.data["putBack"]["done"]
    (group,) = chosen.load_balancers.there[f"arn:{BALANCER}"].groups
    assert group.attributes == DRAINING


def test_workers_stay_protected_until_the_source_answers_again(chosen):
    """Nodes that nobody hears are what a health check replaces."""
    chosen.cut()
    chosen.doors.dead.add(BALANCER)
    assert not chosen.put_back()["done"]
    assert chosen.instances.protected == workers(chosen)
    chosen.doors.dead.clear()
    assert chosen.put_back()["done"]
    assert chosen.instances.protected == set()


def test_a_source_that_does_not_come_back_is_told(chosen):
    chosen.cut()
    chosen.doors.dead.add(BALANCER)
    chosen.put_back()
    chosen.put_back()
    with pytest.raises(ResumeFailedError, match="stay protected"):
        chosen.put_back()


def test_an_address_that_was_silent_before_the_cut_is_not_waited_for(chosen):
    chosen.doors.dead.add(BALANCER)
    chosen.cut()
    assert chosen.put_back()["done"]


def test_a_name_that_somebody_has_made_anew_is_left_to_him(chosen):
    chosen.cut()
    chosen.dns.add(HOST, "CNAME", "lb-elsewhere")
    chosen.put_back()
    assert [each.values for each in chosen.dns.held if each.name == HOST] == [("lb-elsewhere",)]


def test_a_target_that_is_gone_keeps_no_other_out(chosen):
    chosen.cut()
    chosen.load_balancers.gone.add("i-node-1")
    assert chosen.put_back()["refused"] == ["i-node-1"]
    assert chosen.load_balancers.targets(BALANCER) == ["i-node-2"]


def test_an_operation_that_cut_nothing_puts_nothing_back(source):
    before = whole(source)
    assert source.put_back() == {"wasCut": False, "done": True, "waitingFor": ""}
    source.chosen()
    assert not source.put_back()["wasCut"]
    assert whole(source) == before


def test_what_is_to_be_put_back_cannot_be_forged(chosen):
    chosen.cut()
    (key,) = chosen.store.keys(chosen.move.layout.operation("op-1", "cut-"))
    chosen.store.objects[key] = chosen.store.objects[key].replace(b"i-node-1", b"i-node-9")
    with pytest.raises(BackupUnprovenError, match="changed after it was signed"):
        chosen.put_back()


def test_private_ways_are_rejected_and_accepted_again():
    source = Unreachable()
    source.cluster.add(
        an_object(
            "hypershift.openshift.io/v1beta1",
            "AWSEndpointService",
            "private-router",
            "clusters-blue",
            status={"endpointServiceName": SERVICE},
        )
    )
    there = source.endpoint_services.there
    there |= {
        ("vpce-svc-1", "vpce-1"): "available",
        ("vpce-svc-1", "vpce-2"): "rejected",
        ("vpce-svc-2", "x"): "available",
    }
    source.backed_up().dies().chosen().cut()
    assert there == {
        ("vpce-svc-1", "vpce-1"): "rejected",
        ("vpce-svc-1", "vpce-2"): "rejected",
        ("vpce-svc-2", "x"): "available",
    }
    there["vpce-svc-1", "vpce-3"] = "pendingAcceptance"
    assert "vpce-3 is connected" in source.check_cut()["waitingFor"]
    source.put_back()
    assert there["vpce-svc-1", "vpce-1"] == "available"
    assert there["vpce-svc-1", "vpce-2"] == "rejected"


def test_the_document_is_signed_json(chosen):
    chosen.cut()
    (key,) = chosen.store.keys(chosen.move.layout.operation("op-1", "cut-"))
    payload = signed.unseal(chosen.store.get(key), chosen.signer, key)
    assert json.loads(json.dumps(payload))["recordSha256"] == chosen.move.record_sha256
