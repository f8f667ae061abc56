r"""The second way out of the pod: through the function, a piece per exec.

For images without `curl` and pods without a route to S3. Exec may lose the end of its output and still report success
(seen with real API servers), so a piece comes with its length and digest; several make the same part of the same
upload that the pod would have sent, and its digest must be the worker's. No more than one part is held at a time.
"""

from __future__ import annotations

import base64
import binascii
import hashlib

from lifeboat.errors import ExecIncompleteError, ObjectRefusedError, SnapshotFailedError
from lifeboat.etcd import members, snapshot
from lifeboat.etcd.scripts import STAGING, THERE
from lifeboat.etcd.snapshot import MIB, Staging, StagingGone
from lifeboat.ports import ManagementCluster, StoredPart

PIECE = 4 * MIB
"""Raw bytes of a piece at most; a third more as text."""
_TRIES = 3
_WORDS = 4

# $3 first byte, $4 bytes. Nothing of it passes a variable of the shell.
READ_PIECE = (
    STAGING
    + THERE
    + r"""
piece=$dir/piece.$$
trap 'rm -f "$piece"' EXIT
dd if="$dir/data" bs=64K skip=$(($3 / 65536)) count=$((($4 + 65535) / 65536)) 2>/dev/null | head -c "$4" > "$piece"
sum=$(sha256sum < "$piece")
echo "lifeboat 0 $(wc -c < "$piece" | tr -d ' ') ${sum%% *}"
base64 "$piece"
"""
)


def read_part(cluster: ManagementCluster, staging: Staging, part: StoredPart) -> bytes:
    """The bytes of one part, proven by the digest that the worker computed.

    Raises ExecIncompleteError when they do not arrive whole, SnapshotFailedError when they are others, StagingGone.
    """
    first = (part.number - 1) * staging.part_size
    body = bytearray()
    while len(body) < part.size:
        body += _piece(cluster, staging, first + len(body), min(PIECE, part.size - len(body)))
    if hashlib.sha256(body).hexdigest() != part.sha256:
        msg = f"part {part.number} of the snapshot in {staging.ref} changed after it was read: take another"
        raise SnapshotFailedError(msg)
    return bytes(body)


def _piece(cluster: ManagementCluster, staging: Staging, first: int, size: int) -> bytes:
    for _ in range(_TRIES - 1):
        try:
            return _read(cluster, staging, first, size)
        except ExecIncompleteError:
            continue
    return _read(cluster, staging, first, size)


def _read(cluster: ManagementCluster, staging: Staging, first: int, size: int) -> bytes:
    ref = staging.ref
    words = [staging.id, str(staging.epoch), str(first), str(size)]
    try:
        result = cluster.exec(ref.namespace, ref.name, ref.container, ["sh", "-c", READ_PIECE, "lifeboat", *words])
    except ObjectRefusedError:
        if staging.pod in {each.name for each in members.pods(cluster, staging.namespace)}:
            raise
        msg = f"{ref} is being replaced"
        raise StagingGone(msg) from None
    snapshot.check(staging, max(result.exit_code, 0), result.stdout[:300])
    head, _, text = result.stdout.partition("\n")
    told = head.split()
    try:
        body = base64.b64decode(text)
    except binascii.Error:
        body = b""
    if len(told) != _WORDS or [str(len(body)), hashlib.sha256(body).hexdigest()] != told[2:] or len(body) != size:
        msg = f"a piece of the snapshot in {ref} arrived cut: {len(body)} of {size} bytes"
        raise ExecIncompleteError(msg)
    return body
