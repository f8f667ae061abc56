"""A destination that was claimed and has no HostedCluster: it may still be on its way."""

from types import SimpleNamespace

from functions.abandon_destination import app
from lifeboat.model import Task
from lifeboat.restore.abandon import LATE_LOOKS
from tests.unit.builders import a_management_cluster, blue
from tests.unit.memory import MemoryLeases

DATA = {
    "operation": {"id": "op-1", "epoch": 1, "execution": "arn"},
    "hostedCluster": {"namespace": "clusters", "name": "blue"},
    "source": "mgmt-1",
    "destination": "mgmt-2",
}


def a_claim(monkeypatch):
    leases, destination = MemoryLeases(), a_management_cluster("mgmt-2")
    leases.take("clusters/blue", "op-1", "arn", 60, None)
    leases.claim("clusters/blue", "op-1", 1, "mgmt-2", "mgmt-1")
    namespace = {"name": "clusters-blue", "annotations": {"lifeboat/operation": "op-1", "lifeboat/epoch": "1"}}
    destination.add({"kind": "Namespace", "metadata": namespace})
    monkeypatch.setattr(app, "services", SimpleNamespace(destination=lambda _: destination, leases=leases))
    return leases, destination


def look(abandoned):
    given = {"task": {**DATA, **({"abandoned": abandoned} if abandoned else {})}, "atMost": 200}
    return app.handler.__wrapped__(Task.from_event(given))


def test_it_is_waited_for_before_anything_is_taken_back(monkeypatch):
    leases, destination = a_claim(monkeypatch)
    answer = None
    for _ in range(LATE_LOOKS):
        answer = look(answer)
        assert (answer["done"], answer["handedOver"]) == (False, False)
    assert "may still be on its way" in answer["waitingFor"]
    assert (destination.writes, leases.read("clusters/blue").owner) == ([], "mgmt-2")
    while not answer["done"]:
        answer = look(answer)
    assert leases.read("clusters/blue").owner == "mgmt-1"
    assert not [each for each in destination.objects("Namespace") if each["metadata"]["name"] == "clusters-blue"]


def test_one_that_comes_meanwhile_is_left_alone(monkeypatch):
    leases, destination = a_claim(monkeypatch)
    first = look(None)
    destination.add(blue().hosted_cluster())
    assert look(first)["handedOver"]
    assert (destination.writes, leases.read("clusters/blue").owner) == ([], "mgmt-2")
