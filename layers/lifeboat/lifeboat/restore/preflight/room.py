"""Room for the control plane: storage, zones, processors and memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from lifeboat import quantities
from lifeboat.model import Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import DEPLOYMENTS, STATEFUL_SETS, STORAGE_CLASSES
from lifeboat.restore.preflight.look import Look
from lifeboat.restore.preflight.nodes import MEASURED, Room, fitting, requests, rooms_of, zones_of

_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_TIMES = 2
"""A volume holds the snapshot and the database that is made of it at once."""


def problems(look: Look) -> Iterator[str]:
    """A storage class, volumes that are large enough, a zone for each member of etcd, and nodes with room."""
    yield from _storage(look)
    yield from _volumes(look)
    fit = fitting(look)
    zones, members = zones_of(fit), look.destination.record.snapshot.members
    if len(zones) < members:
        yield (
            f"{members} members of etcd need Ready nodes in {members} zones, there are {len(zones)} that fit the "
            f"nodeSelector and tolerations ({', '.join(zones) or 'none'}): add nodes"
        )
    if look.source is not None and not look.ours:
        yield from _capacity(look.source, look, rooms_of(look.cluster, fit))


def _storage(look: Look) -> Iterator[str]:
    wanted = look.destination.state.etcd.get("storageClass")
    if wanted:
        if look.cluster.get(STORAGE_CLASSES, None, wanted) is None:
            yield f"StorageClass {wanted} does not exist there, and etcd's volumes are of it: create one of that name"
        return
    classes = look.cluster.list_objects(STORAGE_CLASSES)
    if not any((each["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true" for each in classes):
        yield "there is no default StorageClass there, and etcd's volumes name none: mark one as the default"


def _volumes(look: Look) -> Iterator[str]:
    """A restore that runs out of room part of the way is found out late: after the source was stopped."""
    snapshot, told = look.destination.record.snapshot, look.destination.state.etcd.get("size")
    size = quantities.parse(told)
    if size is None:
        yield f"the backup tells no size of etcd's volumes that can be read ({told}): back it up again"
    elif size < _TIMES * snapshot.part.size:
        yield (
            f"etcd's volumes have {told}, and a restore needs {_TIMES} times the snapshot's "
            f"{quantities.readable(Decimal(snapshot.part.size))}: compact and defragment etcd at the source, then back "
            "it up again"
        )


def _capacity(source: ManagementCluster, look: Look, rooms: Sequence[Room]) -> Iterator[str]:
    """By what the pods at the source ask for, at the counts that they had there.

    Only where all nodes tell what they have: an estimate that misses a node would refuse a destination that fits.
    """
    known = [each.free for each in rooms if each.free is not None]
    if not rooms or len(known) < len(rooms):
        return
    wanted = dict.fromkeys(MEASURED, Decimal())
    for workload, count in _workloads(source, look):
        asked = requests(workload["spec"]["template"]["spec"])
        for kind in MEASURED:
            wanted[kind] += count * asked[kind]
        if count and not any(all(free[kind] >= asked[kind] for kind in MEASURED) for free in known):
            yield (
                f"no node there has room for a pod of {workload['metadata']['name']} ({_told(asked['cpu'], 'cpu')}, "
                f"{_told(asked['memory'], 'memory')}): add larger nodes, or free some"
            )
    for kind in MEASURED:
        free = sum((max(each[kind], Decimal()) for each in known), Decimal())
        if free < wanted[kind]:
            yield (
                f"the control plane asks for {_told(wanted[kind], kind)}, the nodes that it may use there have "
                f"{_told(free, kind)} left: add nodes"
            )


def _workloads(source: ManagementCluster, look: Look) -> Iterator[tuple[Manifest, int]]:
    """Deployments and StatefulSets of the control plane with their counts; those that were stopped as recorded."""
    recorded = look.destination.state.replicas
    for resource in (DEPLOYMENTS, STATEFUL_SETS):
        for each in source.list_objects(resource, look.destination.namespace):
            count = each["spec"].get("replicas")
            yield each, recorded.get(each["metadata"]["name"], 1 if count is None else int(count))


def _told(amount: Decimal, kind: str) -> str:
    return f"{float(amount):.1f} cores" if kind == "cpu" else quantities.readable(amount)
