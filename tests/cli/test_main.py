import json

import pytest

from lifeboat_cli import main, registering, running
from lifeboat_cli.follow import Outcome
from lifeboat_cli.stack import Stack, StackError


@pytest.fixture
def started(monkeypatch):
    """What would have been started: (machine, input)."""
    found = []
    monkeypatch.setattr(running, "start", lambda _stack, kind, given, **_: found.append((kind, given)) or 0)
    return found


BLUE = {"namespace": "clusters", "name": "blue"}


@pytest.mark.parametrize(
    ("arguments", "kind", "given"),
    [
        ("backup clusters/blue --source mgmt-1", "backup", {"hostedCluster": BLUE, "source": "mgmt-1"}),
        (
            "restore clusters/blue --destination mgmt-2",
            "restore",
            {"hostedCluster": BLUE, "destination": "mgmt-2", "backupId": "latest"},
        ),
        (
            "restore clusters/blue --destination mgmt-2 --etcd-restore snapshotUrl",
            "restore",
            {"hostedCluster": BLUE, "destination": "mgmt-2", "backupId": "latest", "etcdRestore": "snapshotUrl"},
        ),
        (
            "teardown clusters/blue --source mgmt-1 --override-reason gone --approved-by me",
            "teardown",
            {"hostedCluster": BLUE, "source": "mgmt-1", "override": {"reason": "gone", "approvedBy": "me"}},
        ),
        (
            "recover clusters/blue --source mgmt-1 --destination mgmt-2 --approval none --on-conflict wait",
            "recover",
            {
                "hostedCluster": BLUE,
                "source": "mgmt-1",
                "destination": "mgmt-2",
                "approval": "none",
                "onConflict": "wait",
            },
        ),
        (
            "recover clusters/blue --source mgmt-1 --destination mgmt-2 --unreachable-source dead",
            "recover",
            {
                "hostedCluster": BLUE,
                "source": "mgmt-1",
                "destination": "mgmt-2",
                "unreachableSource": {"accept": "data-loss", "reason": "dead"},
            },
        ),
    ],
)
def test_a_command_becomes_an_executions_input(started, arguments, kind, given):
    assert main.main(arguments.split()) == 0
    ((what, found),) = started
    assert (what, {key: value for key, value in found.items() if value is not None}) == (kind, given)


@pytest.mark.parametrize("wrong", ["backup blue --source mgmt-1", "teardown clusters/blue --source mgmt-1", "nothing"])
def test_wrong_usage_is_refused(wrong, capsys):
    with pytest.raises(SystemExit) as refused:
        main.main(wrong.split())
    assert refused.value.code == 2
    assert "usage: lifeboat" in capsys.readouterr().err


def test_a_failure_is_told_in_words_and_without_a_stack_trace():
    cause = json.dumps({"errorMessage": "source: missing", "errorType": "InvalidInputError", "stackTrace": ["x"]})
    assert (
        running.tell(Outcome("FAILED", None, "InvalidInputError", cause))
        == "FAILED: InvalidInputError\nsource: missing"
    )


@pytest.mark.parametrize(
    ("user", "told"), [("client-key: /home/me/key", "points to files"), ("exec: {command: aws}", "from a program")]
)
def test_a_kubeconfig_that_works_only_here_is_not_registered(tmp_path, user, told):
    path = tmp_path / "kubeconfig"
    path.write_text(f"clusters: [{{name: a, cluster: {{}}}}]\nusers: [{{name: a, user: {{{user}}}}}]\n")
    with pytest.raises(StackError, match=told):
        registering.add(Stack(), "mgmt-1", path, "us-east-2", "openshift", None)


def test_a_cluster_of_eks_is_refused_in_one_line(tmp_path, capsys):
    """Before anything is read or stored: nothing makes tokens for it yet."""
    arguments = f"clusters add mgmt-3 --kind eks --region us-east-2 --kubeconfig {tmp_path / 'none'}".split()
    assert main.main(arguments) == 1
    assert capsys.readouterr().err == (
        "lifeboat: mgmt-3 is not registered: Lifeboat makes no tokens for EKS yet, so it could not connect to it\n"
    )
