"""Validating webhooks: who wants to see a change is asked before it is stored (apiserver pkg/admission/plugin/webhook).

By URL only. `matchPolicy: Equivalent` and `matchConditions` are not looked at: a rule means the versions that it names.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.kube.errors import ApiError
from sandbox.kube.webhooks import CallError, Webhooks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.kube.access import User
    from sandbox.kube.kinds import Kind
    from sandbox.kube.store import Object, Store

RESOURCE = "validatingwebhookconfigurations.admissionregistration.k8s.io"
_DEFAULT_SECONDS = 10
_NEVER_REVIEWED = (RESOURCE, "mutatingwebhookconfigurations.admissionregistration.k8s.io")


@dataclass(frozen=True)
class Operation:
    """What a client does: CREATE, UPDATE or DELETE, on an object or a subresource of it."""

    verb: str
    subresource: str
    user: User | None
    dry_run: bool


class ValidatingWebhooks:
    """Those that the configurations of the store name."""

    def __init__(self, store: Store, webhooks: Webhooks) -> None:
        self._store, self._webhooks = store, webhooks

    def concern(self, kind: Kind, operation: Operation) -> bool:
        """Whether some webhook may want to see such a change."""
        return any(True for _ in self._matching(kind, operation))

    async def review(self, kind: Kind, operation: Operation, new: Object | None, old: Object | None) -> None:
        """Ask them, all at once. Raises ApiError when one refuses, or fails and must not (`failurePolicy: Fail`)."""
        asked = [each for each in self._matching(kind, operation) if self._selects(each, kind, new, old)]
        if asked:
            await asyncio.gather(*(self._ask(each, kind, operation, new, old) for each in asked))

    def _matching(self, kind: Kind, operation: Operation) -> Iterator[Object]:
        if kind.resource in _NEVER_REVIEWED:
            return
        for configuration in self._store.list(RESOURCE):
            for webhook in configuration.object.get("webhooks") or []:
                if any(_matches(rule, kind, operation) for rule in webhook.get("rules") or []):
                    yield webhook

    def _selects(self, webhook: Object, kind: Kind, new: Object | None, old: Object | None) -> bool:
        objects = [each for each in (new, old) if each is not None]
        wanted = webhook.get("objectSelector") or {}
        if not any(_selected(wanted, each["metadata"].get("labels") or {}) for each in objects):
            return False
        namespace = (
            objects[0]["metadata"]["name" if kind.resource == "namespaces" else "namespace"]
            if (kind.namespaced or kind.resource == "namespaces")
            else ""
        )
        home = self._store.get("namespaces", "", namespace) if namespace else None
        labels = (home.object if home else {}).get("metadata", {}).get("labels") or {}
        return not namespace or _selected(webhook.get("namespaceSelector") or {}, labels)

    async def _ask(
        self, webhook: Object, kind: Kind, operation: Operation, new: Object | None, old: Object | None
    ) -> None:
        client = webhook.get("clientConfig") or {}
        seconds = webhook.get("timeoutSeconds") or _DEFAULT_SECONDS
        review = _review(kind, operation, new, old)
        name = webhook["name"]
        try:
            if "url" not in client:
                raise CallError("webhooks behind a Service are not reached")
            response = await self._webhooks.post(client["url"], client.get("caBundle") or "", review, seconds)
        except CallError as error:
            if webhook.get("failurePolicy", "Fail") == "Ignore":
                return
            message = f'failed calling webhook "{name}": failed to call webhook: {error}'
            causes = {"causes": [{"message": message}]}
            raise ApiError(500, "InternalError", f"Internal error occurred: {message}", causes) from None
        if not response.get("allowed"):
            status = response.get("status") or {}
            why = status.get("message") or status.get("reason")
            text = f'admission webhook "{name}" denied the request' + (f": {why}" if why else " without explanation")
            raise ApiError(int(status.get("code") or 403), status.get("reason") or "Forbidden", text)


def _matches(rule: Object, kind: Kind, operation: Operation) -> bool:
    resource = f"{kind.plural}/{operation.subresource}" if operation.subresource else kind.plural
    wildcards = {"*/*", resource, f"{kind.plural}/*"}
    wildcards |= {f"*/{operation.subresource}"} if operation.subresource else {"*"}
    return (
        bool({"*", operation.verb} & set(rule.get("operations") or []))
        and bool({"*", kind.group} & set(rule.get("apiGroups") or []))
        and bool({"*", kind.version} & set(rule.get("apiVersions") or []))
        and bool(wildcards & set(rule.get("resources") or []))
        and rule.get("scope", "*") in ("*", "Namespaced" if kind.namespaced else "Cluster")
    )


def _selected(selector: Object, labels: dict[str, str]) -> bool:
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for each in selector.get("matchExpressions") or []:
        found, values = labels.get(each["key"]), each.get("values") or []
        holds = {
            "In": found in values,
            "NotIn": found not in values,
            "Exists": found is not None,
            "DoesNotExist": found is None,
        }[each["operator"]]
        if not holds:
            return False
    return True


def _review(kind: Kind, operation: Operation, new: Object | None, old: Object | None) -> dict[str, Any]:
    shown = new if new is not None else old
    assert shown is not None
    gvk = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    gvr = {"group": kind.group, "version": kind.version, "resource": kind.plural}
    request: Object = {
        "uid": str(uuid.uuid4()),
        "kind": gvk,
        "resource": gvr,
        "requestKind": gvk,
        "requestResource": gvr,
        "name": shown["metadata"]["name"],
        "namespace": shown["metadata"].get("namespace", ""),
        "operation": operation.verb,
        "userInfo": operation.user.info() if operation.user else {},
        "object": new,
        "oldObject": old,
        "dryRun": operation.dry_run,
        "options": None,
    }
    if operation.subresource:
        request["subResource"] = request["requestSubResource"] = operation.subresource
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
