"""Who owns which field (`metadata.managedFields`): kept on every write, consulted by server-side apply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.kube import fields
from sandbox.kube.metadata import now

if TYPE_CHECKING:
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Object

UPDATE, APPLY = "Update", "Apply"


@dataclass
class Entry:
    """One manager's fields."""

    manager: str
    operation: str
    api_version: str
    subresource: str
    paths: set[fields.Path]
    time: str

    def is_by(self, manager: str, operation: str, subresource: str) -> bool:
        return (self.manager, self.operation, self.subresource) == (manager, operation, subresource)


def entries_of(obj: Object) -> list[Entry]:
    """The managers of an object."""
    return [
        Entry(
            each.get("manager", ""),
            each.get("operation", UPDATE),
            each.get("apiVersion", ""),
            each.get("subresource", ""),
            fields.decode(each.get("fieldsV1") or {}),
            each.get("time", ""),
        )
        for each in obj["metadata"].get("managedFields") or []
    ]


def write(obj: Object, entries: list[Entry]) -> None:
    """Record the managers that own something."""
    encoded = []
    for entry in entries:
        if entry.paths:
            one = {
                "manager": entry.manager,
                "operation": entry.operation,
                "apiVersion": entry.api_version,
                "time": entry.time or now(),
                "fieldsType": "FieldsV1",
                "fieldsV1": fields.encode(entry.paths),
            }
            if entry.subresource:
                one["subresource"] = entry.subresource
            encoded.append(one)
    if encoded:
        obj["metadata"]["managedFields"] = encoded
    else:
        obj["metadata"].pop("managedFields", None)


def track_update(kind: Kind, old: Object, new: Object, manager: str, subresource: str) -> None:
    """Give what a create, update or patch has changed to its manager; what it removed has no owner any more.

    `old` is empty for a new object. An explicitly empty list of managers (`[]` or `[{}]`) forgets them all.
    """
    given = new["metadata"].get("managedFields")
    if given == [{}] or (given is not None and not given):
        new["metadata"].pop("managedFields")
        return
    subresource = subresource if subresource in ("status", "scale") else ""
    part = "status" if subresource == "status" else ""
    after = fields.leaves(kind, new, part)
    before = fields.leaves(kind, old, part) if old else {}
    changed = {path for path, value in after.items() if path not in before or before[path] != value}
    gone = before.keys() - after.keys()
    entries = entries_of(old) if old else []
    if changed or gone:
        mine = next((each for each in entries if each.is_by(manager, UPDATE, subresource)), None)
        for entry in entries:
            entry.paths -= gone
            if entry is not mine:
                entry.paths -= changed
        if mine is None:
            mine = Entry(manager, UPDATE, kind.api_version, subresource, set(), "")
            entries.append(mine)
        mine.paths |= changed
        mine.time = now()
    write(new, entries)
