import json

import pytest

from lifeboat import fence
from lifeboat.errors import ApiUnavailableError, FenceUnprovenError
from lifeboat.unreachable import choice
from tests.unit.a_move import FirstHalf
from tests.unit.unreachable.a_source import BALANCER, Unreachable

HOST = "api-blue.hosted.example.com"


@pytest.fixture
def fenced(chosen) -> Unreachable:
    chosen.cut()
    chosen.fence()
    return chosen


def test_a_fence_says_what_was_cut_and_by_whose_leave(fenced):
    key, payload = fence.of_operation(fenced.store, fenced.signer, fenced.hosted.ref, "op-1")
    assert key.endswith("operations/op-1/fence.json")
    assert (payload["kind"], payload["approved"]["by"], payload["reason"]) == ("unreachable", "me", "its API died")
    assert payload["recordSha256"] == fenced.data["backup"]["recordSha256"]
    assert payload["observed"]["loadBalancers"] == [BALANCER]
    assert HOST in payload["observed"]["names"]
    assert json.loads(fenced.store.get(key))["signature"]


def test_fencing_twice_keeps_the_first_fence(fenced):
    first = fence.of_operation(fenced.store, fenced.signer, fenced.hosted.ref, "op-1")
    fenced.clock.pass_by(60)
    assert fenced.fence()["observedAt"] == first[1]["observedAt"]


def test_restore_takes_it_for_this_operation_alone(fenced):
    assert fenced.check_fence()["operationId"] == "op-1"
    fenced.data["operation"]["id"] = "op-2"
    with pytest.raises(FenceUnprovenError, match="for that one alone"):
        fenced.check_fence()


def test_what_is_not_cut_is_not_fenced(chosen):
    with pytest.raises(FenceUnprovenError, match="not cut off"):
        chosen.fence()


def test_without_a_pinned_choice_there_is_no_fence(source):
    source.choose()
    with pytest.raises(FenceUnprovenError, match="no leave"):
        source.fence()


@pytest.mark.parametrize(
    ("undo", "told"),
    [
        (lambda s: setattr(s, "silent", False), "answers again and is not at rest"),
        (lambda s: s.load_balancers.add(BALANCER, "clusters-blue/router", "i-node-1"), "has 1 targets"),
        (lambda s: s.dns.add(HOST, "CNAME", BALANCER), "is in Route53"),
        (lambda s: s.instances.protected.pop(), "is not protected"),
    ],
)
def test_right_before_the_hosted_cluster_all_is_looked_at_again(fenced, undo, told):
    undo(fenced)
    with pytest.raises(FenceUnprovenError, match=told):
        fenced.check_fence()
    assert fenced.check_fence(handed_over=True)  # then the destination owns it, and goes on


def test_a_source_that_answers_may_go_on_only_at_rest_like_any_other():
    source = Unreachable("quiesced").backed_up().dies()
    source.data["operation"]["id"] = "op-0"  # the operation that had stopped it before its API died
    source.chosen().cut()
    source.fence()
    source.silent = False
    source.cluster.remove("Route", "clusters-blue", "kube-apiserver")
    assert source.check_fence()["revision"] == "tell"
    source.resume()
    with pytest.raises(FenceUnprovenError, match="not at rest"):
        source.check_fence()


def test_a_preparation_needs_the_leave_and_the_silence(source):
    source.choose()
    source.data["prepareOnly"] = True
    with pytest.raises(FenceUnprovenError, match="no leave"):
        source.check_fence()
    source.pin()
    assert source.check_fence()["key"] is None
    source.silent = False
    with pytest.raises(FenceUnprovenError, match="answers again"):
        source.check_fence()


def test_the_revision_has_to_be_raised_unless_people_did_without(source):
    source.choose()
    source.data["backup"]["bump"]["possible"] = True
    source.pin()
    source.data["prepareOnly"] = True
    assert source.check_fence()["revision"] == "bump"
    del source.data["prepareOnly"]
    source.cut()
    source.fence()
    assert source.check_fence()["revision"] == "bump"
    assert choice.revision({"revisionBump": "waived"}) == "tell"


def test_a_source_that_was_stopped_is_judged_as_ever_and_needs_no_raised_revision():
    half = FirstHalf().fenced()
    found = Unreachable.check_fence(_as_unreachable(half))
    assert (found["operationId"], found["revision"]) == ("op-1", "")
    half.cluster.fail_next(ApiUnavailableError("mgmt-1 does not answer"))
    with pytest.raises(ApiUnavailableError):
        Unreachable.check_fence(_as_unreachable(half))


def _as_unreachable(half):
    other = Unreachable()
    for name in ("cluster", "store", "signer", "clock", "dns", "instances", "data"):
        setattr(other, name, getattr(half, name))
    return other
