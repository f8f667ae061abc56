"""One request on an object or a collection: its body decoded, its options read, its answer made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml
from aiohttp import web

from sandbox.kube import apply, checks, errors, patches, pods, reviews, watching
from sandbox.kube.deletion import DeleteOptions
from sandbox.kube.paths import flag
from sandbox.kube.registry import WriteOptions

if TYPE_CHECKING:
    from sandbox.kube.access import Access, User
    from sandbox.kube.listing import Listing
    from sandbox.kube.paths import Target
    from sandbox.kube.store import Object, Stored
    from sandbox.kube.writing import Writing

JSON, YAML, APPLY = "application/json", "application/yaml", "application/apply-patch+yaml"
_PATCHES = {
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    APPLY,
}

_RETURNED_WHEN_GONE = {
    "pods",
    "services",
    "serviceaccounts",
    "persistentvolumes",
    "persistentvolumeclaims",
    "storageclasses.storage.k8s.io",
}  # the kinds whose last state answers a delete; the others answer with a Status


class _Loader(yaml.CSafeLoader):
    """YAML as Kubernetes reads it: a time stays the text it is."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


class Requests:
    """Answers what `paths` has understood."""

    def __init__(self, writing: Writing, listing: Listing, access: Access, kubelets: pods.Kubelets) -> None:
        self._writing, self._registry, self._converter = writing, writing.registry, writing.converter
        self._listing, self._access, self._kubelets = listing, access, kubelets

    async def answer(self, request: web.Request, target: Target, user: User) -> web.StreamResponse:
        kind = target.kind
        if kind.review:
            if request.method != "POST" or target.name:
                raise errors.method_not_allowed()
            return _json(reviews.answer(kind, await _body(request), user, self._access), 201)
        if target.subresource in ("exec", "log"):
            if target.subresource == "exec":  # whatever the method: a websocket begins with a GET
                self._access.check(user, "create", target)
            pod = self._registry.get(kind, target.namespace, target.name)
            return await self._kubelets.forward(request, pod.object, target.subresource)
        if not target.name:
            return await self._collection(request, target, user)
        if request.method in ("GET", "HEAD"):
            stored = self._registry.get(kind, target.namespace, target.name)
            await self._converter.ensure(kind, [stored], fresh=not request.query.get("resourceVersion"))
            if target.subresource == "scale":
                return _json(self._registry.scale_of(kind, stored))
            return self._object(target, stored)
        return await self._write(request, target, user)

    async def _write(self, request: web.Request, target: Target, user: User) -> web.StreamResponse:
        match request.method, target.subresource:
            case "POST", "binding":
                pods.bind(self._registry, target, await _body(request), _options(request, user))
                return _json(_success(), 201)
            case "POST", "eviction":
                pods.evict(self._registry, target, await _body(request), request.query)
                return _json(_success(), 201)
            case "POST", "token":
                account = self._registry.get(target.kind, target.namespace, target.name).object
                made = self._access.tokens.request(target.namespace, account, await _body(request))
                return _json(made, 201)
            case "PUT", "" | "status" | "scale" | "finalize":
                return await self._put(request, target, user)
            case "PATCH", "" | "status" | "scale":
                return await self._patch(request, target, user)
            case "DELETE", "":
                return await self._delete(request, target, user)
        raise errors.method_not_allowed()

    async def _delete(self, request: web.Request, target: Target, user: User) -> web.Response:
        kind = target.kind
        options = DeleteOptions.parse(await _body(request, optional=True), request.query, user)
        stored, gone = await self._writing.delete(kind, target.namespace, target.name, options)
        if gone and kind.resource not in _RETURNED_WHEN_GONE:
            return _json(_success(kind.details(target.name) | {"uid": stored.object["metadata"]["uid"]}))
        return self._object(target, stored)

    async def _collection(self, request: web.Request, target: Target, user: User) -> web.StreamResponse:
        kind, query = target.kind, request.query
        match request.method:
            case "GET" | "HEAD":
                if flag(query, "watch"):
                    return await watching.serve(self._registry.store, self._converter, kind, target.namespace, request)
                listed = await self._listing.answer(kind, target.namespace, query)
                return web.Response(body=listed, content_type="application/json")
            case "POST" if not kind.namespaced or target.namespace:
                options = _options(request, user)
                stored = await self._writing.create(kind, target.namespace, await _body(request), options)
                return self._object(target, stored, 201)
            case "DELETE" if not kind.namespaced or target.namespace:
                deletion = DeleteOptions.parse(await _body(request, optional=True), query, user)
                for each in self._listing.selected(kind, target.namespace, query):
                    await self._writing.delete(kind, *each.key, deletion)
                return _json(_success({"kind": kind.plural, "group": kind.group}))
        raise errors.method_not_allowed()

    async def _put(self, request: web.Request, target: Target, user: User) -> web.Response:
        body = await _body(request)
        options = _options(request, user)
        if target.subresource == "scale":
            return await self._scale(target, lambda _: body, options)
        arguments = target.kind, target.namespace, target.name

        def change(current: Object) -> Object:
            checks.same_object(target.kind, target.name, current, body)
            return body  # type: ignore[no-any-return]

        return self._object(target, await self._writing.update(*arguments, change, options, target.subresource))

    async def _patch(self, request: web.Request, target: Target, user: User) -> web.Response:
        kind, content_type = target.kind, request.content_type
        if content_type not in _PATCHES or (kind.custom and "strategic" in content_type):
            accepted = sorted(each for each in _PATCHES if not (kind.custom and "strategic" in each))
            raise errors.unsupported_media_type(accepted)
        options = _options(request, user)
        patch = await _body(request, any_type=True)
        if content_type == APPLY:
            stored, created = await apply.apply(self._writing, target, patch, request.query, user)
            return self._object(target, stored, 201 if created else 200)

        def change(current: Object) -> Object:
            if content_type == "application/json-patch+json":
                return patches.json_patch(kind, target.name, current, patch)
            if not isinstance(patch, dict):
                raise errors.bad_request("the patch is not a JSON object")
            if "strategic" in content_type:
                return patches.strategic(current, patch)  # type: ignore[no-any-return]
            return patches.merge(current, patch)  # type: ignore[no-any-return]

        if target.subresource == "scale":
            return await self._scale(target, change, options)
        arguments = kind, target.namespace, target.name
        return self._object(target, await self._writing.update(*arguments, change, options, target.subresource))

    async def _scale(self, target: Target, change: Any, options: WriteOptions) -> web.Response:
        kind = target.kind
        current = self._registry.get(kind, target.namespace, target.name)
        scale = change(self._registry.scale_of(kind, current))
        revision = (scale.get("metadata") or {}).get("resourceVersion")
        replicas = (scale.get("spec") or {}).get("replicas", 0)
        if isinstance(replicas, bool) or not isinstance(replicas, int) or replicas < 0:
            text = "must be greater than or equal to 0"
            raise errors.invalid(kind, target.name, [errors.FieldError.invalid("spec.replicas", replicas, text)])

        def set_replicas(obj: Object) -> Object:
            obj["spec"]["replicas"] = replicas
            if revision:
                obj["metadata"]["resourceVersion"] = revision
            return obj

        stored = await self._writing.update(kind, target.namespace, target.name, set_replicas, options, "scale")
        return _json(self._registry.scale_of(kind, stored))

    @staticmethod
    def _object(target: Target, stored: Stored, code: int = 200) -> web.Response:
        encoded = stored.encoded(target.kind)
        return web.Response(body=encoded, status=code, content_type="application/json")


