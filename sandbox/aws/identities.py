"""Whose keys are whose: the sandbox's own, those of functions' roles (by STS), those of state machines."""

from __future__ import annotations

import threading
from typing import Any

from sandbox.aws.events import EVENTS_ACCESS_KEY
from sandbox.aws.functions.model import Credentials
from sandbox.aws.stepfunctions.speed import STATES_ACCESS_KEY, STATES_SECRET_KEY
from sandbox.plan import ACCOUNT_ID, REGION, Plan

_SECONDS = 12 * 3600
_SERVICES = {STATES_ACCESS_KEY: "states.amazonaws.com", EVENTS_ACCESS_KEY: "events.amazonaws.com"}


class Identities:
    """`sts` and `iam` are moto's backends; keys that anybody obtains there are known as well."""

    def __init__(self, plan: Plan, sts: Any, iam: Any = None) -> None:
        self._plan = plan
        self._sts = sts
        self._iam = iam
        self._of_roles: dict[str, Credentials] = {}
        self._lock = threading.Lock()

    def of_role(self, role_arn: str) -> Credentials:
        """Temporary keys of a role, the same for all who ask: what a function finds in its environment."""
        with self._lock:
            if role_arn not in self._of_roles:
                assumed = self._sts.assume_role(
                    region_name=REGION,
                    role_session_name="function",
                    role_arn=role_arn,
                    policy=None,
                    duration=_SECONDS,
                    external_id=None,
                )
                self._of_roles[role_arn] = Credentials(
                    assumed.access_key_id, assumed.secret_access_key, assumed.session_token
                )
            return self._of_roles[role_arn]

    def secret_of(self, access_key_id: str) -> tuple[str, str | None] | None:
        """Secret key and session token (None for long-lived keys) of an access key."""
        if access_key_id == self._plan.access_key_id:
            return self._plan.secret_access_key, None
        if access_key_id == STATES_ACCESS_KEY:
            return STATES_SECRET_KEY, None
        if user := self._of_user(access_key_id):
            return str(user.secret_access_key), None
        assumed = self._sts.get_assumed_role_from_access_key(access_key_id)
        return (assumed.secret_access_key, assumed.session_token) if assumed else None

    def principal_of(self, access_key_id: str) -> str:
        """A name for the call log."""
        if access_key_id == self._plan.access_key_id:
            return "sandbox"
        if access_key_id in _SERVICES:
            return _SERVICES[access_key_id]
        if user := self._of_user(access_key_id):
            return f"arn:aws:iam::{ACCOUNT_ID}:user/{user.user_name}"
        assumed = self._sts.get_assumed_role_from_access_key(access_key_id)
        return str(assumed.role_arn) if assumed else access_key_id

    def _of_user(self, access_key_id: str) -> Any:
        """An IAM user's active key; None for others. Temporary keys of roles are listed there as well, without user."""
        found = self._iam.access_keys.get(access_key_id) if self._iam else None
        return found if found is not None and found.user_name and found.status == "Active" else None


def backend_of(backends: Any, region: str = REGION) -> Any:
    """The one account's part of a moto backend."""
    return backends[ACCOUNT_ID][region]
