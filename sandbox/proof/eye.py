"""Judges a move by what `kubectl` saw of both management clusters, before and after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.proof.kubectl import Key, Kubectl, Object, Seen, is_ready
from sandbox.proof.observation import BLUE, BLUE_PLANE, NAMESPACE, NEIGHBOUR
from sandbox.proof.rows import Row, row, some
from sandbox.running import Sandbox
from sandbox.shape import CHOICES, Shape

_NAMED_BY_HASH = {"ReplicaSet", "ControllerRevision"}
_TOKENS = {"kubernetes.io/service-account-token", "kubernetes.io/dockercfg"}
"""Secrets that each cluster issues to its service accounts, under names of its own."""
_PART_OF_IT = ("spec", "data", "type", "roleRef", "rules", "subjects")
_NODES = 3
_BESIDE = {Shape(namespace=each).neighbour_namespace for each in CHOICES["namespace"]}
_PLANES_BESIDE = {f"{each}-{NEIGHBOUR}" for each in _BESIDE}


@dataclass(frozen=True)
class Look:
    """Both management clusters at one time. `left` names what is still there under blue's name at the source."""

    source: Seen
    destination: Seen
    left: tuple[str, ...]


def look(sandbox: Sandbox) -> Look | None:
    """Ask kubectl; None where the plan has none (the emulated API)."""
    program = sandbox.plan.programs.get("kubectl")
    if program is None:
        return None
    source, destination = (Kubectl(program, sandbox.plan.management_cluster(name)) for name in ("mgmt-1", "mgmt-2"))
    left = [
        f"{kind} {name}"
        for kind, name, namespace in (("namespace", BLUE_PLANE, ""), ("hostedcluster", BLUE, NAMESPACE))
        if source.exists(kind, name, namespace)
    ]
    return Look(source.look(BLUE_PLANE), destination.look(BLUE_PLANE), tuple(left))


def rows_of(before: Look, after: Look) -> list[Row]:
    """The lines of the table that rest on kubectl alone."""
    was, there = moved(before.source), moved(after.destination)
    return [
        _server(before.source, after.destination),
        _names(was, there),
        _owners(was, there, after.destination),
        _finalizers(was, there),
        _deletions(after.destination),
        _pods(before.source, after.destination),
        _source(before, after),
        _etcd(before.source, after.destination),
        _neighbour(before.source, after.source),
    ]


def moved(seen: Seen) -> dict[Key, Object]:
    """What of blue should be on both sides under the same names: all but what a controller names by chance or hash."""
    found = {}
    for key, obj in seen.objects.items():
        kind, namespace, name = key
        if namespace == NAMESPACE:
            pool_of = obj["spec"].get("clusterName") if kind == "NodePool" else BLUE
            belongs = pool_of == BLUE and not name.startswith(NEIGHBOUR)
        else:
            belongs = namespace == BLUE_PLANE or (not namespace and kind.startswith("ClusterRole") and _is_named(name))
        by_chance = kind in _NAMED_BY_HASH or "generateName" in obj["metadata"] or obj.get("type") in _TOKENS
        if belongs and not by_chance:
            found[key] = obj
    return found


def _is_named(name: str) -> bool:
    return f"{name}-".startswith(f"{BLUE_PLANE}-") and not name.startswith(tuple(_PLANES_BESIDE))


def _server(before: Seen, after: Seen) -> Row:
    told = [f"{each.server}, {each.ready_nodes} nodes Ready" for each in (before, after)]
    return row("kubectl: API", told[0], told[1], before.ready_nodes == after.ready_nodes == _NODES)


def _names(was: Mapping[Key, Object], there: Mapping[Key, Object]) -> Row:
    problems = [f"{_told(key)} is missing" for key in sorted(was.keys() - there.keys())]
    problems += [f"{_told(key)} is new" for key in sorted(there.keys() - was.keys())]
    told = [f"{len(each)} of {len({kind for kind, _, _ in each})} kinds" for each in (was, there)]
    return row(
        "kubectl: names", told[0], f"{told[1]}, {len(problems)} differ", bool(was) and not problems, some(problems)
    )


