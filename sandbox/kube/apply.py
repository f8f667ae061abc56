"""Server-side apply: a manager says all it wants of an object, and owns what it says.

A field that another manager owns with another value is a conflict, unless forced; a field that the manager applied
before and no longer does is removed, unless somebody else owns it too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.kube import errors, fields, ownership
from sandbox.kube.paths import flag
from sandbox.kube.registry import WriteOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.kube.access import User
    from sandbox.kube.kinds import Kind
    from sandbox.kube.paths import Target
    from sandbox.kube.store import Object, Stored
    from sandbox.kube.writing import Writing


async def apply(
    writing: Writing, target: Target, patch: Any, query: Mapping[str, str], user: User
) -> tuple[Stored, bool]:
    """Apply `patch`; True when that made a new object.

    Raises Conflict, Invalid (no manager, wrong fields), BadRequest (not an object of this kind).
    """
    kind, manager = target.kind, query.get("fieldManager", "")
    _check(kind, target.name, patch, manager)
    metadata = patch["metadata"]
    metadata.setdefault("name", target.name)
    if kind.namespaced:
        metadata.setdefault("namespace", target.namespace)
    options = WriteOptions(dry_run="dryRun" in query, manager=manager, user=user)
    if writing.registry.store.get(kind.resource, target.namespace, target.name) is None and not target.subresource:
        if metadata.get("uid"):
            why = f"uid mismatch: the provided object specified uid {metadata['uid']}, and no existing object was found"
            raise errors.conflict(kind, target.name, why)
        metadata.pop("resourceVersion", None)
        wanted = set(fields.leaves(kind, patch))
        return await writing.create(kind, target.namespace, patch, options, applied=wanted), True
    force = flag(query, "force")

    def change(live: Object) -> Object:
        return _merged(kind, live, patch, manager, target.subresource, force=force)

    arguments = kind, target.namespace, target.name, change, options, target.subresource
    return await writing.update(*arguments, track=False), False


def _merged(kind: Kind, live: Object, patch: Object, manager: str, subresource: str, *, force: bool) -> Object:
    """`live` after the apply, its managedFields included."""
    wanted = fields.leaves(kind, patch, subresource)
    values = fields.leaves(kind, live, subresource)
    entries = ownership.entries_of(live)
    mine = next((each for each in entries if each.is_by(manager, ownership.APPLY, subresource)), None)
    others = [each for each in entries if each is not mine]
    conflicts = [
        (entry, path)
        for entry in others
        for path in sorted(entry.paths & wanted.keys())
        if path not in values or values[path] != wanted[path]
    ]
    if conflicts and not force:
        raise _conflict(conflicts)
    for entry, path in conflicts:
        entry.paths.discard(path)
    shape = fields.Shape.of(kind)
    merged: Object = fields.merge(live, patch, shape)
    previous = mine.paths if mine else set()
    owned: set[fields.Path] = set().union(*(each.paths for each in others))
    still_owned = owned | wanted.keys()
    abandoned = previous - still_owned
    for path in sorted(abandoned, key=lambda each: (each[-1] != fields.ITSELF, len(each))):
        # An item of a list goes with its last owner, whatever unowned defaults are in it, and before its keys do.
        inside = path[:-1] if path[-1] == fields.ITSELF else path
        if not any(each[: len(inside)] == inside for each in still_owned) and not fields.is_key(path):
            fields.remove(merged, path, shape)
    if mine is None:
        mine = ownership.Entry(manager, ownership.APPLY, kind.api_version, subresource, set(), "")
        entries.append(mine)
    if mine.paths != wanted.keys():
        mine.time = ""
    mine.paths, mine.api_version = set(wanted), kind.api_version
    ownership.write(merged, entries)
    return merged


def _conflict(conflicts: list[tuple[ownership.Entry, fields.Path]]) -> errors.ApiError:
    listed: dict[str, list[str]] = {}
    causes = []
    for entry, path in conflicts:
        using = f" with subresource {entry.subresource!r}".replace("'", '"') if entry.subresource else ""
        version = f" using {entry.api_version}" if entry.operation == ownership.UPDATE else ""
        who = f'"{entry.manager}"{using}{version}'
        listed.setdefault(who, []).append(fields.shown(path))
        causes.append(
            {"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": fields.shown(path)}
        )
    count = f"{len(conflicts)} conflict{'s' if len(conflicts) > 1 else ''}"
    texts = [
        f"conflict{'s' if len(paths) > 1 or len(listed) > 1 else ''} with {who}: {', '.join(paths)}"
        for who, paths in listed.items()
    ]
    return errors.ApiError(409, "Conflict", f"Apply failed with {count}: " + "; ".join(texts), {"causes": causes})


def _check(kind: Kind, name: str, patch: Any, manager: str) -> None:
    if not manager:
        text = 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
        raise errors.ApiError(422, "Invalid", text)
    if not isinstance(patch, dict) or not patch.get("apiVersion") or not patch.get("kind"):
        raise errors.bad_request("error decoding patch: an applied object needs apiVersion and kind")
    if not isinstance(patch.get("metadata", {}), dict):
        raise errors.bad_request("error decoding patch: metadata is not an object")
    if patch.setdefault("metadata", {}).get("managedFields"):
        raise errors.bad_request("metadata.managedFields must be nil")
    if patch["metadata"].get("name", name) != name:
        text = f"the name of the object ({patch['metadata']['name']}) does not match the name on the URL ({name})"
        raise errors.bad_request(text)
    if (patch["apiVersion"], patch["kind"]) != (kind.api_version, kind.kind):
        text = f"{patch['apiVersion']} {patch['kind']} cannot be applied to {kind.api_version} {kind.kind}"
        raise errors.bad_request(text)
