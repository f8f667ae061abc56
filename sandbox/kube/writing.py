"""Writes of clients: the registry's rules, and between them and the store whoever has to be asked over the network.

The order is the server's: an object is completed and validated in the request's version, then validating webhooks see
it, then it is converted to the version that is stored. What changed while somebody was asked is looked at anew.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from sandbox.kube import errors
from sandbox.kube.validating import Operation

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.kube import fields
    from sandbox.kube.conversion import Converter
    from sandbox.kube.deletion import DeleteOptions
    from sandbox.kube.kinds import Kind
    from sandbox.kube.rbac import Rules
    from sandbox.kube.registry import Registry, WriteOptions
    from sandbox.kube.store import Object, Stored
    from sandbox.kube.validating import ValidatingWebhooks

_ATTEMPTS = 20


class Writing:
    """Creates, updates and deletes as a client's request does it; answers can be had in the request's version."""

    def __init__(self, registry: Registry, converter: Converter, validating: ValidatingWebhooks, roles: Rules) -> None:
        self.registry, self.converter, self._validating, self._roles = registry, converter, validating, roles

    async def create(
        self,
        kind: Kind,
        namespace: str,
        obj: Object,
        options: WriteOptions,
        *,
        applied: set[fields.Path] | None = None,
    ) -> Stored:
        """Store a new object. `obj` is the request's and is changed; `applied` are its fields when it was an apply."""
        if options.user is not None:
            self._roles.check_grant(options.user, kind, namespace, obj)
        self.registry.prepare_new(kind, namespace, obj, options, applied=applied)
        await self._validating.review(kind, Operation("CREATE", "", options.user, dry_run=options.dry_run), obj, None)
        made = self.registry.add(kind, await self.converter.to_storage(kind, obj), options)
        await self.converter.ensure(kind, [made])
        return made

    async def update(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        change: Callable[[Object], Object],
        options: WriteOptions,
        subresource: str = "",
        *,
        track: bool = True,
    ) -> Stored:
        """Replace an object by what `change` makes of a copy of it; `change` may be asked more than once."""
        operation = Operation("UPDATE", subresource, options.user, dry_run=options.dry_run)
        may_wait = kind.conversion is not None or self._validating.concern(kind, operation)
        for _ in range(_ATTEMPTS):
            current = self.registry.get(kind, namespace, name)
            await self.converter.ensure(kind, [current])
            old, new = current.copy(kind), change(current.copy(kind))
            if may_wait:
                new = copy.deepcopy(new)  # a second attempt starts from the request's own object
            if options.user is not None:
                self._roles.check_grant(options.user, kind, namespace, new)
            new = self.registry.prepare_update(kind, name, old, new, options, subresource, track=track)
            await self._validating.review(kind, operation, new, old)
            wanted = await self.converter.to_storage(kind, new)
            if self.registry.store.get(kind.resource, namespace, name) is current:
                done = self.registry.replace(kind, current, wanted, options)
                await self.converter.ensure(kind, [done])
                return done
        raise errors.modified(kind, name)

    async def delete(self, kind: Kind, namespace: str, name: str, options: DeleteOptions) -> tuple[Stored, bool]:
        """Delete, or mark for deletion; True when it is gone."""
        current = self.registry.get(kind, namespace, name)
        await self.converter.ensure(kind, [current], fresh=True)
        operation = Operation("DELETE", "", options.user, dry_run=options.dry_run)
        if self._validating.concern(kind, operation):
            await self._validating.review(kind, operation, None, current.copy(kind))
        stored, gone = self.registry.delete(kind, namespace, name, options)
        if not gone:
            await self.converter.ensure(kind, [stored])
        return stored, gone
