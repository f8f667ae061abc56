"""What a function reads from its environment, once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from lifeboat.errors import ConfigurationError


@dataclass(frozen=True)
class Settings:
    """The stack's names, set by `template.yaml` on every function."""

    bucket: str
    lease_table: str
    signing_key: str
    approval_topic: str | None = None
    """Only where approvals are asked for."""

    @classmethod
    def from_env(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises ConfigurationError naming the variable that is missing.
        """

        def required(name: str) -> str:
            if value := environment.get(name):
                return value
            msg = f"environment variable {name} is not set: deploy the stack again, or set it on this function"
            raise ConfigurationError(msg)

        return cls(
            bucket=required("BACKUP_BUCKET"),
            lease_table=required("LEASE_TABLE"),
            signing_key=required("SIGNING_KEY"),
            approval_topic=environment.get("APPROVAL_TOPIC"),
        )
