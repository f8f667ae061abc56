import io
import json

import pytest

from lifeboat_cli import main, planning
from lifeboat_cli.stack import Stack, StackError
from tests.unit.builders import blue
from tests.unit.plan.moving import Moving

BLUE = {"namespace": "clusters", "name": "blue"}


class Lambda:
    """Answers one invocation."""

    def __init__(self, answer, error=None):
        self.answer, self.error, self.asked = answer, error, []

    def invoke(self, **given):
        self.asked.append((given["FunctionName"], json.loads(given["Payload"])))
        told = {"Payload": io.BytesIO(json.dumps(self.answer).encode())}
        return {**told, "FunctionError": self.error} if self.error else told


@pytest.fixture
def answering(monkeypatch):
    def answer(told, error=None):
        client = Lambda(told, error)
        monkeypatch.setattr(Stack, "client", lambda _self, _service, **_: client)
        return client

    return answer


def a_plan(spoil=lambda _: None):
    moving = Moving(blue())
    spoil(moving)
    return moving.plan().to_json()


@pytest.mark.parametrize(
    ("arguments", "data"),
    [
        ("recover clusters/blue --source mgmt-1 --destination mgmt-2", {"source": "mgmt-1", "etcdRestore": "volumes"}),
        ("restore clusters/blue --destination mgmt-2", {"destination": "mgmt-2", "backup": {"backupId": "latest"}}),
        (
            "restore clusters/blue --destination mgmt-2 --etcd-restore snapshotUrl",
            {"destination": "mgmt-2", "etcdRestore": "snapshotUrl"},
        ),
        (
            "teardown clusters/blue --source mgmt-1 --override-reason gone --approved-by me",
            {"source": "mgmt-1", "override": {"reason": "gone", "approvedBy": "me"}},
        ),
    ],
)
def test_the_function_is_asked_as_a_machine_would_ask_it(answering, capsys, arguments, data):
    client = answering(a_plan())
    assert main.main(["plan", *arguments.split()]) == 0
    ((function, payload),) = client.asked
    assert (function, payload["tell"]) == ("lifeboat-make-plan", arguments.split()[0])
    task = payload["task"]
    assert task["operation"] == {"id": "plan", "epoch": 0, "execution": f"lifeboat plan {arguments.split()[0]}"}
    assert task["hostedCluster"] == BLUE
    assert {key: task[key] for key in data} == data
    assert "fit; digest" in capsys.readouterr().out


def test_writes_stand_in_order_by_step(answering, capsys):
    answering(a_plan())
    main.main(["plan", "recover", "clusters/blue", "--source", "mgmt-1", "--destination", "mgmt-2"])
    out = capsys.readouterr().out
    steps = ["backup: PauseSource", "recover: CleanUpDns", "restore: CreateHostedCluster", "teardown: DeleteObjects"]
    assert sorted(steps, key=out.index) == steps
    assert "clusters-blue/kube-apiserver" in out
    assert "only if the source's ExternalDNS does not withdraw the names in time" in out


def test_what_stands_against_it_is_told_with_its_remedy_and_an_exit_code(answering, capsys):
    answering(a_plan(lambda moving: moving.destination.remove("StorageClass", None, "gp3-csi")))
    code = main.main(["plan", "recover", "clusters/blue", "--source", "mgmt-1", "--destination", "mgmt-2"])
    out = capsys.readouterr().out
    assert code == 1
    assert "BLOCKS   " in out
    assert "gp3-csi" in out
    assert out.rstrip().endswith("NOT FIT: 1 problem(s)")


def test_json_is_the_whole_plan(answering, capsys):
    plan = a_plan()
    answering(plan)
    assert (
        main.main(["plan", "recover", "clusters/blue", "--source", "mgmt-1", "--destination", "mgmt-2", "--json"]) == 0
    )
    assert json.loads(capsys.readouterr().out) == plan


def test_a_function_that_fails_is_told_in_its_own_words(answering, capsys):
    answering({"errorMessage": "mgmt-9 is not registered", "errorType": "InvalidInputError"}, error="Unhandled")
    assert main.main(["plan", "recover", "clusters/blue", "--source", "mgmt-9", "--destination", "mgmt-2"]) == 1
    assert "no plan could be made: mgmt-9 is not registered" in capsys.readouterr().err


def test_asking_raises_what_the_stack_says(answering):
    answering({}, error="Unhandled")
    with pytest.raises(StackError, match="the function failed"):
        planning.ask(Stack(), "recover", {"hostedCluster": BLUE})
