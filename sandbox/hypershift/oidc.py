"""The OIDC discovery documents of a hosted cluster: made from its service-account signing key, in a public bucket."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from sandbox.hypershift.cloud import OIDC_BUCKET

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.hypershift.cloud import Cloud

_log = logging.getLogger(__name__)


def document_keys(infra_id: str) -> tuple[str, str]:
    """Where discovery document and key set of a cluster lie in the bucket."""
    return f"{infra_id}/.well-known/openid-configuration", f"{infra_id}/openid/v1/jwks"


def issuer_url(infra_id: str) -> str:
    return f"https://{OIDC_BUCKET}.s3.us-east-2.amazonaws.com/{infra_id}"


def upload(cloud: Cloud, infra_id: str, issuer: str, signing_key: Object) -> None:
    """Put both documents. `signing_key` is the Secret `sa-signing-key`."""
    discovery, key_set = document_keys(infra_id)
    documents = {
        discovery: {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/openid/v1/jwks",
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        },
        key_set: {"keys": [_web_key(signing_key)]},
    }
    for key, document in documents.items():
        cloud.s3.put_object(
            Bucket=OIDC_BUCKET, Key=key, Body=json.dumps(document).encode(), ContentType="application/json"
        )


def delete(cloud: Cloud, infra_id: str) -> None:
    for key in document_keys(infra_id):
        cloud.s3.delete_object(Bucket=OIDC_BUCKET, Key=key)


def is_valid(cloud: Cloud, infra_id: str, signing_key: Object) -> bool:
    """Whether both documents are there and tell the key that signs the cluster's tokens."""
    discovery, key_set = document_keys(infra_id)
    try:
        cloud.s3.head_object(Bucket=OIDC_BUCKET, Key=discovery)
        keys = json.loads(cloud.s3.get_object(Bucket=OIDC_BUCKET, Key=key_set)["Body"].read())
    except ClientError as error:
        _log.info("OIDC documents of %s: %s", infra_id, error)
        return False
    wanted = _web_key(signing_key)["kid"]
    return any(each["kid"] == wanted for each in keys["keys"])


def _web_key(signing_key: Object) -> Object:
    public = serialization.load_pem_public_key(base64.b64decode(signing_key["data"]["service-account.pub"]))
    assert isinstance(public, RSAPublicKey)
    encoded = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    numbers = public.public_numbers()
    return {
        "use": "sig",
        "kty": "RSA",
        "kid": _encode(hashlib.sha256(encoded).digest()),
        "alg": "RS256",
        "n": _encode(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")),
        "e": _encode(numbers.e.to_bytes(3, "big")),
    }


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
