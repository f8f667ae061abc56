"""What the stack's parameters say of retention, from the environment of its function."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from dataclasses import dataclass

from lifeboat.errors import ConfigurationError
from lifeboat.retention.rules import Rules
from lifeboat.retention.running import Bounds


@dataclass(frozen=True)
class RetentionSettings:
    """`machines`: ARNs of the state machines whose executions use backups."""

    rules: Rules
    bounds: Bounds
    machines: tuple[str, ...]


def from_env(environment: Mapping[str, str] = os.environ) -> RetentionSettings:
    """Read them.

    Raises ConfigurationError naming the variable that is missing or no number: an unset rule must delete nothing.
    """
    rules = Rules(
        newest=_number(environment, "RETENTION_KEEP_NEWEST", least=1),
        daily_days=_number(environment, "RETENTION_KEEP_DAILY_DAYS"),
        weekly_days=_number(environment, "RETENTION_KEEP_WEEKLY_DAYS"),
        minimum_age=datetime.timedelta(days=_number(environment, "RETENTION_MINIMUM_AGE_DAYS", least=1)),
    )
    machines = tuple(filter(None, environment.get("STATE_MACHINES", "").split(",")))
    if not machines:
        raise ConfigurationError("environment variable STATE_MACHINES is not set: deploy the stack again")
    return RetentionSettings(rules, Bounds(), machines)


def _number(environment: Mapping[str, str], name: str, least: int = 0) -> int:
    value = environment.get(name, "")
    if not value.isdecimal() or int(value) < least:
        msg = f"environment variable {name} is {value!r}, not a number of at least {least}: deploy the stack again"
        raise ConfigurationError(msg)
    return int(value)