def _owners(was: Mapping[Key, Object], there: Mapping[Key, Object], destination: Seen) -> Row:
    """Every owner lives, and what had owners has them again."""
    alive = {obj["metadata"]["uid"] for obj in destination.objects.values()}
    references = [
        (key, owner)
        for key, obj in destination.objects.items()
        if key[1] in {NAMESPACE, BLUE_PLANE}
        for owner in obj["metadata"].get("ownerReferences") or ()
    ]
    problems = [f"{_told(key)} → {owner['name']}" for key, owner in references if owner["uid"] not in alive]
    dangling = len(problems)
    problems += [
        f"{_told(key)} has other owners" for key in was if key in there and _by_owner(was[key]) != _by_owner(there[key])
    ]
    return row(
        "kubectl: owners",
        f"{sum(len(_by_owner(obj)) for obj in was.values())}",
        f"{sum(len(_by_owner(obj)) for obj in there.values())}, {dangling} dangling",
        bool(references) and not problems,
        some(problems),
    )


def _by_owner(obj: Object) -> set[tuple[str, str]]:
    return {(each["kind"], each["name"]) for each in obj["metadata"].get("ownerReferences") or ()}


def _finalizers(was: Mapping[Key, Object], there: Mapping[Key, Object]) -> Row:
    counts = [Counter(name for obj in each.values() for name in _finalizers_of(obj)) for each in (was, there)]
    problems = [
        f"{_told(key)}: {sorted(_finalizers_of(there[key]))}, was {sorted(_finalizers_of(was[key]))}"
        for key in was
        if key in there and _finalizers_of(was[key]) != _finalizers_of(there[key])
    ]
    told = [f"{each.total()} of {len(each)} names" for each in counts]
    return row(
        "kubectl: finalizers",
        told[0],
        f"{told[1]}, {len(problems)} differ",
        bool(counts[0]) and not problems,
        some(problems),
    )


def _finalizers_of(obj: Object) -> set[str]:
    return set(obj["metadata"].get("finalizers") or ())


def _deletions(destination: Seen) -> Row:
    going = [_told(key) for key, obj in destination.objects.items() if obj["metadata"].get("deletionTimestamp")]
    return row("kubectl: being deleted at mgmt-2", "", f"{len(going)}", not going, some(going))


def _pods(before: Seen, after: Seen) -> Row:
    pods = [[obj for key, obj in each.of(BLUE_PLANE).items() if key[0] == "Pod"] for each in (before, after)]
    waiting = [obj["metadata"]["name"] for obj in pods[1] if not is_ready(obj)]
    good = bool(pods[0]) and len(pods[0]) == len(pods[1]) and not waiting
    return row("kubectl: pods", f"{len(pods[0])}", f"{len(pods[1])}, {len(waiting)} not Ready", good, some(waiting))


def _source(before: Look, after: Look) -> Row:
    inside = [_told(key) for key in after.source.of(BLUE_PLANE)]
    left = [*after.left, *inside]
    return row(
        "kubectl: left at mgmt-1",
        f"{' and '.join(before.left)}",
        ", ".join(after.left) or "NotFound, both",
        len(before.left) == 2 and not left,
        some(left),
    )


def _etcd(before: Seen, after: Seen) -> Row:
    told = []
    for each in (before, after):
        facts = each.etcd
        ids = {f"{member.cluster_id:x}" for member in facts.members}
        told.append(
            f"{len(facts.members)} members {'of one cluster' if facts.is_one_cluster else 'NOT of one cluster'} "
            f"({', '.join(sorted(ids))}), {', '.join(sorted(facts.versions))}, revision {facts.revision}"
        )
    whole = after.etcd.is_one_cluster and len(after.etcd.members) == len(before.etcd.members) > 0
    good = whole and after.etcd.revision >= before.etcd.revision
    return row("kubectl: etcd by exec", told[0], told[1], good)


def _neighbour(before: Seen, after: Seen) -> Row:
    was, there = _of_neighbour(before), _of_neighbour(after)
    changed = [_told(key) for key in sorted({*was, *there}) if was.get(key) != there.get(key)]
    return row(
        "kubectl: neighbour",
        f"{len(was)} objects",
        f"{len(changed)} changed",
        bool(was) and not changed,
        some(changed),
    )


def _of_neighbour(seen: Seen) -> dict[Key, Object]:
    """Its objects without what lives: identity, content, owners, finalizers, deletion."""
    return {
        key: {
            **{part: obj.get(part) for part in _PART_OF_IT},
            **{
                part: obj["metadata"].get(part)
                for part in ("uid", "labels", "finalizers", "ownerReferences", "deletionTimestamp")
            },
        }
        for key, obj in seen.objects.items()
        if key[1] in _PLANES_BESIDE or (key[1] in _BESIDE and key[2].startswith(NEIGHBOUR))
    }


def _told(key: Key) -> str:
    kind, namespace, name = key
    return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