async def _body(request: web.Request, *, optional: bool = False, any_type: bool = False) -> Any:
    raw = await request.read()
    if not raw.strip():
        if optional:
            return {}
        raise errors.bad_request("the request has no body")
    kind = request.content_type
    known = kind in (JSON, YAML, "application/octet-stream", "text/plain") or kind in _PATCHES
    if not known:
        raise errors.unsupported_media_type([JSON, YAML])
    try:
        decoded = json.loads(raw)
    except ValueError as error:
        if kind not in (YAML, APPLY):
            raise errors.bad_request(f"invalid JSON: {error}") from error
        try:
            decoded = yaml.load(raw, _Loader)
        except yaml.YAMLError as problem:
            raise errors.bad_request(f"error decoding YAML: {problem}") from problem
    if not any_type and not isinstance(decoded, dict):
        raise errors.bad_request("the body is not an object")
    return decoded


def _options(request: web.Request, user: User) -> WriteOptions:
    dry_run = request.query.getall("dryRun", [])
    if dry_run and dry_run != ["All"]:
        text = f'dryRun: Unsupported value: "{",".join(dry_run)}": supported values: "All"'
        raise errors.ApiError(422, "Invalid", f'CreateOptions.meta.k8s.io "" is invalid: {text}')
    agent = request.headers.get("User-Agent", "unknown").partition("/")[0]
    manager = request.query.get("fieldManager") or agent or "unknown"
    return WriteOptions(dry_run=bool(dry_run), manager=manager, user=user)


def _json(obj: Object, code: int = 200) -> web.Response:
    return web.json_response(obj, status=code)


def _success(details: Object | None = None) -> Object:
    status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    if details:
        status["details"] = {key: value for key, value in details.items() if value}
    return status
