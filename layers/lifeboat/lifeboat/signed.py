"""Signed JSON documents: the backup record and what operations add to it.

A document is stored as `{"payload": {...}, "signature": {"keyId", "algorithm", "sha256", "value"}}`. Signed is the
SHA-256 of the payload in canonical form (sorted keys, no spaces, UTF-8), so that a copy that was re-indented by a
human still verifies and a changed one does not.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any

from lifeboat.errors import BackupUnprovenError
from lifeboat.ports import ObjectStore, Signer

_ALGORITHM = "ECDSA_SHA_256"


def canonical(payload: Mapping[str, Any]) -> bytes:
    """The one form of a payload that is signed."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def seal(payload: Mapping[str, Any], signer: Signer) -> bytes:
    """Sign a payload; returns the document's bytes, indented for people."""
    digest = hashlib.sha256(canonical(payload)).digest()
    signature = {
        "keyId": signer.key_id,
        "algorithm": _ALGORITHM,
        "sha256": digest.hex(),
        "value": base64.b64encode(signer.sign(digest)).decode(),
    }
    return json.dumps({"payload": payload, "signature": signature}, indent=1, sort_keys=True).encode() + b"\n"


def unseal(document: bytes, signer: Signer, what: str) -> dict[str, Any]:
    """The payload of a document whose signature holds.

    Raises BackupUnprovenError, naming `what`, when it is no such document or was changed after signing.
    """
    try:
        parsed = json.loads(document)
        payload, told = parsed["payload"], parsed["signature"]
        signature = base64.b64decode(told["value"], validate=True)
        digest = hashlib.sha256(canonical(payload)).digest()
        if not isinstance(payload, dict) or (told["algorithm"], told["sha256"]) != (_ALGORITHM, digest.hex()):
            raise TypeError
    except (ValueError, KeyError, TypeError, RecursionError):
        msg = f"{what} is not a signed document, or was changed after it was signed: choose another backup"
        raise BackupUnprovenError(msg) from None
    if not signer.verify(digest, signature):
        msg = f"{what} was changed after it was signed: choose another backup"
        raise BackupUnprovenError(msg)
    return payload


def put_first(store: ObjectStore, signer: Signer, key: str, payload: Mapping[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Store a signed document if the key is absent; returns the payload and the bytes that stand there now.

    No two ECDSA signatures of one payload are the same, so that two runs of one task write other bytes: the first
    one counts for both. Raises BackupUnprovenError when the one that is there does not verify.
    """
    document = seal(payload, signer)
    present = store.get(key)
    if present is None:
        try:
            store.put(key, document)
            return dict(payload), document
        except BackupUnprovenError:  # a twin was quicker
            present = store.get(key)
            if present is None:
                raise
    return unseal(present, signer, key), present


def put_once(
    store: ObjectStore, signer: Signer, key: str, payload: Mapping[str, Any], *, ignoring: Collection[str] = ()
) -> tuple[dict[str, Any], bytes]:
    """As `put_first`, and the first one must say the same, but for the fields `ignoring` (such as when it was written).

    Raises BackupUnprovenError when it says something else.
    """
    there, document = put_first(store, signer, key, payload)
    if _told(there, ignoring) != _told(payload, ignoring):
        msg = f"{key} exists and says something else: two operations, or a changed object; start again"
        raise BackupUnprovenError(msg)
    return there, document


def _told(payload: Mapping[str, Any], ignoring: Collection[str]) -> bytes:
    return canonical({key: value for key, value in payload.items() if key not in ignoring})
