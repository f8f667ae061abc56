"""Webhooks of the destination's API that stand before what a restore creates, and who answers them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lifeboat.model import Manifest
from lifeboat.resources import (
    CONFIG_MAPS,
    CUSTOM_RESOURCE_DEFINITIONS,
    HOSTED_CLUSTERS,
    HOSTED_CONTROL_PLANES,
    MUTATING_WEBHOOKS,
    NAMESPACES,
    NODE_POOLS,
    PERSISTENT_VOLUME_CLAIMS,
    PODS,
    SECRETS,
    SERVICES,
    VALIDATING_WEBHOOKS,
    Resource,
)
from lifeboat.restore.preflight.look import Look
from lifeboat.versions import TRAVELLING

_OWN = (HOSTED_CLUSTERS, NODE_POOLS, HOSTED_CONTROL_PLANES, *TRAVELLING)
_COMMON = (NAMESPACES, SECRETS, CONFIG_MAPS, PERSISTENT_VOLUME_CLAIMS, PODS)


def problems(look: Look) -> Iterator[str]:
    """A webhook whose failure refuses, and behind which nobody stands, refuses every create."""
    for resource in (VALIDATING_WEBHOOKS, MUTATING_WEBHOOKS):
        for configuration in look.cluster.list_objects(resource):
            for webhook in configuration.get("webhooks") or ():
                if webhook.get("failurePolicy", "Fail") == "Fail" and _stands_before(webhook):
                    told = f"{resource.kind} {configuration['metadata']['name']} ({webhook['name']})"
                    yield from _backend(look, webhook.get("clientConfig") or {}, told)
    for kind in _OWN:
        definition = look.cluster.get(CUSTOM_RESOURCE_DEFINITIONS, None, kind.crd)
        conversion = ((definition or {}).get("spec") or {}).get("conversion") or {}
        if conversion.get("strategy") == "Webhook":
            client = (conversion.get("webhook") or {}).get("clientConfig") or {}
            yield from _backend(look, client, f"the conversion of {kind.crd}")


def _stands_before(webhook: Mapping[str, Any]) -> bool:
    """Whether it is asked about what we create. One with a selector may let common kinds of our namespaces pass."""
    selects = bool(webhook.get("namespaceSelector") or webhook.get("objectSelector"))
    kinds = _OWN if selects else (*_OWN, *_COMMON)
    return any(_matches(rule, kind) for rule in webhook.get("rules") or () for kind in kinds)


def _matches(rule: Mapping[str, Any], kind: Resource) -> bool:
    return (
        bool({"*", kind.group} & set(rule.get("apiGroups") or ()))
        and bool({"*", kind.plural} & set(rule.get("resources") or ()))
        and bool({"*", "CREATE"} & set(rule.get("operations") or ()))
    )


def _backend(look: Look, client: Mapping[str, Any], told: str) -> Iterator[str]:
    """By Service only: what stands behind a URL is not told by the cluster."""
    reference = client.get("service")
    if not reference:
        return
    namespace, name = str(reference["namespace"]), str(reference["name"])
    service = look.cluster.get(SERVICES, namespace, name)
    if service is None:
        yield f"{told} asks Service {namespace}/{name}, which is not there: install it again, or delete what asks it"
        return
    selector = service["spec"].get("selector") or {}
    pods = [
        each
        for each in look.cluster.list_objects(PODS, namespace)
        if selector.items() <= (each["metadata"].get("labels") or {}).items() and _is_ready(each)
    ]
    if selector and not pods:
        yield f"{told} asks Service {namespace}/{name}, which has no ready pod: look why, every create would be refused"


def _is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
