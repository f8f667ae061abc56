"""Watches: a stream of JSON lines, one per change."""

from __future__ import annotations

import asyncio
import json
import random
from typing import TYPE_CHECKING

from aiohttp import web

from sandbox.kube import errors
from sandbox.kube.listing import matcher_of
from sandbox.kube.paths import flag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.kube.conversion import Converter
    from sandbox.kube.kinds import Kind
    from sandbox.kube.selectors import Matcher
    from sandbox.kube.store import Change, Object, Store, Stored, Subscription

BOOKMARK_SECONDS = 60.0
LAST_BOOKMARK_SECONDS = 2.0  # before the end of a watch
MIN_TIMEOUT_SECONDS = 1800  # the real server's --min-request-timeout: a watch lives that long, up to twice


async def serve(
    store: Store, converter: Converter, kind: Kind, namespace: str, request: web.Request
) -> web.StreamResponse:
    """Answer one watch until its time is over or the client leaves."""
    query = request.query
    matcher = matcher_of(kind, query)
    given = query.get("resourceVersion") or "0"
    if not given.isdigit():
        text = f'Invalid value: "{given}": strconv.ParseUint: parsing "{given}": invalid syntax'
        raise errors.bad_request(f"resourceVersion: {text}")
    timeout = float(query.get("timeoutSeconds") or MIN_TIMEOUT_SECONDS * (1 + random.random()))
    bookmarks = flag(query, "allowWatchBookmarks")
    initial = given == "0" or flag(query, "sendInitialEvents")
    started = store.revision
    existing = store.list(kind.resource, namespace) if initial else []
    after = started if initial else int(given)  # one that is to come is waited for, in silence
    subscription = store.subscribe(kind.resource, after)
    response = web.StreamResponse(headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"})
    response.enable_chunked_encoding()
    try:
        await converter.ensure(kind, existing)
        await response.prepare(request)
        if subscription.expired:
            status = errors.expired(f"too old resource version: {given} ({store.revision})")
            await response.write(_line("ERROR", json.dumps(status.body()).encode()))
            return response
        if initial:
            lines = [_line("ADDED", each.encoded(kind)) for each in existing if matcher is None or matcher(each.object)]
            if flag(query, "sendInitialEvents") and bookmarks:
                lines.append(_bookmark(kind, started, {"k8s.io/initial-events-end": "true"}))
            if lines:
                await response.write(b"".join(lines))
        stream = _Stream(store, converter, kind, namespace, matcher, subscription, after, bookmarks=bookmarks)
        await stream.send(response, timeout)
    except (ConnectionError, asyncio.CancelledError):
        if request.transport is None or request.transport.is_closing():
            return response  # the client left
        raise
    finally:
        store.unsubscribe(kind.resource, subscription)
    return response


class _Stream:
    def __init__(
        self,
        store: Store,
        converter: Converter,
        kind: Kind,
        namespace: str,
        matcher: Matcher | None,
        subscription: Subscription,
        after: int,
        *,
        bookmarks: bool,
    ) -> None:
        self._store, self._converter, self._kind, self._namespace = store, converter, kind, namespace
        self._matcher, self._subscription, self._bookmarks = matcher, subscription, bookmarks
        self._after = self._told = after

    async def send(self, response: web.StreamResponse, timeout: float) -> None:  # noqa: ASYNC109 - the API's own
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        bookmark = _next_bookmark(loop.time(), end)
        while (left := end - loop.time()) > 0:
            try:
                await asyncio.wait_for(self._subscription.woken.wait(), min(left, max(bookmark - loop.time(), 0.001)))
            except TimeoutError:
                if loop.time() >= bookmark:
                    if self._bookmarks and self._store.revision > self._told:
                        self._told = self._store.revision
                        await response.write(_bookmark(self._kind, self._told))
                    bookmark = _next_bookmark(loop.time(), end)
                continue
            self._subscription.woken.clear()
            events = list(self._events())
            try:
                await self._converter.ensure(self._kind, [stored for _, stored in events])
            except errors.ApiError as error:
                await response.write(_line("ERROR", json.dumps(error.body()).encode()))
                return  # the client has to begin anew: what it did not see is not known any more
            if events:
                await response.write(b"".join(_line(type_, stored.encoded(self._kind)) for type_, stored in events))

    def _events(self) -> Iterator[tuple[str, Stored]]:
        while self._subscription.pending:
            change = self._subscription.pending.popleft()
            if event := self._event(change):
                yield event

    def _event(self, change: Change) -> tuple[str, Stored] | None:
        """What a change is to this watch: an object that begins to match is new to it, one that ceases is deleted."""
        if change.revision <= self._after or (self._namespace and change.stored.key[0] != self._namespace):
            return None
        if self._matcher is None:
            return change.type, change.stored
        now = change.type != "DELETED" and self._matcher(change.stored.object)
        before = change.previous is not None and self._matcher(change.previous.object)
        if now:
            return ("MODIFIED" if before else "ADDED"), change.stored
        return ("DELETED", change.stored) if before else None


def _next_bookmark(now: float, end: float) -> float:
    """Every minute, and once more shortly before the end."""
    last = end - LAST_BOOKMARK_SECONDS
    return min(now + BOOKMARK_SECONDS, last) if last > now else end + BOOKMARK_SECONDS


def _line(event: str, encoded: bytes) -> bytes:
    return b'{"type":"' + event.encode() + b'","object":' + encoded + b"}\n"


def _bookmark(kind: Kind, revision: int, annotations: dict[str, str] | None = None) -> bytes:
    metadata: Object = {"resourceVersion": str(revision), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    obj = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": metadata}
    return _line("BOOKMARK", json.dumps(obj).encode())
