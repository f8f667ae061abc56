"""Caches of one resource kept current by list and watch, and work queues that reconcile what changed.

The shape of client-go: an informer tells that something changed, never what to do; a controller compares what is
wanted with what is there, may run twice, and never assumes that it saw history.
"""

from __future__ import annotations

import heapq
import logging
import threading
import time
from collections.abc import Callable, Iterable

from sandbox.client import ApiError, Client, Object, Objects, Resource

_log = logging.getLogger(__name__)

Key = tuple[str, str]  # namespace ("" for cluster-scoped objects), name
Handler = Callable[[Object | None, Object | None], None]
_RELIST_SECONDS = 0.5
_BUSY_SECONDS = 0.02  # until a key that another worker has in hand is tried again
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.1, 5.0


def key_of(obj: Object) -> Key:
    """The key of an object."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def split_selector(labels: Object, wanted: Object) -> bool:
    """Whether `labels` satisfy the equality selector `wanted`."""
    return all(labels.get(name) == value for name, value in wanted.items())


class Informer:
    """A local copy of the objects of one resource. Objects in it are shared: never change one."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        namespace: str | None = None,
        *,
        labels: str | None = None,
        fields: str | None = None,
    ) -> None:
        self.resource = resource
        self._client = client
        self._namespace = namespace
        self._labels = labels
        self._fields = fields
        self._objects: dict[Key, Object] = {}
        self._handlers: list[Handler] = []
        self._lock = threading.Lock()
        self._synced = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def on_change(self, handler: Handler) -> None:
        """Call `handler(old, new)` after each change, in the informer's thread; old None: new; new None: gone."""
        with self._lock:
            self._handlers.append(handler)
            present = list(self._objects.values())
        for obj in present:
            handler(None, obj)

    def start(self) -> Informer:
        """List and watch in a daemon thread until `stop`; a second call does nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=f"informer {self.resource.plural}", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """Stop following; the thread ends with its current watch."""
        self._stopped.set()

    def wait_synced(self, timeout: float = 30) -> bool:
        """Wait until the first list is in the cache; False after `timeout` seconds."""
        return self._synced.wait(timeout)

    def get(self, name: str, namespace: str = "") -> Object | None:
        with self._lock:
            return self._objects.get((namespace, name))

    def list(self, namespace: str | None = None, labels: Object | None = None) -> Objects:
        """The cached objects, of one namespace and with all these labels if given."""
        with self._lock:
            objects = list(self._objects.values())
        return [
            obj
            for obj in objects
            if (namespace is None or obj["metadata"].get("namespace", "") == namespace)
            and (labels is None or split_selector(obj["metadata"].get("labels") or {}, labels))
        ]

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                self._follow(self._relist())
            except ApiError as error:
                if error.code != 410:
                    _log.info("%s: %s", self.resource.plural, error)
                self._stopped.wait(_RELIST_SECONDS)
            except Exception as error:  # a cut stream raises whatever urllib3 or json make of it
                _log.info("%s: watch ended: %r", self.resource.plural, error)
                self._stopped.wait(_RELIST_SECONDS)

    def _relist(self) -> str:
        objects, version = self._client.list_with_version(
            self.resource, self._namespace, labels=self._labels, fields=self._fields
        )
        found = {key_of(obj): obj for obj in objects}
        with self._lock:
            gone = [key for key in self._objects if key not in found]
        for key in gone:
            self._store(key, None)
        for key, obj in found.items():
            self._store(key, obj)
        self._synced.set()
        return version

    def _follow(self, version: str) -> None:
        while not self._stopped.is_set():
            for kind, obj in self._client.watch(
                self.resource, self._namespace, resource_version=version, labels=self._labels, fields=self._fields
            ):
                if self._stopped.is_set():
                    return
                if kind == "ERROR":
                    raise ApiError(obj.get("code", 0), obj.get("reason", ""), obj.get("message", ""))
                version = obj["metadata"].get("resourceVersion", version)
                if kind != "BOOKMARK":
                    self._store(key_of(obj), None if kind == "DELETED" else obj)

    def _store(self, key: Key, new: Object | None) -> None:
        with self._lock:
            old = self._objects.get(key)
            if new is None:
                self._objects.pop(key, None)
            else:
                self._objects[key] = new
            handlers = list(self._handlers)
        if old is not None and new is not None:
            before, after = old["metadata"].get("resourceVersion"), new["metadata"].get("resourceVersion")
            if before == after:
                return
        for handler in handlers:
            try:
                handler(old, new)
            except Exception:
                _log.exception("handler of %s failed", self.resource.plural)


class Informers:
    """The informers of one API, one per resource, shared by all controllers of a process."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self._informers: dict[Resource, Informer] = {}

    def of(self, resource: Resource) -> Informer:
        """The informer over all namespaces; started on first use."""
        if resource not in self._informers:
            self._informers[resource] = Informer(self.client, resource).start()
        return self._informers[resource]

    def wait_synced(self, timeout: float = 30) -> None:
        for informer in self._informers.values():
            if not informer.wait_synced(timeout):
                raise ApiError(0, "Timeout", f"no list of {informer.resource.plural} within {timeout} s")

    def stop(self) -> None:
        for informer in self._informers.values():
            informer.stop()


