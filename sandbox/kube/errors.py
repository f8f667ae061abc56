"""Failures of a request, as the `Status` bodies in which a kube-apiserver words them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.kube.kinds import Kind


class ApiError(Exception):
    """A request that is answered with a `Status` of status Failure."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details
        self._metadata = metadata or {}

    def body(self) -> dict[str, Any]:
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": self._metadata,
            "status": "Failure",
            "message": self.message,
            "code": self.code,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details:
            status["details"] = self.details
        return status


@dataclass(frozen=True)
class FieldError:
    """One field that is wrong. `reason` is a cause type of the API: FieldValueInvalid, FieldValueRequired, ..."""

    field: str
    reason: str
    detail: str

    @property
    def text(self) -> str:
        return f"{self.field}: {self.detail}"

    @classmethod
    def required(cls, field: str, detail: str = "") -> FieldError:
        return cls(field, "FieldValueRequired", f"Required value: {detail}" if detail else "Required value")

    @classmethod
    def invalid(cls, field: str, value: object, detail: str) -> FieldError:
        return cls(field, "FieldValueInvalid", f"Invalid value: {_shown(value)}: {detail}")

    @classmethod
    def forbidden(cls, field: str, detail: str) -> FieldError:
        return cls(field, "FieldValueForbidden", f"Forbidden: {detail}")


def _shown(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (dict, list)):
        # The real server prints the value; what is in it may be a secret, and these texts end in logs.
        return "{}" if isinstance(value, dict) else "[]"
    return str(value)


def not_found(kind: Kind, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{kind.resource} "{name}" not found', kind.details(name))


def unknown_path() -> ApiError:
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(kind: Kind, name: str) -> ApiError:
    return ApiError(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', kind.details(name))


def conflict(kind: Kind, name: str, why: str) -> ApiError:
    text = f'Operation cannot be fulfilled on {kind.resource} "{name}": {why}'
    return ApiError(409, "Conflict", text, kind.details(name))


def unmet(kind: Kind, name: str, why: str) -> ApiError:
    """Of a delete whose preconditions do not hold."""
    text = f'Operation cannot be fulfilled on {kind.kind} "{name}": {why}'
    return ApiError(409, "Conflict", text, {**kind.details(name), "kind": kind.kind})


def modified(kind: Kind, name: str) -> ApiError:
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(kind, name, why)


def invalid(kind: Kind, name: str, errors: Sequence[FieldError]) -> ApiError:
    qualified = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
    texts = [each.text for each in errors]
    listed = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    details = kind.details(name)
    details["kind"] = kind.kind
    details["causes"] = [{"reason": each.reason, "message": each.detail, "field": each.field} for each in errors]
    return ApiError(422, "Invalid", f'{qualified} "{name}" is invalid: {listed}', details)


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    return ApiError(403, "Forbidden", f'{kind.resource} "{name}" is forbidden: {why}', kind.details(name))


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def method_not_allowed() -> ApiError:
    return ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def unsupported_media_type(accepted: Sequence[str]) -> ApiError:
    text = f"the body of the request was in an unknown format - accepted media types include: {', '.join(accepted)}"
    return ApiError(415, "UnsupportedMediaType", text)


def too_new(revision: str, current: int) -> ApiError:
    """Of a revision that this server has not reached: it was started anew, or the client knows another cluster."""
    text = f"Too large resource version: {revision}, current: {current}"
    return ApiError(504, "Timeout", text, {"causes": [{"reason": "ResourceVersionTooLarge"}], "retryAfterSeconds": 1})


def expired(message: str, token: str = "") -> ApiError:
    """Of a moment that is forgotten; `token` continues a list with what is there now."""
    return ApiError(410, "Expired", message, metadata={"continue": token} if token else None)
