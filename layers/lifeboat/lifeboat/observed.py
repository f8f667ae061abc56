"""What is written down of a source beside the manifests: `evidence/observed.json`, to be read and never applied.

Controllers make these objects again at the destination; applied by hand, an AWSEndpointService would take the VPC
endpoint away from the source, a Route its names. What preflight measured stands in `source.json` and is not repeated.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from lifeboat import oidc
from lifeboat.inventory import Group, Inventory
from lifeboat.model import HostedClusterRef, Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import CONFIG_MAPS, HOSTED_CLUSTERS, SECRETS

NAME = "observed.json"
_SCHEMA = 1
_OPERATOR_NAMESPACE, _SUPPORTED_VERSIONS = "hypershift", "supported-versions"
_OIDC_FINALIZER = "hypershift.io/aws-oidc-discovery"


def observe(cluster: ManagementCluster, hosted: HostedClusterRef, inventory: Inventory) -> dict[str, Any]:
    """The document, of one kind of reading: it changes nothing and names no secret's content.

    - `lists`: the resourceVersion at which each LIST was read, and how many objects it had, belonging or not
    - `missing`, `dangling`, `leftOut`: see `Inventory`
    - `records`: whole objects with their status, by plural
    - `workloads`: replica counts and images by plural and name, as they are now
    - `oidc`, `secretEncryption`, `operator`: facts of the HostedCluster and of its operator's build
    """
    (hosted_cluster,) = inventory.of(HOSTED_CLUSTERS)
    return {
        "schema": _SCHEMA,
        "hostedClusterVersion": hosted_cluster["metadata"].get("resourceVersion"),
        "lists": [
            {
                "resource": str(resource),
                "namespace": namespace,
                "resourceVersion": listing.resource_version,
                "objects": len(listing.objects),
            }
            for (resource, namespace), listing in inventory.read.lists.items()
        ],
        "missing": list(inventory.missing),
        "dangling": list(inventory.dangling),
        "leftOut": list(inventory.left_out),
        "records": {group.resource.plural: [_whole(each) for each in group.objects] for group in inventory.records},
        "workloads": {group.resource.plural: _counts(group) for group in inventory.workloads},
        "oidc": _oidc(hosted, inventory, hosted_cluster),
        "secretEncryption": hosted_cluster["spec"].get("secretEncryption"),
        "operator": _operator(cluster),
    }


def _whole(manifest: Manifest) -> Manifest:
    metadata = {key: value for key, value in manifest["metadata"].items() if key != "managedFields"}
    return {**manifest, "metadata": metadata}


def _counts(group: Group) -> dict[str, Any]:
    return {
        each["metadata"]["name"]: {
            "replicas": each["spec"].get("replicas", 1),
            "images": {
                container["name"]: container.get("image", "")
                for container in each["spec"]["template"]["spec"]["containers"]
            },
        }
        for each in group.objects
    }


def _oidc(hosted: HostedClusterRef, inventory: Inventory, hosted_cluster: Manifest) -> dict[str, Any]:
    """What guest roles trust: the issuer, where its documents lie, and the id of the key that they must hold.

    `uploaded` is the operator's mark, `valid` its condition: both must hold at the destination too.
    """
    issuer = str(hosted_cluster["spec"].get("issuerURL") or "").rstrip("/")
    conditions = (hosted_cluster.get("status") or {}).get("conditions") or ()
    return {
        "issuer": issuer or None,
        "documents": list(oidc.document_urls(issuer)) if issuer else [],
        "uploaded": _OIDC_FINALIZER in (hosted_cluster["metadata"].get("finalizers") or ()),
        "valid": next((each["status"] for each in conditions if each["type"] == "ValidOIDCConfiguration"), None),
        "keyId": _key_id(hosted, inventory),
    }


def _key_id(hosted: HostedClusterRef, inventory: Inventory) -> str | None:
    for each in inventory.read.of(SECRETS, hosted.control_plane_namespace):
        if each["metadata"]["name"] == oidc.SIGNING_KEY:
            encoded = (each.get("data") or {}).get(oidc.PUBLIC_KEY, "")
            try:
                return oidc.key_id(base64.b64decode(encoded, validate=True))
            except (binascii.Error, ValueError):
                return None
    return None


def _operator(cluster: ManagementCluster) -> Mapping[str, str]:
    """The operator's build and the releases it supports, as it publishes them; its image stands in `source.json`."""
    found = cluster.get(CONFIG_MAPS, _OPERATOR_NAMESPACE, _SUPPORTED_VERSIONS)
    data: Mapping[str, str] = (found or {}).get("data") or {}
    return data
