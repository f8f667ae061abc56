"""What one preflight of a destination looks at: both management clusters, the backup, and AWS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lifeboat.errors import ApiUnavailableError
from lifeboat.model import Manifest
from lifeboat.ports import Documents, Instances, Keys, ManagementCluster
from lifeboat.resources import DEPLOYMENTS, NAMESPACES, SECRETS
from lifeboat.restore.destination import OPERATOR_NAMESPACE
from lifeboat.restore.loading import Destination

OPERATOR, EXTERNAL_DNS = "operator", "external-dns"

Subject = Callable[["Look"], Iterator[str]]
"""One subject's problems: each what is wrong, then what to do."""


@dataclass(frozen=True)
class Outside:
    """What a preflight asks beside the two management clusters."""

    region: Callable[[str], str | None]
    """AWS region by registered management cluster."""
    documents: Documents
    keys: Keys
    instances: Instances
    signs_urls: bool = False
    """Whether the stack has a user that signs snapshot URLs."""


@dataclass
class Look:
    """One look; what several subjects need is read once."""

    destination: Destination
    source: ManagementCluster | None
    """None: it does not answer. Whether it may be left out, the fence decides."""
    outside: Outside

    @classmethod
    def at(cls, destination: Destination, source: ManagementCluster, outside: Outside) -> Look:
        """Begin one. A source that does not answer right now counts as away."""
        try:
            source.get(DEPLOYMENTS, OPERATOR_NAMESPACE, OPERATOR)
        except ApiUnavailableError:
            return cls(destination, None, outside)
        return cls(destination, source, outside)

    @property
    def cluster(self) -> ManagementCluster:
        """The destination's."""
        return self.destination.cluster

    @property
    def sides(self) -> list[ManagementCluster]:
        """The destination, and the source if it answers."""
        return [self.cluster, *([self.source] if self.source else [])]

    @cached_property
    def hosted_cluster(self) -> Manifest:
        """As it was exported."""
        return self.destination.exported_hosted_cluster()

    @cached_property
    def namespace(self) -> Manifest | None:
        """The control-plane namespace, if it is there."""
        return self.cluster.get(NAMESPACES, None, self.destination.namespace)

    @property
    def ours(self) -> bool:
        """Whether an earlier execution of this operation was at work here."""
        return self.destination.is_ours(self.namespace)

    @cached_property
    def access(self) -> str:
        """`Public`, `PublicAndPrivate` or `Private`."""
        return str(self.aws.get("endpointAccess") or "Public")

    @property
    def aws(self) -> dict[str, Any]:
        """`spec.platform.aws` of the HostedCluster."""
        platform: dict[str, Any] = (self.hosted_cluster["spec"].get("platform") or {}).get("aws") or {}
        return platform

    @cached_property
    def operator(self) -> Manifest | None:
        """The destination's HyperShift operator."""
        return self.cluster.get(DEPLOYMENTS, OPERATOR_NAMESPACE, OPERATOR)

    @cached_property
    def secrets(self) -> dict[tuple[str | None, str], Manifest]:
        """Exported Secrets by namespace and name."""
        return {
            (each["metadata"].get("namespace"), each["metadata"]["name"]): each
            for each in self.destination.manifests(SECRETS)
        }

    def secret(self, name: str) -> Manifest | None:
        """An exported Secret of the HostedCluster's namespace."""
        return self.secrets.get((self.destination.hosted.namespace, name))
