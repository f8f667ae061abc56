"""Owner references at the destination: the same owners, by the UIDs that live there.

A reference to an unknown UID makes the garbage collector delete the dependent at once, and CAPA terminate the
instance behind it. So only an owner that is there now is ever referred to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lifeboat.model import Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import BY_KIND, Resource
from lifeboat.restore.order import ALL

Key = tuple[str, str | None, str]
"""Plural, namespace, name."""

_RESTORED = frozenset(resource.kind for resource in ALL)


@dataclass
class Links:
    """Who owned whom at the source, and the live owners at the destination.

    Each kind's owners are listed once per task; `forget` after a task has created more of them.
    """

    cluster: ManagementCluster
    owners_of: Mapping[Key, list[Mapping[str, Any]]]
    identity_of: Mapping[str, Key]
    _live: dict[tuple[str, str | None], dict[str, str]] = field(default_factory=dict)

    @classmethod
    def read(cls, cluster: ManagementCluster, ownership: Any) -> Links:
        """From `evidence/ownership.json`: entries of plural, namespace, name, uid and owners."""
        entries = ownership["objects"] if isinstance(ownership, Mapping) else ownership
        keys = [(each["plural"], each.get("namespace"), each["name"]) for each in entries]
        return cls(
            cluster,
            {key: list(each.get("owners") or ()) for key, each in zip(keys, entries, strict=True)},
            {each["uid"]: key for key, each in zip(keys, entries, strict=True) if each.get("uid")},
        )

    def references(self, resource: Resource, manifest: Manifest) -> tuple[list[dict[str, Any]], list[str]]:
        """The references to set now, and (kind/name) the owners that are not restored and never will be.

        An owner that comes later is in neither list: `relink` patches it in.
        """
        namespace = manifest["metadata"].get("namespace")
        references, dropped = [], []
        for owner in self.owners_of.get((resource.plural, namespace, manifest["metadata"]["name"]), ()):
            kind = BY_KIND.get(owner["kind"])
            if kind is None or kind.kind not in _RESTORED or self._is_elsewhere(owner, kind, namespace):
                dropped.append(f"{owner['kind']}/{owner['name']}")
            elif uid := self._uids(kind, namespace).get(owner["name"]):
                version = self.cluster.version_of(kind)
                flags = {flag: owner[flag] for flag in ("controller", "blockOwnerDeletion") if owner.get(flag)}
                references.append(
                    {
                        "apiVersion": kind.api_version(version),
                        "kind": kind.kind,
                        "name": owner["name"],
                        "uid": uid,
                        **flags,
                    }
                )
        return references, dropped

    def _is_elsewhere(self, owner: Mapping[str, Any], kind: Resource, namespace: str | None) -> bool:
        """Whether the owner's UID was that of an object in another namespace (never valid, but seen)."""
        identity = self.identity_of.get(owner.get("uid", ""))
        return identity is not None and identity[:2] != (kind.plural, namespace)

    def _uids(self, kind: Resource, namespace: str | None) -> dict[str, str]:
        key = (kind.plural, namespace)
        if key not in self._live:
            self._live[key] = {
                each["metadata"]["name"]: each["metadata"]["uid"]
                for each in self.cluster.list_objects(kind, namespace)
                if not each["metadata"].get("deletionTimestamp")
            }
        return self._live[key]

    def forget(self) -> None:
        """Look again who lives."""
        self._live.clear()


def relink(links: Links, resources: Iterable[Resource], namespace: str) -> dict[str, Any]:
    """Second pass: set on every restored object the references that can be set now; returns counts and what was left.

    Patches carry the resourceVersion they rest on: a controller that adopted an object meanwhile wins.
    """
    links.forget()
    patched, left = 0, set()
    for resource in resources:
        for live in links.cluster.list_objects(resource, namespace):
            wanted, dropped = links.references(resource, live)
            left.update(dropped)
            metadata = live["metadata"]
            present = metadata.get("ownerReferences") or []
            missing = [each for each in wanted if each["uid"] not in {one["uid"] for one in present}]
            if missing:
                body = {
                    "metadata": {
                        "uid": metadata["uid"],
                        "resourceVersion": metadata["resourceVersion"],
                        "ownerReferences": [*present, *missing],
                    }
                }
                links.cluster.patch(resource, namespace, metadata["name"], body)
                patched += 1
    return {"relinked": patched, "ownersNotRestored": sorted(left)}
