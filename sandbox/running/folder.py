"""The folder of one sandbox: given, or a temporary one that goes however the sandbox ends."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

_GRACE_SECONDS = 5


@contextlib.contextmanager
def run_folder(given: Path | None, *, keep: bool) -> Iterator[Path]:
    """The folder to run in.

    A temporary one is removed at the end: it holds private keys and some 500 MB. Only its logs outlive a failure
    (any Exception; an interruption is none), because they are what explains it. `given` and, with `keep`, the
    temporary one are left as they are.
    """
    if given or keep:
        yield given or Path(tempfile.mkdtemp(prefix="lifeboat-"))
        return
    temporary: Path | None = None
    try:
        temporary = Path(tempfile.mkdtemp(prefix="lifeboat-"))
        yield temporary
    except Exception:
        if temporary:
            _remove_but(temporary, "logs")
        raise
    except BaseException:
        if temporary:
            _remove(temporary)
        raise
    else:
        _remove(temporary)


def _remove_but(folder: Path, name: str) -> None:
    for each in folder.iterdir() if folder.exists() else ():
        if each.name != name:
            _remove(each)
    for empty in (folder / name, folder):
        with contextlib.suppress(OSError):  # what is not empty stays
            empty.rmdir()


def _remove(path: Path) -> None:
    """Remove a file or a folder; again for a moment where a process that is just ending still writes."""
    deadline = time.monotonic() + _GRACE_SECONDS
    while path.exists():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        if path.exists():
            if time.monotonic() > deadline:
                print(f"{path} could not be removed; remove it yourself, it holds keys", file=sys.stderr)
                return
            time.sleep(0.1)
