"""The HyperShift operator that will take the hosted cluster over."""

from __future__ import annotations

import json
from collections.abc import Iterator

from lifeboat import flags, versions
from lifeboat.model import Manifest
from lifeboat.resources import CONFIG_MAPS
from lifeboat.restore.destination import OPERATOR_NAMESPACE
from lifeboat.restore.preflight.look import OPERATOR, Look

SUPPORTED_VERSIONS = "supported-versions"
SCOPE = "hypershift.openshift.io/scope"
_SCOPING, _SCOPE = "ENABLE_HOSTEDCLUSTERS_ANNOTATION_SCOPING", "HOSTEDCLUSTERS_SCOPE_ANNOTATION"


def problems(look: Look) -> Iterator[str]:
    """It runs, looks after hosted clusters of this scope, knows the release, and stores no older versions."""
    if not flags.is_ready(look.operator):
        yield (
            f"the HyperShift operator (Deployment {OPERATOR_NAMESPACE}/operator) is not ready there: look why its pods "
            "do not start"
        )
    yield from _scope(look)
    yield from _release(look)
    yield from versions.not_taken(look.cluster, look.destination.state.crd_storage_versions)


def differences(look: Look) -> Iterator[str]:
    """Another build of the operator than the source's may make other bootstrap data of the same NodePool."""
    before = look.destination.state.operator_image
    there = flags.image(look.operator, OPERATOR)
    if before and there and there != before:
        yield (
            f"the HyperShift operator there is {there}, at the source it was {before}: it may take nodes for outdated; "
            "their NodePools stay paused then and the restore fails, so that no node is replaced"
        )


def _scope(look: Look) -> Iterator[str]:
    """An operator that is scoped passes over every hosted cluster with another scope, without a word."""
    if flags.variable(look.operator, _SCOPING) != "true":
        return
    wanted = flags.variable(look.operator, _SCOPE) or ""
    own = str((look.hosted_cluster["metadata"].get("annotations") or {}).get(SCOPE) or "")
    if own != wanted:
        yield (
            f"the HyperShift operator there looks after hosted clusters of scope {wanted!r} only, this one has "
            f"{own!r}: choose a management cluster of its scope, or set annotation {SCOPE} at the source"
        )


def _release(look: Look) -> Iterator[str]:
    """An operator refuses to reconcile a release that it does not list: the hosted cluster would never come up."""
    name = f"ConfigMap {OPERATOR_NAMESPACE}/{SUPPORTED_VERSIONS}"
    found = look.cluster.get(CONFIG_MAPS, OPERATOR_NAMESPACE, SUPPORTED_VERSIONS)
    if found is None:
        yield f"{name} does not exist: is the operator running?"
        return
    supported = _supported_versions(found)
    state = look.destination.state
    if supported is None:
        yield f"{name} lists no versions that can be read: is the operator of HyperShift healthy?"
    elif not state.release_version:
        yield (
            f"the source's HostedCluster did not tell the version of its release {state.release_image}, so "
            f"it cannot be compared with {name}: back it up again once its status shows the version"
        )
    elif ".".join(state.release_version.split(".")[:2]) not in supported:
        yield (
            f"the HyperShift operator there does not support release {state.release_version} (it supports "
            f"{', '.join(supported) or 'none'}): install one there that does"
        )


def _supported_versions(config_map: Manifest) -> list[str] | None:
    """Minor versions such as `4.17`, as the operator writes them: `{"versions": […]}` below its own name."""
    try:
        listed = json.loads((config_map.get("data") or {})[SUPPORTED_VERSIONS])["versions"]
        return [str(each) for each in listed]
    except (KeyError, TypeError, ValueError):
        return None
