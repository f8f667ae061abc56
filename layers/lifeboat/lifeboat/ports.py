"""What the procedure asks of the world. Adapters fulfil these; tests bring forms in memory."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from lifeboat.model import Manifest
from lifeboat.resources import Resource

Propagation = Literal["Background", "Foreground", "Orphan"]


@dataclass(frozen=True)
class ExecResult:
    """What a command in a container gave. Not proof of anything: see `podshell`."""

    stdout: str
    stderr: str
    exit_code: int


@dataclass(frozen=True)
class Listing:
    """What one LIST gave, whole, as it was at one `resource_version` ("" when the kind is not installed)."""

    objects: list[Manifest]
    resource_version: str


class ManagementCluster(Protocol):
    """One Kubernetes API. Objects are plain JSON; errors are Lifeboat's. Reading is safe from several threads."""

    @property
    def name(self) -> str: ...

    def version_of(self, resource: Resource) -> str:
        """The version to use: the fixed one, or the one that the CRD stores."""

    def get(self, resource: Resource, namespace: str | None, name: str) -> Manifest | None:
        """The object, None when there is none."""

    def list_objects(
        self, resource: Resource, namespace: str | None = None, *, labels: str | None = None
    ) -> list[Manifest]:
        """All objects, in chunks; each with apiVersion and kind. [] when the kind is not installed."""

    def listing(self, resource: Resource, namespace: str | None = None, *, labels: str | None = None) -> Listing:
        """The same, with the version of the LIST: all chunks are of that one moment."""

    def create(self, resource: Resource, manifest: Manifest) -> Manifest | None:
        """Create; None when an object of that name exists already (the caller looks whose it is).

        A manifest that names a version of its own is created in that one: its fields are that version's.
        """

    def patch(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        patch: Mapping[str, Any],
        *,
        subresource: str | None = None,
    ) -> Manifest | None:
        """JSON merge patch; None when the object is gone.

        `metadata.resourceVersion` in the patch is a precondition: the API server answers 409 when it differs, which
        raises ConflictError. A uid alone is none: a patch with another object's is refused for good (422).
        """

    def delete(
        self,
        resource: Resource,
        namespace: str | None,
        name: str,
        *,
        uid: str,
        resource_version: str | None = None,
        propagation: Propagation = "Background",
    ) -> None:
        """Delete this very object. Gone already, or another one of that name: done.

        With `resource_version` only as it was read: ConflictError when it has changed since.
        """

    def exec(
        self, namespace: str, pod: str, container: str, command: Sequence[str], *, stdin: str = "", timeout: float = 60
    ) -> ExecResult:
        """Run a command. What is secret goes in through `stdin`: the command stands in API audit logs."""

    def may(self, verb: str, resource: Resource, namespace: str | None = None, *, subresource: str = "") -> bool:
        """Whether these credentials may do that there, by the API's own word; asking changes nothing."""


@dataclass(frozen=True)
class StoredObject:
    """One object of the bucket, with S3's own checksum of it.

    `sha256` (hex) is that of the whole, for what was put at once; `composite` (`<hex>-<count>`) that of the parts'
    checksums, for what was uploaded in parts: S3 keeps no other of those.
    """

    key: str
    version_id: str | None
    size: int
    sha256: str | None
    composite: str | None = None


@dataclass(frozen=True)
class StoredPart:
    """One part of an upload in parts. `sha256` hex, `size` bytes; `etag` is S3's name for it, once it has it."""

    number: int
    size: int
    sha256: str
    etag: str = ""


@dataclass(frozen=True)
class ListedObject:
    """One object as a LIST tells it: its newest version. `size` bytes."""

    key: str
    size: int
    modified: datetime.datetime


@dataclass(frozen=True)
class OpenUpload:
    """One upload in parts that is neither completed nor aborted."""

    key: str
    upload_id: str


def composite_of(sha256s: Sequence[str]) -> str:
    """S3's checksum of an object in parts: the SHA-256 of the parts' own, and how many they are.

    "Checksum of checksums" in S3's guide *Checking object integrity*, here in hex.
    """
    digest = hashlib.sha256(b"".join(bytes.fromhex(each) for each in sha256s))
    return f"{digest.hexdigest()}-{len(sha256s)}"


