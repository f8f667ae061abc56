"""The sampler finds what is planted, in the places where a secret may never stand."""

import subprocess
import time

import pytest

from sandbox.plan import Plan
from sandbox.proof.sampling import Sampler

CANARY = "canary-0123456789abcdef"


@pytest.fixture
def plan(tmp_path):
    return Plan.create(tmp_path / "run", isolation="rewrite")


@pytest.fixture
def tmp(plan):
    """The folder /tmp of an etcd container."""
    folder = plan.management_cluster("mgmt-1").folder / "pods" / "0000" / "etcd" / "root" / "tmp" / "lifeboat" / "x"
    folder.mkdir(parents=True)
    return folder


def seen(plan, argv, environment=None):
    """What a sampler finds of a process that lives for a quarter of a second."""
    with Sampler(plan, [CANARY]) as sampler:
        subprocess.run(["sh", "-c", "sleep 0.25", *argv], env=environment, check=True)
    assert sampler.looks > 1
    assert sampler.processes
    return sampler.found


def test_a_text_in_a_word_of_a_command_is_found_and_not_told(plan):
    assert seen(plan, [f"--key={CANARY}"]) == {"cmdline of sh"}


def test_a_text_in_an_environment_is_found(plan):
    found = seen(plan, [], {"PATH": "/usr/bin:/bin", "KEY": CANARY})
    assert found
    assert all(each.startswith("environ of process ") for each in found)


def test_only_this_sandboxs_urls_are_its_matter(plan):
    assert seen(plan, [f"{plan.aws_url}/bucket/key?X-Amz-Signature=00"]) == {"cmdline of sh"}
    assert seen(plan, ["http://127.0.0.9:4566/bucket/key?X-Amz-Signature=00"]) == set()


def test_a_url_in_a_file_of_a_pod_is_found(plan, tmp):
    with Sampler(plan, [CANARY]) as sampler:
        (tmp / "log").write_text(f"curl: {plan.aws_url}/?X-Amz-Signature=00\n")
        time.sleep(0.2)
        (tmp / "log").unlink()
    assert [each.rpartition("/")[2] for each in sampler.found] == ["log"]


def test_nothing_planted_nothing_found(plan, tmp):
    (tmp / "facts").write_text("size=1\n")
    assert seen(plan, ["innocent"]) == set()
