"""What a sandbox that is up leaves for others to find it: a file for programs, one for shells."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# A profile, a session's token or a configured endpoint of the user's own would lead away from the sandbox.
_UNSET = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")


def env_file(ready_file: Path) -> Path:
    """Beside the ready file: `x.json` has `x.env`, any other name gets `.env` appended."""
    return ready_file.with_name(ready_file.name.removesuffix(".json") + ".env")


def environment(aws: Mapping[str, str]) -> str:
    """Lines for a POSIX shell that turn AWS's CLI, SDKs and `lifeboat` to the sandbox (`aws` as in the ready file)."""
    exports = {
        "AWS_ENDPOINT_URL": aws["endpoint_url"],
        "AWS_DEFAULT_REGION": aws["region"],
        "AWS_REGION": aws["region"],
        "AWS_ACCESS_KEY_ID": aws["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": aws["secret_access_key"],
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }
    lines = [f"unset {' '.join(_UNSET)}", *(f"export {name}={shlex.quote(value)}" for name, value in exports.items())]
    return "\n".join(lines) + "\n"


def hint(ready_file: Path) -> str:
    """The line that says it is ready, and what to type."""
    env = str(env_file(ready_file))
    if "/" not in env:
        env = f"./{env}"  # a shell looks up a bare name in PATH
    return f"ready: {ready_file}; for the CLI, in another terminal: . {shlex.quote(env)}"


def withdraw(ready_file: Path) -> None:
    """Remove both files, the ready file first."""
    ready_file.unlink(missing_ok=True)
    env_file(ready_file).unlink(missing_ok=True)


@contextlib.contextmanager
def published(ready_file: Path, described: Mapping[str, Any]) -> Iterator[None]:
    """Both files are there inside, whole and only for this user; who sees the ready file finds the other."""
    ready_file.parent.mkdir(parents=True, exist_ok=True)
    try:
        _write(env_file(ready_file), environment(described["aws"]))
        _write(ready_file, json.dumps(described, indent=1))
        yield
    finally:
        withdraw(ready_file)


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(path.name + ".new")
    temporary.unlink(missing_ok=True)
    try:
        temporary.touch(mode=0o600, exist_ok=False)
        temporary.write_text(text, encoding="utf-8")
        temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
