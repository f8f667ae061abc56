from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sandbox.aws.deploy import DeployedStack, deploy
from sandbox.plan import REGION, Plan

SAMPLE = Path(__file__).parent / "sample"


@dataclass(frozen=True)
class Aws:
    plan: Plan
    process: subprocess.Popen[bytes]

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.plan.aws_url,
            region_name=REGION,
            aws_access_key_id=self.plan.access_key_id,
            aws_secret_access_key=self.plan.secret_access_key,
            config=Config(signature_version="s3v4") if service == "s3" else None,
        )


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    """One running `python -m sandbox.aws`."""
    plan = Plan.create(tmp_path_factory.mktemp("aws"), isolation="rewrite")
    log = (plan.logs / "aws.log").open("wb")
    process = subprocess.Popen([sys.executable, "-m", "sandbox.aws", plan.run / "plan.json"], stderr=log, stdout=log)
    deadline = time.monotonic() + 60
    while not (plan.run / "aws.ready").exists():
        assert process.poll() is None, (plan.logs / "aws.log").read_text()
        assert time.monotonic() < deadline, "AWS did not start"
        time.sleep(0.05)
    yield Aws(plan, process)
    process.terminate()
    assert process.wait(20) == 0
    log.close()


@pytest.fixture(scope="session")
def stack(aws: Aws) -> DeployedStack:
    return deploy(aws.plan, template=SAMPLE / "template.yaml", stack="sample")
