"""What the host runs and what comes out of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Function:
    """One configuration of a function. Two that are equal may share warm processes."""

    name: str
    arn: str
    version: str
    handler: str
    timeout_seconds: float
    memory_mb: int
    role_arn: str
    code: Path
    layers: tuple[Path, ...]
    variables: tuple[tuple[str, str], ...]
    traced: bool

    @property
    def log_group(self) -> str:
        return f"/aws/lambda/{self.name}"


@dataclass(frozen=True)
class Outcome:
    """The end of one invocation. `error` is None or `Unhandled`, the only kind a managed runtime reports."""

    payload: bytes
    error: str | None
    log: bytes


@dataclass(frozen=True)
class Credentials:
    """Keys that a function finds in its environment."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None

    def variables(self) -> Mapping[str, str]:
        variables = {"AWS_ACCESS_KEY_ID": self.access_key_id, "AWS_SECRET_ACCESS_KEY": self.secret_access_key}
        if self.session_token:
            variables["AWS_SESSION_TOKEN"] = self.session_token
        return variables
