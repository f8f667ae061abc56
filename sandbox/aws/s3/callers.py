"""Whose keys are whose, asked of the process that runs STS: over the two pipes between parent and child.

The child writes an access key id, the parent answers with a JSON line. No socket: keys are nobody else's business.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import IO, NamedTuple


class Caller(NamedTuple):
    """One access key: its secret, the session token of temporary ones, the name for the record of calls."""

    secret: str | None
    token: str | None
    principal: str


class Callers:
    """The child's end. Keys never change what they belong to: those that exist are asked for once."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes]) -> None:
        self._questions = questions
        self._answers = answers
        self._known: dict[str, Caller] = {}
        self._lock = threading.Lock()

    def secret_of(self, access_key_id: str) -> tuple[str, str | None] | None:
        caller = self._ask(access_key_id)
        return (caller.secret, caller.token) if caller.secret else None

    def principal_of(self, access_key_id: str) -> str:
        return self._ask(access_key_id).principal

    def _ask(self, access_key_id: str) -> Caller:
        with self._lock:
            if access_key_id in self._known:
                return self._known[access_key_id]
            self._questions.write(json.dumps(access_key_id).encode() + b"\n")
            self._questions.flush()
            caller = Caller(*json.loads(self._answers.readline()))
            if caller.secret:
                self._known[access_key_id] = caller
            return caller


def answer(
    questions: IO[bytes],
    answers: IO[bytes],
    secret_of: Callable[[str], tuple[str, str | None] | None],
    principal_of: Callable[[str], str],
) -> None:
    """The parent's end: answer until the child is gone."""
    for line in questions:
        access_key_id = json.loads(line)
        secret, token = secret_of(access_key_id) or (None, None)
        try:
            answers.write(json.dumps([secret, token, principal_of(access_key_id)]).encode() + b"\n")
            answers.flush()
        except BrokenPipeError:
            return
