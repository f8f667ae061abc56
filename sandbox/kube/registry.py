"""What a request does to an object: create, update and delete, with the rules every kind obeys.

The order follows the server's generic registry (k8s.io/apiserver pkg/registry): what the server owns, defaults,
admission, validation, then the store. With `dry_run` everything happens but the last step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.kube import admission, checks, defaults, deletion, errors, fields, metadata, ownership, rules, schema
from sandbox.kube.kinds import Kind, Kinds
from sandbox.kube.store import Object, Store, Stored

if TYPE_CHECKING:
    from sandbox.kube.access import User


@dataclass(frozen=True)
class WriteOptions:
    """Of a create, update or patch."""

    dry_run: bool = False
    manager: str = "unknown"
    user: User | None = None


class Registry:
    """Objects of one cluster, as requests see them."""

    def __init__(self, store: Store, kinds: Kinds) -> None:
        self.store, self.kinds = store, kinds

    def get(self, kind: Kind, namespace: str, name: str) -> Stored:
        """The stored object, or NotFound."""
        stored = self.store.get(kind.resource, namespace, name)
        if stored is None:
            raise errors.not_found(kind, name)
        return stored

    def create(
        self,
        kind: Kind,
        namespace: str,
        obj: Object,
        options: WriteOptions,
    ) -> Stored:
        """Store a new object of a kind in its stored version. `obj` is the caller's and is changed."""
        self.prepare_new(kind, namespace, obj, options)
        return self.add(kind, obj, options)

    def prepare_new(
        self,
        kind: Kind,
        namespace: str,
        obj: Object,
        options: WriteOptions,
        *,
        applied: set[fields.Path] | None = None,
    ) -> None:
        """Make a request's object a complete and valid one, in place; `applied` are its fields when it was an apply."""
        checks.types(kind, obj)
        meta = obj.setdefault("metadata", {}) or {}
        obj["metadata"] = meta
        checks.namespace(self.store, kind, namespace, meta)
        if not meta.get("name"):
            if not meta.get("generateName"):
                text = "name or generateName is required"
                raise errors.invalid(kind, "", [errors.FieldError.required("metadata.name", text)])
            meta["name"] = metadata.generate_name(meta["generateName"])
        metadata.initialise(kind, obj, namespace)
        if kind.status:
            defaults.initial_status(kind, obj)
        self._fill(kind, obj)
        admission.on_create(self, kind, namespace, obj)
        self._validate(kind, obj, None)
        if self.store.get(kind.resource, namespace, meta["name"]) is not None:
            raise errors.already_exists(kind, meta["name"])
        obj["apiVersion"], obj["kind"] = kind.api_version, kind.kind
        if applied is None:
            ownership.track_update(kind, {}, obj, options.manager, "")
        else:
            entry = ownership.Entry(options.manager, ownership.APPLY, kind.api_version, "", applied, "")
            ownership.write(obj, [entry])

    def add(self, kind: Kind, obj: Object, options: WriteOptions) -> Stored:
        """Store what `prepare_new` has made, in the stored version."""
        meta = obj["metadata"]
        if self.store.get(kind.resource, meta.get("namespace", ""), meta["name"]) is not None:
            raise errors.already_exists(kind, meta["name"])
        obj["apiVersion"] = kind.stored_api_version
        if options.dry_run:
            return Stored(obj, 0)
        return self.store.put(kind.resource, obj)

    def update(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Callable[[Object], Object],
        options: WriteOptions,
        subresource: str = "",
    ) -> Stored:
        """Replace an object of a kind in its stored version by what `change` makes of a copy of it."""
        current = self.get(kind, namespace, name)
        old, new = current.copy(kind), change(current.copy(kind))
        return self.replace(kind, current, self.prepare_update(kind, name, old, new, options, subresource), options)

    def prepare_update(
        self,
        kind: Kind,
        name: str,
        old: Object,
        new: Object,
        options: WriteOptions,
        subresource: str = "",
        *,
        track: bool = True,
    ) -> Object:
        """The whole of a changed object, valid, in the version of `old` and `new`. Both may be changed by this.

        With the subresource `status` nothing but the status changes, without it everything but the status (where the
        kind has that subresource). Raises Conflict when the result carries another resourceVersion or uid than the
        stored object.
        """
        checks.types(kind, new)
        if not isinstance(new.get("metadata"), dict):
            raise errors.invalid(kind, name, [errors.FieldError.required("metadata")])
        checks.preconditions(kind, name, old, new)
        if subresource in ("status", "scale", "finalize", "binding"):
            managed = new["metadata"].get("managedFields")
            new = _only(subresource, old, new)
            new["metadata"] = {**old["metadata"], "managedFields": managed}
        elif kind.status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        if kind.resource == "namespaces" and subresource != "finalize":
            new["spec"] = old["spec"]  # its finalizers are all there is in it
        metadata.carry_over(old, new)
        if kind.generation and _desired(kind, new) != _desired(kind, old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1
        self._fill(kind, new)
        admission.on_update(kind, new)
        self._validate(kind, new, old, bound=subresource == "binding")
        if track:
            ownership.track_update(kind, old, new, options.manager, subresource)
        new["metadata"]["resourceVersion"] = old["metadata"]["resourceVersion"]
        return new

    def replace(self, kind: Kind, current: Stored, new: Object, options: WriteOptions) -> Stored:
        """Store what `prepare_update` has made, in the stored version, in place of `current`."""
        new["apiVersion"] = kind.stored_api_version
        if options.dry_run:
            return Stored(new, current.revision)
        if deletion.is_released(kind, new):
            return self.store.remove(kind.resource, current.key, new)
        if _without_times(new) == _without_times(current.object):
            return current  # nothing changed: no new revision, no event
        return self.store.put(kind.resource, new)

    def delete(self, kind: Kind, namespace: str, name: str, options: deletion.DeleteOptions) -> tuple[Stored, bool]:
        """Delete, or mark for deletion what finalizers or a pod's grace still hold. True when it is gone."""
        current = self.get(kind, namespace, name)
        meta = current.object["metadata"]
        if options.uid and options.uid != meta["uid"]:
            why = (
                f"the UID in the precondition ({options.uid}) does not match the UID in record ({meta['uid']}). "
                "The object might have been deleted and then recreated"
            )
            raise errors.unmet(kind, name, why)
        if options.resource_version and options.resource_version != meta["resourceVersion"]:
            why = (
                f"the ResourceVersion in the precondition ({options.resource_version}) does not match the "
                f"ResourceVersion in record ({meta['resourceVersion']}). The object might have been modified"
            )
            raise errors.unmet(kind, name, why)
        if kind.resource == "namespaces" and name in ("default", "kube-system", "kube-public"):
            raise errors.forbidden(kind, name, "this namespace may not be deleted")
        new: Object = copy.deepcopy(current.object)
        propagation = options.propagation
        if propagation is None and kind.resource == "jobs.batch":
            propagation = "Orphan"  # batch/v1 keeps a job's pods unless told otherwise
        grace = deletion.grace_seconds(kind, current.object, options)
        finalizers = deletion.finalizers_for(new["metadata"].get("finalizers") or [], propagation)
        if finalizers:
            new["metadata"]["finalizers"] = finalizers
        else:
            new["metadata"].pop("finalizers", None)
        held = bool(finalizers) or grace > 0 or (kind.resource == "namespaces" and new["spec"].get("finalizers"))
        deletion.mark(new, grace)
        if kind.resource == "namespaces":
            new.setdefault("status", {})["phase"] = "Terminating"
        if options.dry_run:
            return Stored(new, current.revision), not held
        if not held:
            return self.store.remove(kind.resource, current.key, new), True
        if new == current.object:
            return current, False
        return self.store.put(kind.resource, new), False

    def scale_of(self, kind: Kind, stored: Stored) -> Object:
        """The `autoscaling/v1` Scale of an object."""
        obj = stored.object
        selector = (obj.get("status") or {}).get("selector")
        if not kind.custom:
            wanted = ((obj["spec"].get("selector") or {}).get("matchLabels") or {}).items()
            selector = ",".join(f"{key}={value}" for key, value in sorted(wanted))
        meta = {key: obj["metadata"].get(key) for key in ("name", "namespace", "uid", "resourceVersion",
                                                          "creationTimestamp")}  # fmt: skip
        status: Object = {"replicas": (obj.get("status") or {}).get("replicas", 0)}
        if selector:
            status["selector"] = selector
        replicas = obj["spec"].get("replicas", 0)
        spec = {"replicas": replicas} if replicas else {}
        return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": meta, "spec": spec, "status": status}

    def _fill(self, kind: Kind, obj: Object) -> None:
        if kind.schema:
            schema.fill_defaults(kind.schema, obj)
        defaults.fill(kind, obj)

    def _validate(self, kind: Kind, new: Object, old: Object | None, *, bound: bool = False) -> None:
        problems = list(metadata.problems(kind, new, old))
        if not bound:  # binding sets nodeName, which no other update may
            problems += rules.problems(kind, new, old)
        if problems:
            raise errors.invalid(kind, new["metadata"]["name"], problems)


def _only(subresource: str, old: Object, new: Object) -> Object:
    """`old` with the part that one subresource may change taken from `new`."""
    result = dict(old)
    if subresource == "status":
        if "status" in new:
            result["status"] = new["status"]
        else:
            result.pop("status", None)
    elif subresource == "scale":
        result["spec"] = {**old["spec"], "replicas": new["spec"]["replicas"]}
    elif subresource == "finalize":
        result["spec"] = {**old["spec"], "finalizers": (new.get("spec") or {}).get("finalizers") or []}
    else:
        result["spec"], result["status"] = new["spec"], new["status"]
    return result


def _desired(kind: Kind, obj: Object) -> Object:
    without = ("metadata", "status") if kind.status else ("metadata",)
    return {key: value for key, value in obj.items() if key not in without}


def _without_times(obj: Object) -> Object:
    """For comparison: managedFields change their time although nothing else changed."""
    return {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "managedFields"}} | {
        "managers": [{**each, "time": ""} for each in obj["metadata"].get("managedFields") or []]
    }
