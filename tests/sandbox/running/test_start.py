"""A start-up that ends before the sandbox is ready leaves no keys behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox import __main__ as program
from sandbox.running import Sandbox, SandboxError

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_start_that_is_interrupted_leaves_nothing(tmp_path, number):
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "up", "--ready-file", tmp_path / "ready.json"],
            cwd=REPOSITORY,
            stdout=log,
            stderr=log,
            env={**os.environ, "TMPDIR": str(temporary)},
        )
    try:
        deadline = time.monotonic() + 60
        while not list(temporary.glob("lifeboat-*/mgmt-1/pki/*.key")):
            assert process.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.02)
        assert _processes(temporary)
        assert not (tmp_path / "ready.json").exists()
        process.send_signal(number)
        process.send_signal(number)
        assert process.wait(60) == 128 + number, (tmp_path / "log").read_text()
    finally:
        process.kill()
        process.wait()
    assert list(temporary.glob("lifeboat-*")) == []
    assert not (tmp_path / "ready.json").exists()
    assert _processes(temporary) == []


def _processes(mark):
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += [path] if str(mark).encode() in path.read_bytes() and path.parent.name != "self" else []
        except OSError:
            continue
    return [each for each in found if str(os.getpid()) != each.parent.name]


@pytest.fixture
def start(tmp_path, monkeypatch):
    """Run `up` with a start-up that writes a key and a log and then ends with `error`."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))

    def start(error, *options):
        def _start(sandbox):
            (sandbox.plan.run / "mgmt-1" / "pki" / "ca.key").write_text("key")
            (sandbox.plan.logs / "aws.log").write_text("log")
            if error:
                raise error

        monkeypatch.setattr(Sandbox, "_start", _start)
        ready = str(tmp_path / "ready.json")
        monkeypatch.setattr(
            sys, "argv", ["sandbox", "up", "--ready-file", ready, "--isolation", "rewrite", *map(str, options)]
        )
        answer = program.main()
        return answer, {each.name for each in tmp_path.rglob("*") if each.is_file()}

    yield start
    for number, handler in before.items():
        signal.signal(number, handler)


def test_of_a_start_that_fails_the_logs_stay(start):
    assert start(SandboxError("no")) == (1, {"aws.log"})


def test_of_one_that_is_interrupted_nothing_stays(start, tmp_path):
    assert start(KeyboardInterrupt()) == (130, set())
    assert list((tmp_path / "tmp").iterdir()) == []


@pytest.mark.parametrize("error", [SandboxError("no"), KeyboardInterrupt()])
@pytest.mark.parametrize("given", [False, True])
def test_what_was_asked_for_stays(start, tmp_path, error, given):
    options = ("--run-dir", tmp_path / "own") if given else ("--keep",)
    _, left = start(error, *options)
    assert left == {"ca.key", "aws.log", "plan.json"}


def test_ctrl_c_once_it_is_ready_is_no_failure(start, tmp_path, monkeypatch, capsys):
    aws = dict.fromkeys(("endpoint_url", "region", "access_key_id", "secret_access_key"), "x")
    seen = []

    def check(_):
        seen.extend(each.name for each in tmp_path.glob("ready.*"))
        raise KeyboardInterrupt

    monkeypatch.setattr(Sandbox, "describe", lambda _: {"aws": aws})
    monkeypatch.setattr(Sandbox, "check", check)
    assert start(None) == (0, set())
    assert sorted(seen) == ["ready.env", "ready.json"]
    assert f"ready: {tmp_path}/ready.json; for the CLI, in another terminal: . {tmp_path}/ready.env" in (
        capsys.readouterr().out
    )
