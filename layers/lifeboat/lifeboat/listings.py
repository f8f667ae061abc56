"""Many LISTs at once, and whether what they tell fits together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from lifeboat.model import Manifest
from lifeboat.ports import Listing, ManagementCluster
from lifeboat.resources import AWS_CLUSTERS, AWS_MACHINE_TEMPLATES, AWS_MACHINES, BY_KIND, SECRETS, Resource

_AT_ONCE = 8
"""An API server takes hundreds; two processors are busy with reading the answers of a few."""

_REFERRED = {AWS_CLUSTERS.kind, AWS_MACHINES.kind, AWS_MACHINE_TEMPLATES.kind}
"""What `infrastructureRef` may name."""


@dataclass(frozen=True)
class Query:
    """One LIST; `labels` is a selector."""

    resource: Resource
    namespace: str | None
    labels: str | None = None


@dataclass(frozen=True)
class Listings:
    """What was read: one object by its name, and LISTs by resource and namespace."""

    single: Manifest | None
    lists: Mapping[tuple[Resource, str | None], Listing]

    def of(self, resource: Resource, namespace: str | None) -> list[Manifest]:
        """Objects of a LIST that was asked for; KeyError when it was not."""
        return self.lists[resource, namespace].objects


def read(cluster: ManagementCluster, single: tuple[Resource, str | None, str], queries: Sequence[Query]) -> Listings:
    """Ask for one object and all LISTs, several at once. Raises what the first failed request raised."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = pool.submit(cluster.get, *single)
        lists = pool.map(lambda each: cluster.listing(each.resource, each.namespace, labels=each.labels), queries)
        keys = [(each.resource, each.namespace) for each in queries]
        return Listings(found.result(), dict(zip(keys, lists, strict=True)))


def dangling(read: Listings, objects: Sequence[Manifest]) -> Iterator[str]:
    """Owners and Cluster API references of these objects that none of the LISTs holds, in words.

    A controller that makes or removes objects between two LISTs leaves such gaps. An owner of a kind that was not read
    is nobody's gap.
    """
    uids = {each["metadata"]["uid"] for listing in read.lists.values() for each in listing.objects}
    if read.single:
        uids.add(read.single["metadata"]["uid"])
    names = {key: {each["metadata"]["name"] for each in listing.objects} for key, listing in read.lists.items()}
    for each in objects:
        what = f"{each['kind']} {each['metadata']['name']}"
        namespace = each["metadata"].get("namespace")
        for owner in each["metadata"].get("ownerReferences") or ():
            kind = _kind_of(owner)
            if kind and (kind, namespace) in read.lists and owner["uid"] not in uids:
                yield f"{what}: its owner {owner['kind']} {owner['name']} is not there"
        for resource, name in _needed(each):
            if name not in names.get((resource, namespace), {name}):
                yield f"{what}: its {resource.kind} {name} is not there"


def _kind_of(owner: Mapping[str, Any]) -> Resource | None:
    """Of the table, None for kinds of the same name in other groups."""
    kind = BY_KIND.get(owner["kind"])
    return kind if kind and str(owner.get("apiVersion", "")).rpartition("/")[0] == kind.group else None


def _needed(manifest: Manifest) -> Iterator[tuple[Resource, str]]:
    """What an object of Cluster API cannot be without: its infrastructure and its bootstrap data."""
    if not str(manifest.get("apiVersion", "")).startswith("cluster.x-k8s.io/"):
        return
    spec = manifest["spec"]
    spec = (spec.get("template") or {}).get("spec") or spec
    reference = spec.get("infrastructureRef") or {}
    if reference.get("kind") in _REFERRED and reference.get("name"):
        yield BY_KIND[reference["kind"]], reference["name"]
    if name := (spec.get("bootstrap") or {}).get("dataSecretName"):
        yield SECRETS, name
