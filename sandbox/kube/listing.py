"""Lists: selection, and chunks by limit and continue."""

from __future__ import annotations

import base64
import itertools
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.kube import errors, selectors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.kube.conversion import Converter
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Store, Stored

CHUNKS_LIVE_SECONDS = 300.0
"""As long as etcd keeps a revision before its five-minute compaction."""


@dataclass
class _Rest:
    """What later chunks of one list will answer: the state at the list's own revision."""

    resource: str
    revision: int
    objects: list[Stored]
    since: float
    counted: bool


class Listing:
    """Answers lists of one store."""

    def __init__(self, store: Store, converter: Converter) -> None:
        self._store, self._converter = store, converter
        self._rests: dict[str, _Rest] = {}
        self._numbers = itertools.count(1)

    def expire(self) -> None:
        """Let every continue token be too old from now on."""
        self._rests.clear()

    def selected(self, kind: Kind, namespace: str, query: Mapping[str, str]) -> list[Stored]:
        """What the selectors of a request let through."""
        matcher = matcher_of(kind, query)
        found = self._store.list(kind.resource, namespace)
        return [each for each in found if matcher(each.object)] if matcher else found

    async def answer(self, kind: Kind, namespace: str, query: Mapping[str, str]) -> bytes:
        """The List object as JSON."""
        limit = int(query.get("limit") or 0)
        token = query.get("continue")
        if token:
            rest = self._resume(kind, token)
            revision, found, counted = rest.revision, rest.objects, rest.counted
        else:
            revision = self._store.revision
            wanted = query.get("resourceVersion") or "0"
            if wanted.isdigit() and int(wanted) > revision:
                raise errors.too_new(wanted, revision)
            found = self.selected(kind, namespace, query)
            counted = not (query.get("labelSelector") or query.get("fieldSelector"))
        metadata: dict[str, object] = {"resourceVersion": str(revision)}
        if limit and len(found) > limit:
            rest = _Rest(kind.resource, revision, found[limit:], time.monotonic(), counted)
            metadata["continue"] = self._keep(rest)
            if counted:
                metadata["remainingItemCount"] = len(rest.objects)
            found = found[:limit]
        await self._converter.ensure(kind, found)
        head = json.dumps({"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata})
        items = b",".join(each.encoded(kind) for each in found)
        return head[:-1].encode() + b',"items":[' + items + b"]}"

    def _keep(self, rest: _Rest) -> str:
        number = next(self._numbers)
        token = json.dumps({"v": "meta.k8s.io/v1", "rv": rest.revision, "start": number}).encode()
        text = base64.urlsafe_b64encode(token).decode().rstrip("=")
        self._rests[text] = rest
        return text

    def _resume(self, kind: Kind, token: str) -> _Rest:
        oldest = time.monotonic() - CHUNKS_LIVE_SECONDS
        self._rests = {key: rest for key, rest in self._rests.items() if rest.since > oldest}
        rest = self._rests.get(token)
        if rest is None or rest.resource != kind.resource:
            text = (
                "The provided continue parameter is too old to display a consistent list result. You can start a new "
                "list without the continue parameter."
            )
            raise errors.expired(text)
        return rest


def matcher_of(kind: Kind, query: Mapping[str, str]) -> selectors.Matcher | None:
    """The selectors of a list, watch or deletecollection."""
    return selectors.both(
        selectors.labels(query.get("labelSelector") or ""), selectors.fields(query.get("fieldSelector") or "", kind)
    )
