"""Lists: selection, and chunks by limit and continue."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.kube import errors, selectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sandbox.kube.conversion import Converter
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Store, Stored

_TOO_NEW_SECONDS, _POLL = 3.0, 0.05
_ANY_MOMENT = -1
_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True)
class _Token:
    """Where a later chunk begins, and of which moment it is."""

    revision: int
    start: str  # namespace and name of the first object that is left

    def text(self) -> str:
        token = json.dumps({"v": "meta.k8s.io/v1", "rv": self.revision, "start": self.start}, separators=(",", ":"))
        return base64.urlsafe_b64encode(token.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> _Token:
        """Raises BadRequest."""
        try:
            token = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            return cls(int(token["rv"]), str(token["start"]))
        except (ValueError, TypeError, KeyError, binascii.Error) as error:
            raise errors.bad_request(f"continue key is not valid: {error}") from error


class Listing:
    """Answers lists of one store."""

    def __init__(self, store: Store, converter: Converter) -> None:
        self._store, self._converter = store, converter

    def selected(self, kind: Kind, namespace: str, query: Mapping[str, str]) -> list[Stored]:
        """What the selectors of a request let through."""
        return _select(kind, namespace, query, self._store.list(kind.resource))

    async def answer(self, kind: Kind, namespace: str, query: Mapping[str, str]) -> bytes:
        """The List object as JSON."""
        limit = int(query.get("limit") or 0)
        revision, start = await self._moment(kind, query)
        objects = self._store.list_at(kind.resource, revision)
        assert objects is not None  # `_moment` looked
        found = [each for each in _select(kind, namespace, query, objects) if _place(each) >= start]
        metadata: dict[str, object] = {"resourceVersion": str(revision)}
        if limit and len(found) > limit:
            metadata["continue"] = _Token(revision, _place(found[limit])).text()
            if not (query.get("labelSelector") or query.get("fieldSelector")):
                metadata["remainingItemCount"] = len(found) - limit
            found = found[:limit]
        await self._converter.ensure(kind, found)
        head = json.dumps({"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": metadata})
        items = b",".join(each.item(kind) for each in found)
        return head[:-1].encode() + b',"items":[' + items + b"]}"

    async def _moment(self, kind: Kind, query: Mapping[str, str]) -> tuple[int, str]:
        """The revision that a list is of, and its first place. Raises Expired, and Timeout for what is to come."""
        if text := query.get("continue"):
            token = _Token.parse(text)
            if token.revision == _ANY_MOMENT:
                return self._store.revision, token.start
            if self._store.list_at(kind.resource, token.revision) is None:
                raise errors.expired(_EXPIRED, _Token(_ANY_MOMENT, token.start).text())
            return token.revision, token.start
        wanted = query.get("resourceVersion") or "0"
        if not wanted.isdigit():
            raise errors.bad_request(f"resourceVersion: Invalid value: {json.dumps(wanted)}")
        deadline = time.monotonic() + _TOO_NEW_SECONDS
        while int(wanted) > self._store.revision:
            if time.monotonic() > deadline:
                raise errors.too_new(wanted, self._store.revision)
            await asyncio.sleep(_POLL)
        if query.get("resourceVersionMatch") == "Exact":
            if self._store.list_at(kind.resource, int(wanted)) is None:
                raise errors.expired("The resourceVersion for the provided list is too old.")
            return int(wanted), ""
        return self._store.revision, ""


def _select(kind: Kind, namespace: str, query: Mapping[str, str], objects: Sequence[Stored]) -> list[Stored]:
    matcher = matcher_of(kind, query)
    here = [each for each in objects if not namespace or each.key[0] == namespace]
    return [each for each in here if matcher(each.object)] if matcher else here


def _place(stored: Stored) -> str:
    """Where an object stands among all of its kind; a space sorts before whatever a name may hold."""
    return f"{stored.key[0]} {stored.key[1]}"


def matcher_of(kind: Kind, query: Mapping[str, str]) -> selectors.Matcher | None:
    """The selectors of a list, watch or deletecollection."""
    return selectors.both(
        selectors.labels(query.get("labelSelector") or ""), selectors.fields(query.get("fieldSelector") or "", kind)
    )
