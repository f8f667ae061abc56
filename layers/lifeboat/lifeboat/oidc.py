"""A hosted cluster as an OpenID provider: AWS roles of its workloads trust what one signing key signs."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

from lifeboat.ports import Documents

SIGNING_KEY, PUBLIC_KEY = "sa-signing-key", "service-account.pub"
"""Secret of the control-plane namespace, and the field that holds the public half (PEM)."""

_PEM = re.compile(rb"-----BEGIN (?:RSA )?PUBLIC KEY-----(.*?)-----END (?:RSA )?PUBLIC KEY-----", re.DOTALL)
# AlgorithmIdentifier of rsaEncryption with NULL parameters (RFC 8017, A.1).
_RSA = bytes.fromhex("300d06092a864886f70d0101010500")


def document_urls(issuer: str) -> tuple[str, str]:
    """Where the discovery document and the key set of an issuer lie."""
    return f"{issuer}/.well-known/openid-configuration", f"{issuer}/openid/v1/jwks"


def is_public(issuer: str) -> bool:
    """Whether documents of this issuer are for others, AWS among them; a cluster's own default is for itself only."""
    return issuer.startswith("https://") and "kubernetes.default" not in issuer


def published(documents: Documents, issuer: str, wanted: str) -> str | None:
    """What is wrong with the documents that anybody, IAM included, reads of an issuer; None when all is well.

    The discovery document must name the issuer, the key set must hold the key with the id `wanted`. Raises
    AwsUnavailableError when nobody answers.
    """
    discovery_url, keys_url = document_urls(issuer)
    discovery, keys = _object(documents.fetch(discovery_url)), _object(documents.fetch(keys_url))
    if discovery is None:
        return f"there is no OIDC discovery document under {issuer}"
    if str(discovery.get("issuer")).rstrip("/") != issuer:
        return f"the OIDC discovery document under {issuer} names another issuer ({discovery.get('issuer')})"
    if keys is None:
        return f"there is no OIDC key set under {issuer}"
    listed = keys.get("keys")
    found = [str(each.get("kid")) for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    if wanted not in found:
        return f"the OIDC key set under {issuer} lacks the key {wanted} of {SIGNING_KEY}"
    return None


def _object(text: bytes | None) -> dict[str, Any] | None:
    try:
        document = json.loads(text or b"")
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def key_id(pem: bytes) -> str:
    """The `kid` that Kubernetes gives a public key: base64url of the SHA-256 of its SubjectPublicKeyInfo (DER).

    A key without that wrapping (PKCS #1) is wrapped first. Raises ValueError when there is no public key in `pem`.
    """
    found = _PEM.search(pem)
    if found is None:
        raise ValueError("no public key")
    der = base64.b64decode(b"".join(found[1].split()), validate=True)
    if _RSA not in der[:32]:
        der = _tagged(0x30, _RSA + _tagged(0x03, b"\0" + der))
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()


def _tagged(tag: int, content: bytes) -> bytes:
    """One DER value (X.690, 8.1)."""
    size = len(content)
    if size < 0x80:  # noqa: PLR2004 - the short form
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content
