import dataclasses

import pytest

from lifeboat.errors import BackupUnprovenError, FenceUnprovenError, PreflightError
from lifeboat.model import Task
from lifeboat.unreachable import choice, choosing, told
from tests.unit.unreachable.a_source import BALANCER, Unreachable


def test_the_newest_backup_is_chosen_with_its_age_and_what_would_be_cut(source):
    found = source.choose()
    assert (found["kind"], found["ageSeconds"], found["infraId"]) == ("online", 600, source.hosted.infra_id)
    assert found["revision"] == source.etcd.revision
    assert found["ways"]["loadBalancers"] == [BALANCER]
    assert len(found["ways"]["names"]) == 4
    assert found["instances"] == {"added": [], "gone": [], "unprotected": []}


def test_instances_that_came_went_or_cannot_be_protected_are_told(source):
    held = source.instances.states[source.hosted.infra_id]
    first, second = sorted(held)[:2]
    held[first] = "terminated"
    held["i-new"] = "running"
    source.instances.spot.add(second)
    assert source.choose()["instances"] == {"added": ["i-new"], "gone": [first], "unprotected": [second]}


@pytest.mark.parametrize(("version", "can"), [("3.5.18", False), ("3.6.0", True), ("v3.10.1", True), ("", False)])
def test_etcd_raises_revisions_from_3_6_on(version, can):
    assert choosing.can_bump(version) is can


def test_a_name_that_leads_to_what_others_use_cannot_be_cut():
    """Routes that the management cluster's own router serves: taking its targets away would hit everybody."""
    source = Unreachable()
    source.dns.held = [
        dataclasses.replace(each, values=("lb-shared.elb.example",)) if each.name.startswith("oauth-blue.") else each
        for each in source.dns.held
    ]
    source.backed_up().dies()
    with pytest.raises(PreflightError, match=r"oauth-blue\..* leads to lb-shared.*cannot be taken away"):
        source.choose()


def test_a_load_balancer_of_another_kind_that_answers_cannot_be_cut(source):
    source.load_balancers.there.clear()
    source.doors.open.add(BALANCER)
    with pytest.raises(PreflightError, match="no load balancer of elbv2"):
        source.choose()
    source.doors.open.clear()
    assert source.choose()  # it does not answer, so there is nothing to cut


def test_a_backup_of_another_management_cluster_is_the_newer_truth(source):
    source.data["source"] = "mgmt-9"
    with pytest.raises(PreflightError, match=r"is of mgmt-1.*recover it from there"):
        source.choose()


def test_all_problems_are_told_at_once(source, monkeypatch):
    old = dataclasses.replace(source.chosen().move.state, load_balancers=[], endpoint_services=[], external_dns={})
    move = dataclasses.replace(source.move, state=old)
    wrong = "; ".join(choosing.problems(source.outside, source.task(), move))
    assert "nothing to cut" in wrong
    assert "owner id" in wrong
    too_old = dataclasses.replace(move, state=dataclasses.replace(old, load_balancers=None))
    assert "too old" in "; ".join(choosing.problems(source.outside, source.task(), too_old))


def test_a_choice_is_kept_for_all_starts_of_the_operation(chosen):
    first = chosen.data["backup"]["backupId"]
    kept = choice.find(chosen.store, chosen.signer, chosen.hosted.ref, "op-1")
    assert (kept["backupId"], kept["ageSeconds"], kept["approved"]["by"]) == (first, 600, "me")
    _newer(chosen)
    chosen.recovers("op-1", epoch=3)
    assert chosen.choose()["backupId"] == first
    chosen.pin()
    chosen.recovers("op-2", epoch=4)
    assert chosen.choose()["backupId"] != first


def test_a_backup_that_came_after_the_approval_asks_people_again(source):
    source.choose()
    approved = dict(source.data)
    _newer(source)
    source.data = approved
    with pytest.raises(PreflightError, match="start again"):
        source.pin()
    assert choice.find(source.store, source.signer, source.hosted.ref, "op-1") is None


def test_a_source_that_came_to_itself_during_the_approval_is_not_given_up(source):
    source.choose()
    source.silent = False
    with pytest.raises(FenceUnprovenError, match="answers again"):
        source.pin()


def test_a_changed_choice_is_not_believed(chosen):
    key = chosen.move.layout.operation("op-1", choice.NAME)
    chosen.store.objects[key] = chosen.store.objects[key].replace(b"waived", b"require")
    with pytest.raises(BackupUnprovenError, match="changed after it was signed"):
        choice.find(chosen.store, chosen.signer, chosen.hosted.ref, "op-1")


def test_people_read_what_is_lost_before_they_say_yes(source):
    source.instances.spot.add("i-spot")
    source.instances.states[source.hosted.infra_id]["i-spot"] = "running"
    source.choose()
    text = told.text(Task.from_event(source.data))
    for words in ("600 seconds", "0:10:00", f"revision {source.etcd.revision}", "i-spot", "MUST NOT COME BACK", "LOST"):
        assert words in text
    assert "cannot raise the revision" in text  # etcd 3.5
    source.data["backup"]["bump"]["possible"] = True
    assert "cannot raise" not in told.text(Task.from_event(source.data))


def _newer(source: Unreachable) -> None:
    silent, source.silent = source.silent, False
    source.start("online", "op-9")
    source.preflight()
    source.capture()
    source.silent = silent
    source.recovers("op-1")
