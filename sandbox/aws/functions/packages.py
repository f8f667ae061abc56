"""Function and layer archives, unpacked once by their content."""

from __future__ import annotations

import compileall
import hashlib
import io
import json
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path

REFERENCE = "sandbox-reference.json"
"""An archive that holds only this file stands for a folder of this machine: `{"python": "/a/folder"}`.

The dependencies layer is 150 MB. Packing, storing and unpacking it would cost every start of the sandbox several
seconds and half a gigabyte of memory, and prove nothing.
"""


class PackageStore:
    """Unpacks archives under one folder; the same bytes are unpacked once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def unpack(self, archive: bytes) -> Path:
        """The folder with the archive's content, compiled: what differs from AWS is only the time to start."""
        target = self._folder / hashlib.sha256(archive).hexdigest()[:24]
        with self._lock:
            if not target.exists():
                partial = Path(tempfile.mkdtemp(dir=self._folder, prefix="partial-"))
                with zipfile.ZipFile(io.BytesIO(archive)) as content:
                    content.extractall(partial)
                _follow_reference(partial)
                compileall.compile_dir(str(partial), quiet=2, workers=1)
                partial.rename(target)
        return target


def _follow_reference(folder: Path) -> None:
    reference = folder / REFERENCE
    if reference.exists():
        for name, path in json.loads(reference.read_text(encoding="utf-8")).items():
            (folder / name).symlink_to(path)


def pack(files: dict[str, bytes]) -> bytes:
    """A zip archive of `files` with fixed times, so that equal content gives equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, date_time=(2026, 1, 1, 0, 0, 0)), files[name])
    return buffer.getvalue()


def clear(folder: Path) -> None:
    """Empty a function's temporary folder, as a new execution environment finds it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
