"""What a function reads from its environment, once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from lifeboat.errors import ConfigurationError
from lifeboat.model import Pace


@dataclass(frozen=True)
class Settings:
    """The stack's names, set by `template.yaml` on every function."""

    bucket: str
    lease_table: str
    signing_key: str
    approval_topic: str | None = None
    """Only where approvals are asked for."""
    snapshot_pace: Pace = Pace()  # noqa: RUF009 - frozen
    """Of online backups."""
    snapshot_url_key: str | None = None
    """ARN of the Secret with the access key of the user that signs snapshot URLs; None: the stack has none."""
    snapshot_url_endpoint: str | None = None
    """Where the management clusters find S3, if not at its own address."""

    @classmethod
    def from_env(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises ConfigurationError naming the variable that is missing or wrong.
        """

        def required(name: str) -> str:
            if value := environment.get(name):
                return value
            msg = f"environment variable {name} is not set: deploy the stack again, or set it on this function"
            raise ConfigurationError(msg)

        def rate(name: str) -> int:
            """MiB of the variable as bytes; unpaced where it is not set."""
            value = environment.get(name, "0")
            if not value.isdecimal():
                msg = f"environment variable {name} is {value!r}: set it to whole MiB per second, 0 for no bound"
                raise ConfigurationError(msg)
            return int(value) * 1024**2

        return cls(
            bucket=required("BACKUP_BUCKET"),
            lease_table=required("LEASE_TABLE"),
            signing_key=required("SIGNING_KEY"),
            approval_topic=environment.get("APPROVAL_TOPIC"),
            snapshot_pace=Pace(
                rate("SNAPSHOT_READ_MIB_PER_SECOND"),
                rate("SNAPSHOT_UPLOAD_MIB_PER_SECOND"),
            ),
            snapshot_url_key=environment.get("SNAPSHOT_URL_KEY") or None,
            snapshot_url_endpoint=environment.get("SNAPSHOT_URL_ENDPOINT") or None,
        )
