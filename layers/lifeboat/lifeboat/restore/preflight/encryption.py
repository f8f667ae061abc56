"""The key by which the hosted API's Secrets lie encrypted in etcd: without it they can never be read again."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from lifeboat.restore.preflight.look import Look

_ARN = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:key/\S+")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")
_KEY = "key"
_SIZES = (16, 24, 32)
"""Bytes of an AES key."""


def problems(look: Look) -> Iterator[str]:
    """By `spec.secretEncryption`: keys in Secrets (aescbc) or in KMS. Backup keys count as well: old values need it."""
    encryption = look.hosted_cluster["spec"].get("secretEncryption") or {}
    kind = encryption.get("type")
    if kind == "aescbc":
        for role, reference in _keys(encryption.get("aescbc")):
            yield from _secret(look, role, str(reference.get("name") or ""))
    elif kind == "kms":
        settings = encryption.get("kms") or {}
        if settings.get("provider") != "AWS":
            yield f"its etcd is encrypted by KMS of {settings.get('provider')}: only AWS is reached from there"
            return
        aws = settings.get("aws") or {}
        yield from _role(aws)
        for role, reference in _keys(aws):
            yield from _kms(look, aws, role, str(reference.get("arn") or ""))
    elif encryption:
        yield f"its etcd is encrypted by {kind}, which is not known here: look whether its key comes along"


def _keys(of: Mapping[str, Any] | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for role in ("activeKey", "backupKey"):
        if role == "activeKey" or (of or {}).get(role):
            yield role, (of or {}).get(role) or {}


def _secret(look: Look, role: str, name: str) -> Iterator[str]:
    found = look.secret(name)
    if found is None:
        yield f"the backup lacks Secret {name or '(no name)'}, the {role} of etcd's encryption: choose another backup"
        return
    try:
        size = len(base64.b64decode((found.get("data") or {}).get(_KEY) or "", validate=True))
    except binascii.Error:
        size = 0
    if size not in _SIZES:
        yield (
            f"Secret {name} of the backup, the {role} of etcd's encryption, holds {size} bytes under `{_KEY}` and no "
            "AES key: choose another backup"
        )


def _role(aws: Mapping[str, Any]) -> Iterator[str]:
    role = str((aws.get("auth") or {}).get("awsKms") or "")
    if not _ROLE.fullmatch(role):
        yield f"secretEncryption.kms.aws.auth.awsKms names no IAM role ({role or 'empty'}): set it at the source"


def _kms(look: Look, aws: Mapping[str, Any], role: str, arn: str) -> Iterator[str]:
    """A key whose owner lets nobody look is no problem here: HyperShift's ValidAWSKMSConfig tells after the restore."""
    region = look.aws.get("region")
    told = f"the {role} of etcd's encryption, {arn or '(no ARN)'},"
    found = _ARN.fullmatch(arn)
    if found is None:
        yield f"{told} is no ARN of a KMS key: set it at the source"
    elif region not in {found["region"], None} or aws.get("region") not in {region, None}:
        yield f"{told} is in another region than the hosted cluster ({region}): use a key of that region"
    elif (state := look.outside.keys.state(arn)) not in {"Enabled", None}:
        yield f"{told} is {state}: enable it, or cancel its deletion; without it no Secret can be read"