class Controller:
    """A queue of keys and the thread(s) that reconcile them.

    `reconcile(key)` returns None, or seconds after which to look again. An exception is logged and retried with
    back-off (0.1 to 5 s). Every known key is looked at again each `resync` seconds.
    """

    def __init__(
        self, name: str, reconcile: Callable[[Key], float | None], *, resync: float = 30.0, workers: int = 1
    ) -> None:
        self.name = name
        self._reconcile = reconcile
        self._resync = resync
        self._workers = workers
        self._condition = threading.Condition()
        self._due: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []
        self._running: set[Key] = set()
        self._failures: dict[Key, int] = {}
        self._sources: list[Callable[[], Iterable[Key]]] = []
        self._stopped = False

    def watch(self, informer: Informer, keys: Callable[[Object], Iterable[Key]] | None = None) -> Controller:
        """Reconcile the keys that `keys(object)` names (default: the object's own) whenever the object changes."""
        find = keys or (lambda obj: [key_of(obj)])

        def handler(old: Object | None, new: Object | None) -> None:
            for obj in (old, new):
                if obj is not None:
                    for key in find(obj):
                        self.add(key)

        informer.on_change(handler)
        self._sources.append(lambda: [key for obj in informer.list() for key in find(obj)])
        return self

    def add(self, key: Key, after: float = 0.0) -> None:
        """Queue `key`; the earlier of two times for one key wins."""
        when = time.monotonic() + after
        with self._condition:
            if key in self._due and self._due[key] <= when:
                return
            self._due[key] = when
            heapq.heappush(self._heap, (when, key))
            self._condition.notify()

    def start(self) -> Controller:
        for number in range(self._workers):
            threading.Thread(target=self._work, name=f"{self.name} {number}", daemon=True).start()
        threading.Thread(target=self._resync_forever, name=f"{self.name} resync", daemon=True).start()
        return self

    def stop(self) -> None:
        with self._condition:
            self._stopped = True
            self._condition.notify_all()

    def _next(self) -> Key | None:
        with self._condition:
            while not self._stopped:
                now = time.monotonic()
                while self._heap and self._due.get(self._heap[0][1]) != self._heap[0][0]:
                    heapq.heappop(self._heap)  # was queued again for an earlier time
                if not self._heap:
                    self._condition.wait()
                elif self._heap[0][0] > now:
                    self._condition.wait(self._heap[0][0] - now)
                else:
                    _, key = heapq.heappop(self._heap)
                    if key not in self._running:
                        del self._due[key]
                        self._running.add(key)
                        return key
                    self._due[key] = now + _BUSY_SECONDS
                    heapq.heappush(self._heap, (now + _BUSY_SECONDS, key))
        return None

    def _work(self) -> None:
        while (key := self._next()) is not None:
            try:
                again = self._reconcile(key)
                self._failures.pop(key, None)
            except Exception as error:
                failures = self._failures[key] = self._failures.get(key, 0) + 1
                again = min(_FIRST_BACKOFF * 2 ** (failures - 1), _LONGEST_BACKOFF)
                if isinstance(error, ApiError) and (error.code in (0, 404, 409) or "webhook" in error.message):
                    _log.info("%s %s: %s", self.name, "/".join(key), error)  # somebody was faster, or is away
                else:
                    _log.exception("%s %s failed", self.name, "/".join(key))
            finally:
                with self._condition:
                    self._running.discard(key)
            if again is not None:
                self.add(key, again)

    def _resync_forever(self) -> None:
        while not self._stopped:
            time.sleep(self._resync)
            for source in self._sources:
                for key in source():
                    self.add(key)
