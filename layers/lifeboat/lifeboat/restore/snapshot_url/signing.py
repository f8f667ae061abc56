"""The one URL of a restore: signed when the HostedControlPlane is made, read from there ever after."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from lifeboat.errors import ObjectRefusedError, RestoreFailedError
from lifeboat.model import Manifest
from lifeboat.resources import HOSTED_CONTROL_PLANES
from lifeboat.restore.loading import SNAPSHOT_URL, Destination
from lifeboat.restore.snapshot_url import url as urls


class SnapshotUrls(Protocol):
    """Presigned URLs that outlive a role's session."""

    def sign(self, key: str, version_id: str | None, seconds: int) -> str:
        """A URL to GET this version of an object of the backup bucket for so many seconds."""


class Opened(Protocol):
    """What a URL opens."""

    def size_behind(self, url: str) -> int | None:
        """Bytes of what a ranged GET of one byte finds, without following redirects; None when it is refused.

        Raises AwsUnavailableError when nobody answers.
        """


def signed(destination: Destination, user: SnapshotUrls) -> Destination:
    """The destination with its URL: that of the HostedControlPlane that is there, else a new one.

    Raises RestoreFailedError when the HostedControlPlane was made without one, or the new one is not fit.
    """
    if destination.etcd_restore != SNAPSHOT_URL:
        return destination
    live = _control_plane(destination)
    if live is not None:
        return dataclasses.replace(destination, snapshot_url=_held(destination, live))
    part = destination.record.snapshot.part
    new = user.sign(part.key, part.version_id, urls.SECONDS)
    return dataclasses.replace(destination, snapshot_url=urls.refuse_unfit(new))


def held(destination: Destination) -> Destination:
    """The destination with the URL that its HostedControlPlane holds.

    Raises RestoreFailedError when the two do not go together: there is none where one is needed, or the other way
    round. An attempt that was begun one way is never ended the other.
    """
    live = _control_plane(destination)
    found = url_of(live) if live is not None else None
    if destination.etcd_restore != SNAPSHOT_URL:
        if found is None:
            return destination
        msg = "this restore was begun with etcdRestore `snapshotUrl`: start again with it"
        raise RestoreFailedError(msg)
    if live is None:
        msg = f"HostedControlPlane {destination.namespace}/{destination.hosted.name} is gone: start again"
        raise RestoreFailedError(msg)
    return dataclasses.replace(destination, snapshot_url=_held(destination, live))


def try_out(destination: Destination, opened: Opened, now: datetime.datetime) -> dict[str, Any]:
    """Prove, before the HostedCluster exists, that the URL opens this very snapshot and lives long enough.

    Returns `{secondsLeft, size}`. Raises RestoreFailedError when it does not: nothing is lost yet.
    """
    url = refuse_expiring(destination, now)
    wanted, found = destination.record.snapshot.part.size, opened.size_behind(url)
    if found is None:
        msg = (
            "S3 refuses the snapshot's URL: look whether the access key of the stack's SnapshotUrlUser is active and "
            "may read the bucket and decrypt by its key, then start again"
        )
        raise RestoreFailedError(msg)
    if found != wanted:
        msg = f"the snapshot's URL opens {found} bytes, the snapshot has {wanted}: choose another backup"
        raise RestoreFailedError(msg)
    return {"secondsLeft": urls.seconds_left(url, now), "size": found}


def refuse_expiring(destination: Destination, now: datetime.datetime) -> str:
    """The URL of the destination. Raises RestoreFailedError when too little of its life is left to begin with it."""
    url = destination.snapshot_url
    if url is None:
        raise RestoreFailedError("the restore has no snapshot's URL: start again")
    left = urls.seconds_left(url, now)
    if left < urls.LEFT:
        msg = (
            f"the snapshot's URL lives for {left} s more, too short to begin ({urls.LEFT} s): what was made is taken "
            "back; start again, a new one is signed then"
        )
        raise RestoreFailedError(msg)
    return url


def url_of(manifest: Manifest) -> str | None:
    """`restoreSnapshotURL` of a HostedControlPlane or HostedCluster."""
    storage = ((manifest["spec"].get("etcd") or {}).get("managed") or {}).get("storage") or {}
    found = storage.get("restoreSnapshotURL") or ()
    return str(found[0]) if found else None


@contextmanager
def unquoted(destination: Destination) -> Iterator[None]:
    """An API that refuses an object may quote what it refuses: the URL is taken out of what it says."""
    try:
        yield
    except ObjectRefusedError as error:
        told, url = str(error), destination.snapshot_url
        if url is None or not _quotes(told, url):
            raise
        msg = f"{destination.cluster.name} refused an object that holds the snapshot's URL; what it said quotes it"
        raise ObjectRefusedError(msg) from None


def _quotes(told: str, url: str) -> bool:
    """Whether any of it that must not be told is in there: escaped and cut quotes have the signature's name."""
    return url in told or "X-Amz-Signature" in told or url.rpartition("=")[2] in told


def _control_plane(destination: Destination) -> Manifest | None:
    return destination.cluster.get(HOSTED_CONTROL_PLANES, destination.namespace, destination.hosted.name)


def _held(destination: Destination, live: Manifest) -> str:
    found = url_of(live)
    if found is None:
        msg = (
            f"HostedControlPlane {destination.namespace}/{destination.hosted.name} was made without a snapshot's URL "
            "and takes none any more: start again with etcdRestore `volumes`"
        )
        raise RestoreFailedError(msg)
    return urls.refuse_unfit(found)
