"""Calls from the API server to webhooks: by URL, with the authority that their configuration names."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

if TYPE_CHECKING:
    from sandbox.kube.store import Object


class CallError(Exception):
    """A webhook did not answer, or not with a review. The text is how Go's HTTP client words it."""


class Webhooks:
    """One connection pool per authority."""

    def __init__(self) -> None:
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def post(self, url: str, authority: str, review: Object, seconds: float) -> Object:
        """The `response` of the review that a webhook answers with. Raises CallError."""
        target = f"{url}?timeout={seconds:g}s"
        try:
            async with self._session(authority).post(
                target, json=review, timeout=aiohttp.ClientTimeout(total=seconds)
            ) as answer:
                body = await answer.read()
                if answer.status != 200:
                    text = body.decode(errors="replace").strip()
                    raise CallError(f"the server responded with the status code {answer.status}: {text}")
        except TimeoutError:
            raise CallError(f'Post "{target}": context deadline exceeded') from None
        except aiohttp.ClientConnectorError as error:
            address = urlsplit(url).netloc
            number = error.os_error.errno
            why = f"connect: {os.strerror(number).lower()}" if number else str(error)
            raise CallError(f'Post "{target}": dial tcp {address}: {why}') from None
        except (aiohttp.ClientError, OSError) as error:
            raise CallError(f'Post "{target}": {error or "EOF"}') from None
        return _response(body, review)

    async def close(self) -> None:
        """Let go of all connections."""
        await asyncio.gather(*(each.close() for each in self._sessions.values()))
        self._sessions.clear()

    def _session(self, authority: str) -> aiohttp.ClientSession:
        if authority not in self._sessions:
            context = ssl.create_default_context()
            if authority:
                context = ssl.create_default_context(cadata=base64.b64decode(authority).decode())
            connector = aiohttp.TCPConnector(ssl=context, limit=0)
            self._sessions[authority] = aiohttp.ClientSession(connector=connector)
        return self._sessions[authority]


def _response(body: bytes, review: Object) -> Object:
    """Checked as the server does: the kind of review that was sent, about the very request."""
    try:
        answered: Any = json.loads(body)
    except ValueError:
        raise CallError("invalid character in the webhook's answer") from None
    if not isinstance(answered, dict) or not isinstance(answered.get("response"), dict):
        raise CallError("no response provided")
    sent, got = (
        f"{review['apiVersion']}, Kind={review['kind']}",
        f"{answered.get('apiVersion')}, Kind={answered.get('kind')}",
    )
    if sent != got:
        raise CallError(f"expected webhook response of {sent}, got {got}")
    response: Object = answered["response"]
    if response.get("uid") != review["request"]["uid"]:
        raise CallError(f'expected response.uid="{review["request"]["uid"]}", got "{response.get("uid")}"')
    return response
