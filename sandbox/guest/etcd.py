"""An etcd client over its JSON gateway (etcd documentation, "gRPC gateway"): keys and values are base64 in JSON."""

from __future__ import annotations

import asyncio
import base64
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from sandbox.guest.names import resolver

if TYPE_CHECKING:
    from collections.abc import Sequence

_TIMEOUT = aiohttp.ClientTimeout(total=5, connect=1)
_NAMES_SECONDS = 1  # members move, and their names with them


class EtcdError(Exception):
    """No member answered, or the one that did refused. What was written may or may not be there."""


@dataclass(frozen=True)
class KeyValue:
    key: str
    value: bytes
    create_revision: int
    mod_revision: int


@dataclass(frozen=True)
class Listing:
    """Keys of one range and the revision at which they were read."""

    items: list[KeyValue]
    revision: int


class Etcd:
    """One etcd, by any of its endpoints. Raises EtcdError."""

    def __init__(self, endpoints: Sequence[str], context: ssl.SSLContext) -> None:
        self._endpoints = list(endpoints)
        self._context = context
        self._session: aiohttp.ClientSession | None = None
        self._lease: tuple[int, float] | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def get(self, key: str) -> KeyValue | None:
        found = await self._call("kv/range", {"key": _encode(key)})
        items = [_key_value(each) for each in found.get("kvs", ())]
        return items[0] if items else None

    async def list(self, prefix: str) -> Listing:
        found = await self._call("kv/range", {"key": _encode(prefix), "range_end": _encode_end(prefix)})
        return Listing([_key_value(each) for each in found.get("kvs", ())], int(found["header"]["revision"]))

    async def put(self, key: str, value: bytes, *, at: int | None = None, lease: int = 0) -> int | None:
        """Write `key`; the new revision, or None when its revision was not `at` (0: it must not exist)."""
        put: dict[str, Any] = {"key": _encode(key), "value": base64.b64encode(value).decode()}
        if lease:
            put["lease"] = str(lease)
        return await self._transaction(key, at, {"request_put": put})

    async def delete(self, key: str, *, at: int | None = None) -> int | None:
        """Delete `key`; the new revision, or None when its revision was not `at`."""
        return await self._transaction(key, at, {"request_delete_range": {"key": _encode(key)}})

    async def put_many(self, pairs: Sequence[tuple[str, bytes]]) -> int:
        """Write all pairs in one transaction; etcd's default limit is 128."""
        operations = [
            {"request_put": {"key": _encode(key), "value": base64.b64encode(value).decode()}} for key, value in pairs
        ]
        answer = await self._call("kv/txn", {"success": operations})
        return int(answer["header"]["revision"])

    async def short_lease(self, seconds: int, reuse: float) -> int:
        """A lease of `seconds`, shared by all who ask within `reuse` seconds, as kube-apiserver does for events."""
        if self._lease is None or time.monotonic() > self._lease[1]:
            answer = await self._call("lease/grant", {"TTL": seconds})
            self._lease = (int(answer["ID"]), time.monotonic() + reuse)
        return self._lease[0]

    async def _transaction(self, key: str, at: int | None, operation: dict[str, Any]) -> int | None:
        body: dict[str, Any] = {"success": [operation]}
        if at is not None:
            body["compare"] = [
                {"key": _encode(key), "target": "MOD", "result": "EQUAL", "mod_revision": str(at)}
            ]  # fmt: skip
        answer = await self._call("kv/txn", body)
        return int(answer["header"]["revision"]) if answer.get("succeeded") else None

    async def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Ask one endpoint after the other. Only a request that surely was not sent is repeated."""
        problems = []
        for endpoint in list(self._endpoints):
            try:
                async with self._http().post(f"{endpoint}/v3/{path}", json=body, timeout=_TIMEOUT) as answer:
                    found: dict[str, Any] = await answer.json(content_type=None)
                    if answer.status == 200:
                        return found
                    raise EtcdError(str(found.get("error") or found.get("message") or answer.status))
            except aiohttp.ClientConnectorError as error:
                problems.append(str(error))
                self._endpoints.append(self._endpoints.pop(0))
            except (aiohttp.ClientError, asyncio.TimeoutError, ValueError) as error:  # noqa: UP041
                raise EtcdError(f"etcdserver: request timed out ({error!r})") from error
        raise EtcdError("; ".join(problems))

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(
                ssl=self._context, ttl_dns_cache=_NAMES_SECONDS, limit=32, resolver=resolver()
            )
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session


def client_context(ca: str, certificate: str, key: str) -> ssl.SSLContext:
    """TLS of a client that shows its certificate."""
    context = ssl.create_default_context(cafile=ca)
    context.load_cert_chain(certificate, key)
    return context


def _encode(key: str) -> str:
    return base64.b64encode(key.encode()).decode()


def _encode_end(prefix: str) -> str:
    """The first key after all that start with `prefix`."""
    raw = prefix.encode()
    return base64.b64encode(raw[:-1] + bytes([raw[-1] + 1])).decode()


def _key_value(found: dict[str, Any]) -> KeyValue:
    return KeyValue(
        base64.b64decode(found["key"]).decode(),
        base64.b64decode(found.get("value", "")),
        int(found["create_revision"]),
        int(found["mod_revision"]),
    )
