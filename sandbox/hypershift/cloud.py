"""AWS as the simulated controllers reach it."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from sandbox.plan import REGION

if TYPE_CHECKING:
    from sandbox.plan import Plan

OIDC_BUCKET = "lifeboat-sandbox-oidc"


class Cloud:
    """Clients of the sandbox's AWS, made on first use."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lock = threading.Lock()

    @functools.cached_property
    def ec2(self) -> Any:
        return self._client("ec2")

    @functools.cached_property
    def elbv2(self) -> Any:
        return self._client("elbv2")

    @functools.cached_property
    def route53(self) -> Any:
        return self._client("route53")

    @functools.cached_property
    def s3(self) -> Any:
        return self._client("s3")

    def _client(self, service: str) -> Any:
        with self._lock:  # boto3's default session is not made for threads
            return boto3.client(
                service,
                endpoint_url=self._plan.aws_url,
                region_name=REGION,
                aws_access_key_id=self._plan.access_key_id,
                aws_secret_access_key=self._plan.secret_access_key,
                config=Config(
                    s3={"addressing_style": "path"},
                    retries={"mode": "standard", "max_attempts": 4},
                    connect_timeout=5,
                    read_timeout=20,
                    user_agent_extra="hypershift-sandbox",
                ),
            )
