"""Tokens of service accounts, as `TokenRequest` makes them: signed by a key that lives as long as this process."""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import hmac
import json
import secrets
import time
from typing import TYPE_CHECKING, Any

from sandbox.kube.metadata import now, time_text

if TYPE_CHECKING:
    from sandbox.kube.store import Object

ISSUER = "https://kubernetes.default.svc"
_DEFAULT_SECONDS, _MIN_SECONDS = 3600, 600


class ServiceAccountTokens:
    """Makes tokens, and knows its own again."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)

    def request(self, namespace: str, account: Object, body: Object) -> Object:
        """The answer to a TokenRequest for `account`."""
        spec = body.get("spec") or {}
        seconds = max(int(spec.get("expirationSeconds") or _DEFAULT_SECONDS), _MIN_SECONDS)
        audiences = spec.get("audiences") or [ISSUER]
        name, uid = account["metadata"]["name"], account["metadata"]["uid"]
        claims = {
            "iss": ISSUER,
            "sub": f"system:serviceaccount:{namespace}:{name}",
            "aud": audiences,
            "iat": int(time.time()),
            "exp": int(time.time()) + seconds,
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": uid}},
        }
        expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
        status = {"token": self._sign(claims), "expirationTimestamp": time_text(expires)}
        metadata = {"name": name, "namespace": namespace, "creationTimestamp": now()}
        return {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "metadata": metadata,
            "spec": {**spec, "audiences": audiences, "expirationSeconds": seconds},
            "status": status,
        }

    def account_of(self, token: str) -> tuple[str, str] | None:
        """Namespace and name of the account that a token is of; None for a stranger's or an expired one.

        Only tokens for the API server itself count here.
        """
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature, self._signature(signed)):
            return None
        try:
            claims = json.loads(_decoded(signed.partition(".")[2]))
        except (ValueError, binascii.Error):
            return None
        if claims["exp"] < time.time() or ISSUER not in claims["aud"]:
            return None
        place = claims["kubernetes.io"]
        return place["namespace"], place["serviceaccount"]["name"]

    def _sign(self, claims: dict[str, Any]) -> str:
        signed = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def _signature(self, signed: str) -> str:
        digest = hmac.new(self._key, signed.encode(), hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _encoded(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