class ObjectStore(Protocol):
    """The backup bucket."""

    def put(self, key: str, body: bytes) -> StoredObject:
        """Create if absent, checksum enforced by S3; the one that is there when it has the same bytes.

        Raises BackupUnprovenError when other bytes stand under that key.
        """

    def get(self, key: str, version_id: str | None = None) -> bytes | None: ...

    def head(self, key: str, version_id: str | None = None) -> StoredObject | None: ...

    def get_range(self, key: str, version_id: str | None, start: int, size: int) -> bytes | None:
        """`size` bytes from `start`, or what is left; None when there is no such object or it ends before."""

    def keys(self, prefix: str) -> list[str]:
        """All keys below a prefix."""

    def objects_below(self, prefix: str) -> list[ListedObject]:
        """All objects below a prefix, by LISTs alone, in the order of their keys."""

    def folders(self, prefix: str) -> list[str]:
        """Names directly below a prefix."""

    def presigned_put(self, key: str, sha256: str, expires: int) -> tuple[str, dict[str, str]]:
        """URL and the headers that must be sent with it: only bytes of this digest are accepted, and only once."""

    def delete(self, key: str) -> None:
        """Put a delete marker over a key: its versions stay, and the life cycle of the bucket ends them."""

    def open_upload(self, key: str) -> str:
        """The id of the upload in parts that is open for this key, or of a new one; S3 keeps SHA-256 of its parts.

        Two calls at a time may open two: the oldest counts for both, the others are aborted.
        """

    def open_uploads(self, prefix: str) -> list[OpenUpload]:
        """All uploads below a prefix that nobody has ended."""

    def stored_parts(self, key: str, upload_id: str, *, after: int = 0) -> list[StoredPart] | None:
        """The parts with higher numbers than `after` that S3 has; None when the upload is gone (ended or aborted)."""

    def presigned_part(self, key: str, upload_id: str, part: StoredPart, expires: int) -> tuple[str, dict[str, str]]:
        """URL and the one header that must be sent with it: only bytes of this digest are accepted."""

    def put_part(self, key: str, upload_id: str, number: int, body: bytes) -> StoredPart:
        """Upload one part from here, checksum enforced by S3. Raises ConflictError when the upload is gone."""

    def complete_upload(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> StoredObject:
        """Create the object from exactly these parts, if the key is absent; the one that is there when it is the same.

        Raises BackupUnprovenError when another one stands under that key or S3 has other parts.
        """

    def abort_upload(self, key: str, upload_id: str) -> None:
        """Remove an upload and its parts; nothing when it is gone."""

    def presigned_get(self, key: str, version_id: str | None, expires: int) -> str: ...


@dataclass(frozen=True)
class Lease:
    """The lease of one hosted cluster, as stored."""

    holder: str | None
    execution: str | None
    epoch: int
    expires_at: int
    owner: str | None = None
    """The management cluster that runs the hosted cluster, or was about to; None: nobody has claimed it yet."""


class Leases(Protocol):
    """One lease per hosted cluster, outside both management clusters; epochs only rise, an owner outlives a release."""

    def read(self, hosted_cluster: str) -> Lease | None: ...

    def take(
        self, hosted_cluster: str, operation_id: str, execution: str, seconds: int, over: Lease | None
    ) -> Lease | None:
        """Take the lease if it still is `over` (None: never held); None when it changed, or was renewed, meanwhile."""

    def renew(self, hosted_cluster: str, operation_id: str, epoch: int, seconds: int) -> bool: ...

    def release(self, hosted_cluster: str, operation_id: str, epoch: int) -> bool: ...

    def claim(self, hosted_cluster: str, operation_id: str, epoch: int, owner: str, instead_of: str) -> bool:
        """Name the owner, as long as this epoch holds the lease and none is named but it or `instead_of`."""


@dataclass(frozen=True)
class Execution:
    """One Step Functions execution."""

    arn: str
    status: str
    started: datetime.datetime
    input: Mapping[str, Any]
    output: Mapping[str, Any] | None


class Executions(Protocol):
    """Step Functions, as far as we ask."""

    def describe(self, arn: str) -> Execution | None: ...

    def stop(self, arn: str, cause: str) -> None:
        """End an execution where it is; one that has ended stays as it ended."""

    def running(self, machine: str) -> list[str]:
        """ARNs of a state machine's executions that have not ended."""


class Signer(Protocol):
    """A key that never leaves KMS."""

    @property
    def key_id(self) -> str: ...

    def sign(self, digest: bytes) -> bytes:
        """Sign a SHA-256 digest (32 bytes)."""

    def verify(self, digest: bytes, signature: bytes) -> bool: ...


@dataclass(frozen=True)
class DnsRecord:
    """One record set of a zone, with the name as asked for (no final dot)."""

    zone_id: str
    name: str
    type: str
    values: tuple[str, ...]
    raw: Mapping[str, Any]
    """As Route53 gave it: what a deletion must repeat exactly."""


class Dns(Protocol):
    """Route53."""

    def records(self, names: Sequence[str]) -> list[DnsRecord]:
        """All record sets of exactly these names, in every public or private zone that could hold them."""

    def delete(self, records: Sequence[DnsRecord]) -> None: ...

    def create(self, records: Sequence[DnsRecord]) -> None:
        """Put back what was deleted, each only while nothing stands under its name and type."""


@dataclass(frozen=True)
class Protection:
    """Whether one instance can be terminated through the API. A `spot` instance cannot be protected."""

    on: bool
    spot: bool


class Instances(Protocol):
    """EC2."""

    def of(self, infra_id: str) -> dict[str, str]:
        """State name by instance id, for all instances that belong to the cluster (terminated ones too)."""

    def protections(self, infra_id: str) -> dict[str, Protection]:
        """Termination protection by instance id, of all that belong to the cluster and are not terminated."""

    def protect(self, instance_id: str, *, on: bool) -> None:
        """Switch termination protection; of an instance that is gone: nothing."""


class Registry(Protocol):
    """Which management clusters are registered."""

    def knows(self, name: str) -> bool:
        """Whether a management cluster of that name is registered."""


class Documents(Protocol):
    """What anybody can read, without credentials."""

    def fetch(self, url: str) -> bytes | None:
        """The document behind an `https` URL, None when there is none for the public.

        Raises AwsUnavailableError when nobody answers.
        """


class Keys(Protocol):
    """KMS keys of others: looked at, never used."""

    def state(self, arn: str) -> str | None:
        """`Enabled`, `Disabled`, `PendingDeletion`, …; `Absent` when there is none; None when we may not look."""


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime.datetime: ...
