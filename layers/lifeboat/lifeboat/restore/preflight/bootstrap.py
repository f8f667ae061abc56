"""What nodes were made of: when it differs after a restore, HyperShift takes every node for outdated and replaces it.

Names of bootstrap Secrets end in a hash of release, config, names of pull secret and trust bundle, and global config
(HyperShift's nodepool controller). All of it has to come along as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lifeboat.model import Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.references import references
from lifeboat.resources import (
    AWS_MACHINE_TEMPLATES,
    CONFIG_MAPS,
    HOSTED_CLUSTERS,
    MACHINE_DEPLOYMENTS,
    MACHINE_SETS,
    MACHINES,
    NODE_POOLS,
    Resource,
)
from lifeboat.restore.objects import same_content
from lifeboat.restore.preflight.look import Look

_OF_HOSTED_CLUSTER = ("release", "pullSecret", "additionalTrustBundle", "configuration", "imageContentSources")
_OF_NODE_POOL = ("release", "config", "tuningConfig", "platform", "arch")
_AGAIN = "nodes would be replaced: back it up again"


def problems(look: Look) -> Iterator[str]:
    """Every input is in the backup, and is still what the source has."""
    yield from _missing(look)
    yield from _made_of(look)
    if look.source is not None:
        yield from _changed(look, look.source)


def notes(look: Look) -> Iterator[str]:
    """References of the HostedCluster that lead nowhere, as they did at the source; and pools that change by load."""
    held = _held(look)
    for name in sorted(set(references(look.hosted_cluster["spec"])) - held):
        yield f"the HostedCluster refers to {name}, which was not there when it was backed up"
    for pool in look.destination.manifests(NODE_POOLS):
        if pool["spec"].get("autoScaling"):
            yield (
                f"NodePool {pool['metadata']['name']} scales by load: its autoscaler may add machines once the hosted "
                "API is back; set its bounds to the present count for the move if none may be added"
            )


def _held(look: Look) -> set[str]:
    """Names of all exported Secrets and ConfigMaps of the HostedCluster's namespace."""
    outer = look.destination.hosted.namespace
    maps = look.destination.manifests(CONFIG_MAPS)
    return {
        *(name for namespace, name in look.secrets if namespace == outer),
        *(each["metadata"]["name"] for each in maps if each["metadata"].get("namespace") == outer),
    }


def _missing(look: Look) -> Iterator[str]:
    held = _held(look)
    trusted = (look.hosted_cluster["spec"].get("additionalTrustBundle") or {}).get("name")
    if trusted and trusted not in held:
        yield f"the backup lacks ConfigMap {trusted}, the additional trust bundle: {_AGAIN} with it"
    for pool in look.destination.manifests(NODE_POOLS):
        for name in sorted(set(references(pool["spec"])) - held):
            yield f"the backup lacks {name}, which NodePool {pool['metadata']['name']} refers to: {_AGAIN} with it"


def _made_of(look: Look) -> Iterator[str]:
    """A Machine without its bootstrap Secret is made anew; one without its template cannot be told from an old one."""
    inner = look.destination.namespace
    templates = {each["metadata"]["name"] for each in look.destination.manifests(AWS_MACHINE_TEMPLATES)}
    for resource in (MACHINE_DEPLOYMENTS, MACHINE_SETS, MACHINES):
        for each in look.destination.manifests(resource):
            spec = each["spec"] if resource is MACHINES else (each["spec"].get("template") or {}).get("spec") or {}
            what = f"{resource.kind} {each['metadata']['name']}"
            secret = (spec.get("bootstrap") or {}).get("dataSecretName")
            if secret and (inner, secret) not in look.secrets:
                yield f"the backup lacks Secret {secret}, from which {what} was made: choose another backup"
            reference = spec.get("infrastructureRef") or {}
            if reference.get("kind") == AWS_MACHINE_TEMPLATES.kind and reference.get("name") not in templates:
                yield f"the backup lacks AWSMachineTemplate {reference.get('name')} of {what}: choose another backup"


def _changed(look: Look, source: ManagementCluster) -> Iterator[str]:
    """Since the backup: nodes that run by newer config would be taken back to the older."""
    hosted = look.destination.hosted
    live = source.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    if live is None or live["spec"].get("infraID") != look.destination.record.infra_id:
        return  # nothing to compare with: it was torn down, or is another one
    yield from _other(look.hosted_cluster, live, _OF_HOSTED_CLUSTER, HOSTED_CLUSTERS, source)
    pools = {
        each["metadata"]["name"]: each
        for each in source.list_objects(NODE_POOLS, hosted.namespace)
        if each["spec"].get("clusterName") == hosted.name
    }
    exported = {each["metadata"]["name"]: each for each in look.destination.manifests(NODE_POOLS)}
    for name in sorted(pools.keys() ^ exported.keys()):
        where = f"is new at {source.name}" if name in pools else f"is gone at {source.name}"
        yield f"NodePool {name} {where} since the backup: back it up again"
    for name in sorted(pools.keys() & exported.keys()):
        yield from _other(exported[name], pools[name], _OF_NODE_POOL, NODE_POOLS, source)
    named = {name for each in exported.values() for name in references(each["spec"])}
    for config_map in look.destination.manifests(CONFIG_MAPS):
        name = config_map["metadata"]["name"]
        if name in named and config_map["metadata"].get("namespace") == hosted.namespace:
            now = source.get(CONFIG_MAPS, hosted.namespace, name)
            if now is not None and not same_content(now, config_map):
                yield f"ConfigMap {name} at {source.name} has other content since the backup: {_AGAIN}"


def _other(
    exported: Manifest, live: Manifest, fields: tuple[str, ...], resource: Resource, source: ManagementCluster
) -> Iterator[str]:
    before: Mapping[str, Any] = exported["spec"]
    now: Mapping[str, Any] = live["spec"]
    if differing := [each for each in fields if before.get(each) != now.get(each)]:
        name = exported["metadata"]["name"]
        yield f"{resource.kind} {name} at {source.name} has another {', '.join(differing)} since the backup: {_AGAIN}"
