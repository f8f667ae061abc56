"""A presigned URL: what HyperShift takes, and how long it lives. Values only; no error quotes it."""

from __future__ import annotations

import datetime
from urllib.parse import parse_qs, urlsplit

from lifeboat.errors import RestoreFailedError

LONGEST = 1024
"""Characters: `maxLength` of an item of `restoreSnapshotURL` (HyperShift from 4.20 on)."""

SECONDS = 24 * 3600
"""For how long a URL is signed: the restore's longest way from its first object to the end of etcd's roll, with room
for a second start."""

LEFT = 4 * 3600
"""Seconds that a URL must still live when the HostedCluster is made: three times what CheckSnapshotRestored waits at
most, since the init container fetches whenever its pod is made anew."""

_SIGNED = "%Y%m%dT%H%M%SZ"


def refuse_unfit(url: str) -> str:
    """The URL. Raises RestoreFailedError for one that HyperShift would refuse or its `curl` could not fetch.

    A role's session token makes it too long and ends it with the session: only a user may sign.
    """
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    if parts.scheme != "https" or not parts.hostname:
        problem = "is not https"
    elif len(url) > LONGEST:
        problem = f"has {len(url)} characters, HyperShift takes {LONGEST}"
    elif "X-Amz-Security-Token" in query:
        problem = "is signed by a role, whose session ends it"
    elif not {"X-Amz-Signature", "X-Amz-Date", "X-Amz-Expires"} <= set(query):
        problem = "is not signed by SigV4"
    else:
        return url
    msg = f"the snapshot's URL {problem}: check the stack's parameter SnapshotUrlSigner, or restore by `volumes`"
    raise RestoreFailedError(msg)


def expires_at(url: str) -> datetime.datetime | None:
    """When it ends; None for one that does not say so as SigV4 does."""
    query = parse_qs(urlsplit(url).query)
    try:
        signed = datetime.datetime.strptime(query["X-Amz-Date"][0], _SIGNED).replace(tzinfo=datetime.UTC)
        return signed + datetime.timedelta(seconds=int(query["X-Amz-Expires"][0]))
    except (KeyError, ValueError):
        return None


def seconds_left(url: str, now: datetime.datetime) -> int:
    """For how long it still lives; 0 when it has expired or does not tell."""
    end = expires_at(url)
    return max(0, int((end - now).total_seconds())) if end else 0
