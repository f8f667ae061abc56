"""KMS signatures as AWS makes them, so that GetPublicKey and any library verify them.

moto 5.2.5 hashes a DIGEST once more before it signs it, and answers `SignatureValid: false` where AWS raises
KMSInvalidSignatureException.
"""

from __future__ import annotations

import base64
import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from moto.core.exceptions import JsonRESTError
from moto.kms.responses import KmsResponse

from sandbox.aws.patching import replace

_HASHES: dict[str, type[hashes.HashAlgorithm]] = {
    "256": hashes.SHA256,
    "384": hashes.SHA384,
    "512": hashes.SHA512,
}


def sign_what_was_given() -> None:
    """Replace Sign and Verify. moto still checks the key, its usage and the algorithm."""

    def sign(self: Any) -> str:
        key_id, algorithm = self._get_param("KeyId"), self._get_param("SigningAlgorithm")
        arn, _, _ = self.kms_backend.sign(key_id=key_id, message=b"checked", signing_algorithm=algorithm)
        private = self.kms_backend.describe_key(key_id).private_key.private_key
        signature = private.sign(_message(self), *_how(algorithm, self._get_param("MessageType")))
        encoded = base64.b64encode(signature).decode("ascii")
        return json.dumps({"KeyId": arn, "Signature": encoded, "SigningAlgorithm": algorithm})

    def verify(self: Any) -> str:
        key_id, algorithm = self._get_param("KeyId"), self._get_param("SigningAlgorithm")
        arn, _, _ = self.kms_backend.sign(key_id=key_id, message=b"checked", signing_algorithm=algorithm)
        public = self.kms_backend.describe_key(key_id).private_key.private_key.public_key()
        signature = base64.b64decode(self._get_param("Signature"))
        try:
            public.verify(signature, _message(self), *_how(algorithm, self._get_param("MessageType")))
        except InvalidSignature:
            raise JsonRESTError("KMSInvalidSignatureException", "") from None
        return json.dumps({"KeyId": arn, "SignatureValid": True, "SigningAlgorithm": algorithm})

    replace(KmsResponse, "sign", sign)
    replace(KmsResponse, "verify", verify)


def _message(request: Any) -> bytes:
    message: bytes = request._get_param("Message")  # noqa: SLF001 - moto has decoded it
    algorithm = _hash(request._get_param("SigningAlgorithm"))  # noqa: SLF001
    if not 1 <= len(message) <= 4096:
        raise JsonRESTError("ValidationException", "Message must have between 1 and 4096 bytes")
    if request._get_param("MessageType") == "DIGEST" and len(message) != algorithm.digest_size:  # noqa: SLF001
        raise JsonRESTError("ValidationException", "Digest is invalid length for the specified algorithm.")
    return message


def _hash(algorithm: str) -> hashes.HashAlgorithm:
    return _HASHES[algorithm.rpartition("_")[2]]()


def _how(algorithm: str, message_type: str | None) -> tuple[Any, ...]:
    digest = _hash(algorithm)
    hashed = utils.Prehashed(digest) if message_type == "DIGEST" else digest
    if algorithm.startswith("ECDSA"):
        return (ec.ECDSA(hashed),)
    if algorithm.startswith("RSASSA_PSS"):
        return padding.PSS(padding.MGF1(digest), digest.digest_size), hashed
    return padding.PKCS1v15(), hashed
