"""Output of a script counts only when all of it arrived."""

import subprocess

import pytest

from lifeboat import podshell
from lifeboat.errors import ExecIncompleteError
from lifeboat.podshell import PodRef
from lifeboat.ports import ExecResult
from tests.unit.memory import MemoryCluster

ETCD = PodRef("clusters-blue", "etcd-0", "etcd")


def shell(change=lambda text: text):
    """A cluster whose exec runs the command on this machine and may spoil what comes back."""

    def run(_namespace, _pod, _container, command, stdin):
        done = subprocess.run(list(command), input=stdin.encode(), capture_output=True, check=False, timeout=20)
        return ExecResult(change(done.stdout.decode()), done.stderr.decode(), done.returncode)

    cluster = MemoryCluster()
    cluster.exec_handler = run
    return cluster


@pytest.mark.parametrize(
    ("script", "output", "code"),
    [
        ("echo hello", "hello\n", 0),
        ("printf 'a:b\\n\\n'", "a:b\n\n", 0),
        ("printf 'ü€'; exit 3", "ü€", 3),
        ("true", "", 0),
        ("echo wrong >&2; exit 7", "wrong\n", 7),
    ],
)
def test_output_and_exit_code_arrive_as_they_were(script, output, code):
    result = podshell.run(shell(), ETCD, script)
    assert (result.output, result.exit_code) == (output, code)


def test_arguments_and_secrets_reach_the_script():
    result = podshell.run(shell(), ETCD, 'IFS= read -r url; echo "$1 $2 $url"', "a b", "c", secrets=["https://x?y=z"])
    assert result.output == "a b c https://x?y=z\n"


def test_secrets_stay_out_of_the_command():
    seen = []
    cluster = MemoryCluster()

    def record(_namespace, _pod, _container, command, _stdin):
        seen.append(command)
        return ExecResult("", "", 0)

    cluster.exec_handler = record
    with pytest.raises(ExecIncompleteError):
        podshell.run(cluster, ETCD, "read -r x", secrets=["topsecret"])
    assert "topsecret" not in " ".join(seen[0])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda text: text[: len(text) // 2],
        lambda _: "",
        lambda text: text.replace("hello", "hellO"),
        lambda text: text + "more",
    ],
    ids=["last byte lost", "half lost", "all lost", "changed", "longer"],
)
def test_output_that_is_not_what_was_sent_is_refused(spoil):
    with pytest.raises(ExecIncompleteError):
        podshell.run(shell(spoil), ETCD, "echo hello")


def test_a_secret_of_two_lines_is_refused_before_anything_runs():
    with pytest.raises(ValueError, match="one line"):
        podshell.run(shell(), ETCD, "read -r x", secrets=["a\nb"])
