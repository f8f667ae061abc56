"""Conversion between the versions of custom kinds by their webhooks (apiextensions-apiserver pkg/apiserver/conversion).

An object is stored in one version. What a webhook made of it is kept as long as the object does not change, as in the
real server's watch cache. So lists, watches and gets of `resourceVersion=0` go on while the webhook is away, until an
object changes; a plain get and a delete look at what is stored, and fail at once.
"""

from __future__ import annotations

import copy
import uuid
from typing import TYPE_CHECKING

from sandbox.kube import schema
from sandbox.kube.errors import ApiError
from sandbox.kube.webhooks import CallError, Webhooks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.kube.kinds import Kind, Kinds
    from sandbox.kube.store import Object, Stored

_SECONDS = 30  # the server's limit for one call
_IDENTITY = ("name", "namespace", "uid")
_MAY_CHANGE = ("labels", "annotations")  # of the metadata


class Converter:
    """Asks the webhooks of the kinds that have one; the others cost nothing."""

    def __init__(self, kinds: Kinds, webhooks: Webhooks) -> None:
        self._kinds, self._webhooks = kinds, webhooks

    async def ensure(self, kind: Kind, found: Sequence[Stored], *, fresh: bool = False) -> None:
        """Have all of these objects in the version of `kind`, `fresh` ones converted anew.

        Raises ApiError when the webhook does not answer.
        """
        if kind.conversion is None:
            return
        others = [each for each in found if each.object["apiVersion"] != kind.api_version]
        missing = others if fresh else [each for each in others if not each.is_in(kind)]
        if missing:
            for stored, converted in zip(
                missing, await self._convert(kind, [each.object for each in missing]), strict=True
            ):
                stored.keep(converted)

    async def to_storage(self, kind: Kind, obj: Object) -> Object:
        """A request's object in the version that is stored."""
        stored = self._kinds.in_storage(kind.resource)
        if kind.conversion is None or obj["apiVersion"] == stored.api_version:
            return obj
        return (await self._convert(stored, [obj]))[0]

    async def _convert(self, wanted: Kind, objects: Sequence[Object]) -> list[Object]:
        assert wanted.conversion is not None
        group, _, version = objects[0]["apiVersion"].partition("/")
        failed = f"conversion webhook for {group}/{version}, Kind={wanted.kind}"
        request = {"uid": str(uuid.uuid4()), "desiredAPIVersion": wanted.api_version, "objects": list(objects)}
        review = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview", "request": request}
        webhook = wanted.conversion
        try:
            response = await self._webhooks.post(webhook.url, webhook.authority, review, _SECONDS)
        except CallError as error:
            raise _error(f"{failed} failed: {error}") from None
        result = response.get("result") or {}
        if result.get("status") != "Success":
            why = result.get("message") or f"response.result.status was '{result.get('status')}', not 'Success'"
            raise _error(f"{failed} failed: {why}")
        converted = response.get("convertedObjects") or []
        if len(converted) != len(objects):
            raise _error(f"{failed} returned {len(converted)} objects, expected {len(objects)}")
        return [_checked(wanted, was, now, failed) for was, now in zip(objects, converted, strict=True)]


def _checked(wanted: Kind, was: Object, now: Object, failed: str) -> Object:
    """A webhook may change everything but the identity; of the metadata labels and annotations only."""
    if (now.get("apiVersion"), now.get("kind")) != (wanted.api_version, wanted.kind):
        raise _error(f"{failed} returned invalid object: {now.get('kind')} in {now.get('apiVersion')}")
    metadata = copy.deepcopy(was["metadata"])
    for field in _IDENTITY:
        if (now.get("metadata") or {}).get(field) != metadata.get(field):
            raise _error(f"{failed} returned invalid object: must have the same {field}")
    for field in _MAY_CHANGE:
        metadata.pop(field, None)
        if now["metadata"].get(field):
            metadata[field] = now["metadata"][field]
    result = {**now, "metadata": metadata}
    if wanted.schema:
        schema.fill_defaults(wanted.schema, result)
    return result


def _error(message: str) -> ApiError:
    """The server knows no reason for these; what it does not know is code 500."""
    return ApiError(500, "", message)
