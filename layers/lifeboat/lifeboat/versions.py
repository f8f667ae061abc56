"""In which version a management cluster stores Cluster API, and what follows from it.

An operator from 4.23 on stores v1beta2 and serves v1beta1 through a conversion webhook that it answers itself. So what
has to work while the operator is at 0 has to ask for the stored version, of objects that are all stored in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lifeboat.errors import PreflightError
from lifeboat.model import Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import (
    AWS_CLUSTERS,
    AWS_MACHINE_TEMPLATES,
    AWS_MACHINES,
    CLUSTERS,
    CUSTOM_RESOURCE_DEFINITIONS,
    MACHINE_DEPLOYMENTS,
    MACHINE_HEALTH_CHECKS,
    MACHINE_SETS,
    MACHINES,
)

TRAVELLING = (CLUSTERS, MACHINE_DEPLOYMENTS, MACHINE_SETS, MACHINES, AWS_CLUSTERS, AWS_MACHINE_TEMPLATES, AWS_MACHINES)
"""Kinds that are exported in the source's stored version and created in it at the destination."""

_DELETED = (*TRAVELLING, MACHINE_HEALTH_CHECKS)
_ORDER = ("v1alpha1", "v1alpha2", "v1alpha3", "v1alpha4", "v1beta1", "v1beta2", "v1")


def stored(definition: Manifest) -> str:
    """The version that a CustomResourceDefinition stores. PreflightError when it does not serve that one."""
    version: Mapping[str, Any] = next(each for each in definition["spec"]["versions"] if each.get("storage"))
    if not version.get("served", True):
        msg = f"{definition['metadata']['name']} stores {version['name']} and does not serve it: nothing can be read"
        raise PreflightError(msg)
    return str(version["name"])


def of(cluster: ManagementCluster) -> dict[str, str]:
    """Stored version by CustomResourceDefinition, of what travels. Raises PreflightError when one is missing."""
    return {each.crd: cluster.version_of(each) for each in TRAVELLING}


def not_taken(destination: ManagementCluster, exported: Mapping[str, str]) -> Iterator[str]:
    """Why a destination cannot take objects of these versions: an older stored one would lose fields on the way."""
    reasons: dict[str, list[str]] = {}
    for name, version in exported.items():
        definition = destination.get(CUSTOM_RESOURCE_DEFINITIONS, None, name)
        if definition is None:
            reason = "not installed: is HyperShift?"
        elif _rank(there := stored(definition)) < _rank(version):
            reason = f"stored as {there} there and as {version} at the source: upgrade HyperShift there first"
        elif version not in _served(definition):
            reason = f"not served as {version} there, in which the source stores it: upgrade HyperShift at the source"
        else:
            continue
        reasons.setdefault(reason, []).append(name)
    for reason, names in reasons.items():
        yield f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {reason}"


def needing_the_operator(cluster: ManagementCluster) -> list[str]:
    """Why Cluster API cannot be read and deleted there while the operator, and with it the webhook, is at 0.

    Objects that may be stored in another version are converted on every read. And the namespace controller asks for
    the version that discovery prefers, whichever is stored.
    """
    mixed: dict[str, list[str]] = {}
    unpreferred: dict[str, list[str]] = {}
    for resource in _DELETED:
        definition = cluster.get(CUSTOM_RESOURCE_DEFINITIONS, None, resource.crd)
        if definition is None or (definition["spec"].get("conversion") or {}).get("strategy") != "Webhook":
            continue
        version = stored(definition)
        others = [each for each in (definition.get("status") or {}).get("storedVersions") or () if each != version]
        preferred = max(_served(definition), key=_rank)
        if others:
            mixed.setdefault(" and ".join(others), []).append(resource.crd)
        elif preferred != version:
            unpreferred.setdefault(f"{version}, and {preferred}", []).append(resource.crd)
    return [
        *(
            f"{cluster.name} may still store {version} objects of {', '.join(names)}, which only the operator can "
            "convert: finish the migration of their storage (status.storedVersions)"
            for version, names in mixed.items()
        ),
        *(
            f"{cluster.name} stores {versions} is preferred, of {', '.join(names)}: without the operator their "
            "namespace would never go; migrate their storage"
            for versions, names in unpreferred.items()
        ),
    ]


def _served(definition: Manifest) -> list[str]:
    return [each["name"] for each in definition["spec"]["versions"] if each.get("served", True)]


def _rank(version: str) -> int:
    return _ORDER.index(version) if version in _ORDER else len(_ORDER)
