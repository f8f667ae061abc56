"""What a HostedCluster and its NodePools refer to in their namespace, and who else refers to the same.

Several hosted clusters share that namespace, and their names may begin alike: belonging is decided by references and
marks with exact names, never by a prefix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import HOSTED_CLUSTERS, NODE_POOLS

REFERENCED = "referenced-resource.hypershift.openshift.io/"
"""Annotation (followed by the HostedCluster's name) that the operator sets on what a HostedCluster refers to."""


def references(value: Any) -> Iterator[str]:
    """Names of all local object references below a spec: objects whose only field is `name`.

    By their form and not by a table of fields, so that a field of a newer HyperShift is followed too. Whether a Secret
    or a ConfigMap is meant, the caller finds by looking for either. A KMS key is named by an ARN: no object of a
    cluster, and not followed.
    """
    if isinstance(value, dict):
        if set(value) == {"name"} and isinstance(value["name"], str) and value["name"]:
            yield value["name"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def referred(there: Sequence[Manifest], names: Sequence[str], hosted: HostedClusterRef) -> list[Manifest]:
    """Those that are named, or that the operator marked as referred to by this HostedCluster."""
    marked = REFERENCED + hosted.name
    return [
        each
        for each in there
        if each["metadata"]["name"] in names or marked in (each["metadata"].get("annotations") or {})
    ]


def wanted_by_others(cluster: ManagementCluster, hosted: HostedClusterRef) -> Callable[[Manifest], bool]:
    """Whether something in the HostedCluster's namespace also serves another hosted cluster, such as a pull secret.

    It does when another HostedCluster or its NodePools refer to it, when the operator marked it for another one that is
    there (a mark for one that is not came with a backup and means nothing), or when something else owns it.
    """
    hosted_clusters = cluster.list_objects(HOSTED_CLUSTERS, hosted.namespace)
    others = [each for each in hosted_clusters if each["metadata"]["name"] != hosted.name]
    marks = {REFERENCED + each["metadata"]["name"] for each in others}
    node_pools = cluster.list_objects(NODE_POOLS, hosted.namespace)
    others += [each for each in node_pools if each["spec"].get("clusterName") != hosted.name]
    names = {name for each in others for name in references(each["spec"])}

    def wanted(manifest: Manifest) -> bool:
        metadata = manifest["metadata"]
        owners = [each for each in metadata.get("ownerReferences") or () if each["name"] != hosted.name]
        return metadata["name"] in names or bool(marks & set(metadata.get("annotations") or {})) or bool(owners)

    return wanted


def without_foreign_marks(annotations: Mapping[str, str], hosted: HostedClusterRef) -> dict[str, str]:
    """Annotations without the operator's marks for other hosted clusters of the source: they did not come along."""
    own = REFERENCED + hosted.name
    return {name: value for name, value in annotations.items() if name == own or not name.startswith(REFERENCED)}
