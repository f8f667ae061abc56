"""The CustomResourceDefinitions of a management cluster, the same for both backends."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from sandbox.plan import ManagementClusterPlan, Plan

Object = dict[str, Any]
CLUSTER_API = "cluster.x-k8s.io"
OWN = Path(__file__).parent


def definitions(plan: Plan, cluster: ManagementClusterPlan) -> list[Object]:
    """What to install in `cluster`, sorted by name.

    `plan.crds` names a folder of published definitions; what is not in it comes from the sandbox's own. Cluster API is
    stored in `cluster.cluster_api`, the other version being served as HyperShift installs it: not at all beside
    v1beta1, through a webhook beside v1beta2. Needs `cluster.pki/ca.crt` for the latter.
    """
    found = {each["metadata"]["name"]: each for each in read(OWN)}
    if plan.crds:
        published = {each["metadata"]["name"]: each for each in read(Path(plan.crds))}
        if not published:
            msg = f"no CustomResourceDefinition in {plan.crds}"
            raise FileNotFoundError(msg)
        found |= published
    for definition in found.values():
        if definition["spec"]["group"] == CLUSTER_API:
            _choose(definition, cluster)
    return [found[name] for name in sorted(found)]


def read(folder: Path) -> list[Object]:
    """The definitions in the YAML files of a folder."""
    documents = (
        each for path in sorted(folder.glob("*.y*ml")) for each in yaml.load_all(path.read_bytes(), yaml.CSafeLoader)
    )
    return [each for each in documents if each and each.get("kind") == "CustomResourceDefinition"]


def _choose(definition: Object, cluster: ManagementClusterPlan) -> None:
    spec = definition["spec"]
    for version in spec["versions"]:
        version["storage"] = version["name"] == cluster.cluster_api
        version["served"] = version["storage"] or cluster.cluster_api == "v1beta2"
    if cluster.cluster_api == "v1beta2":
        authority = (cluster.pki / "ca.crt").read_bytes()
        spec["conversion"] = {
            "strategy": "Webhook",
            "webhook": {
                "clientConfig": {
                    "url": f"{cluster.webhook_url}/convert",
                    "caBundle": base64.b64encode(authority).decode(),
                },
                "conversionReviewVersions": ["v1"],
            },
        }
    else:
        spec.pop("conversion", None)
