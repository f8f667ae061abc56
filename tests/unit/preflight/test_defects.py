"""Every planted defect of a destination is found, named and given a remedy; a fit one has none."""

import re

import pytest

from lifeboat.errors import AccessDeniedError, PreflightError
from lifeboat.restore.preflight import approvals, notes, preflight, problems
from tests.unit.preflight import defects_alone
from tests.unit.preflight.defects import DEFECTS
from tests.unit.preflight.fit import a_fit_world, change


@pytest.fixture
def world():
    return a_fit_world()


def test_a_fit_destination_has_no_problem_and_nothing_is_changed(world):
    before = world.source.writes.copy()
    look = world.look()
    assert (problems(look), approvals(look), notes(look)) == ([], [], [])
    assert (world.destination.writes, world.source.writes) == ([], before)


@pytest.mark.parametrize("plant", [defects_alone.fit_kms, defects_alone.hidden_kms], ids=["enabled", "hidden"])
def test_a_kms_key_that_is_enabled_or_that_we_may_not_look_at_is_no_problem(world, plant):
    look = world.look()
    plant(world, look)
    assert problems(look) == []


@pytest.mark.parametrize("defect", [*DEFECTS, *defects_alone.ALONE], ids=lambda each: each.name)
def test_a_planted_defect_is_told_with_its_remedy(world, defect):
    look = world.look()
    defect.plant(world, look)
    found = problems(look)
    assert [line for line in found if re.search(defect.told, line)], found


def test_all_of_them_at_once_are_told_in_one_answer(world):
    """Two of them are found by the same plant."""
    look = world.look()
    for defect in DEFECTS:
        defect.plant(world, look)
    found = problems(look)
    assert [each.name for each in DEFECTS if not any(re.search(each.told, line) for line in found)] == []
    assert len(DEFECTS) >= 25
    assert len(set(found)) == len(found)
    assert not [line for line in found if "\n" in line]


def test_the_refusal_holds_them_all(world):
    argument = ("Deployment", "hypershift", "operator", {"status": {"readyReplicas": 0}})
    change(world.destination, *argument)
    world.destination.remove("StorageClass", None, "gp3-csi")
    with pytest.raises(PreflightError, match=r"mgmt-2 is not fit to take clusters/blue: .*operator.*StorageClass"):
        preflight(world.open(), world.source, world.outside)


def test_another_build_of_the_operator_is_told_for_the_approval(world):
    container = world.destination._objects["Deployment", "hypershift", "operator"]["spec"]["template"]["spec"]
    container["containers"][0]["image"] = "hypershift-operator:newer"
    (told,) = [line for line in approvals(world.look()) if "operator" in line]
    assert "hypershift-operator:newer, at the source it was" in told


def test_a_source_that_could_not_make_its_private_way_again_is_told_for_the_approval(world):
    world.source.remove("Secret", "hypershift", "aws-credentials")
    assert problems(world.look()) == []
    assert [line.partition(" with its")[0] for line in approvals(world.look())] == [
        "the HyperShift operator at mgmt-1 lacks the Secret hypershift/aws-credentials"
    ]


def test_an_external_dns_that_is_gone_from_the_source_stands_in_no_restores_way(world):
    """Its names are gone by then, or there would be no fence."""
    world.source.remove("Deployment", "hypershift", "external-dns")
    assert problems(world.look()) == []


def test_instances_that_came_or_went_since_the_backup_are_told_for_the_approval(world):
    look = world.look()
    look.destination.state.instances.update({"i-1": "running", "i-2": "running"})
    world.instances.states["blue-x7k2p"] = {"i-2": "terminated", "i-3": "pending"}
    assert approvals(look) == [
        "instances are gone since the backup (i-1, i-2): their Machines would be made anew",
        "instances came since the backup (i-3): no Machine would know of them",
    ]


def test_a_call_to_aws_that_is_refused_is_a_problem_like_others(world, monkeypatch):
    def refuse(infra_id):
        raise AccessDeniedError("AWS refuses this function ec2:DescribeInstances")

    monkeypatch.setattr(world.instances, "of", refuse)
    assert problems(world.look()) == [
        "AWS refuses this function ec2:DescribeInstances: deploy the stack again, or ask who restricts the account"
    ]
    assert approvals(world.look()) == []


def test_what_scales_by_load_is_good_to_know():
    world = a_fit_world(auditWebhook={"name": "gone"})
    change(world.source, "Deployment", "hypershift", "external-dns", {"status": {"readyReplicas": 0}})
    told = notes(world.look())
    assert [line.partition(":")[0] for line in told] == [
        "ExternalDNS at mgmt-1 has no ready pod",
        "the HostedCluster refers to gone, which was not there when it was backed up",
    ]
