"""What a snapshot's way to S3 costs at least beside the raw save: one SHA-256 of the bytes, one PUT, S3's own work.

Measured with the programs that do it in a pod, on a file that is in memory. Where fewer cores are idle during a raw
save than this needs, no way of doing it keeps up with the raw save.
"""

from __future__ import annotations

import base64
import hashlib
import os
import resource
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cpu_seconds import S3, CpuSeconds
from benchmarks.machine import MIB
from sandbox.running import Sandbox

_SIZE = 256 * MIB
_KEY = "bench/floor"


@dataclass(frozen=True)
class Floor:
    """CPU seconds per GiB."""

    sha256: float
    put: float
    s3: float

    def seconds(self, raw: float, size: int) -> float:
        """CPU seconds for `size` bytes, of which the raw save used `raw`."""
        return raw + (self.sha256 + self.put + self.s3) * size / 1024**3


def measure(sandbox: Sandbox, folder: Path) -> Floor:
    """Digest and send a file once. Raises RuntimeError where a program is missing or S3 refuses."""
    for program in ("openssl", "curl"):
        if not shutil.which(program):
            raise RuntimeError(f"{program} is not here, so the floor of CPU seconds cannot be measured")
    path = folder / "floor"
    try:
        digest = _fill(path)
        sha256 = _children(["openssl", "dgst", "-sha256", "-r", str(path)])
        client, bucket = sandbox.client("s3"), sandbox.stack.bucket
        url = client.generate_presigned_url(
            "put_object", Params={"Bucket": bucket, "Key": _KEY, "ChecksumSHA256": digest}, ExpiresIn=600
        )
        header = f"x-amz-checksum-sha256: {digest}"
        with CpuSeconds(sandbox.plan) as used:
            put = _children(["curl", "-q", "-s", "-f", "-T", str(path), "-H", header, "-o", os.devnull, url])
        version = client.head_object(Bucket=bucket, Key=_KEY)["VersionId"]
        client.delete_object(Bucket=bucket, Key=_KEY, VersionId=version)
    finally:
        path.unlink(missing_ok=True)
    share = _SIZE / 1024**3
    return Floor(*(round(each / share, 2) for each in (sha256, put, used.used[S3])))


def _fill(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(_SIZE // MIB):
            block = os.urandom(MIB)
            digest.update(block)
            file.write(block)
    return base64.b64encode(digest.digest()).decode()


def _children(command: list[str]) -> float:
    """CPU seconds of a program. Raises RuntimeError when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with exit code {done.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
