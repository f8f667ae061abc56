"""What makes the hosted cluster itself, and cannot be made again: authorities, signing key, pull secret, OIDC."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator
from typing import Any

from lifeboat import flags, oidc
from lifeboat.errors import AwsUnavailableError
from lifeboat.model import Manifest
from lifeboat.restore.preflight.look import Look

FINALIZER = "hypershift.io/aws-oidc-discovery"
"""On a HostedCluster: its documents are published, and the operator does not publish them again."""

BUCKET_FLAG = "oidc-storage-provider-s3-bucket-name"
_IN_S3 = re.compile(r"https://(?P<bucket>[a-z0-9.-]+)\.s3[.-][a-z0-9-]+\.amazonaws\.com/")
_IDENTITY = ("root-ca", oidc.SIGNING_KEY)


def problems(look: Look) -> Iterator[str]:
    """All of it is in the backup, and AWS still trusts the key by which the cluster's tokens are signed."""
    yield from _pull_secret(look)
    for name in _IDENTITY:
        if (look.destination.namespace, name) not in look.secrets:
            yield (
                f"the backup lacks Secret {name}: the cluster would get a new identity and lose its nodes; "
                "choose another backup"
            )
    yield from _documents(look)


def _pull_secret(look: Look) -> Iterator[str]:
    name = (look.hosted_cluster["spec"].get("pullSecret") or {}).get("name")
    found = look.secret(str(name))
    if found is None:
        yield f"the backup lacks the pull secret {name}: no image could be pulled; choose another backup"
        return
    config = _json(_decoded(found, ".dockerconfigjson"))
    if not isinstance(config, dict) or not isinstance(config.get("auths"), dict):
        yield (
            f"the pull secret {name} of the backup holds no .dockerconfigjson with `auths`: mend it at the source, "
            "then back it up again"
        )


def _documents(look: Look) -> Iterator[str]:
    """An operator of another bucket would neither keep nor renew what IAM reads; a wrong key stops all guest roles."""
    issuer = str(look.hosted_cluster["spec"].get("issuerURL") or "").rstrip("/")
    if not oidc.is_public(issuer):
        return  # its tokens are not for AWS
    bucket, used = flags.value(look.operator, BUCKET_FLAG), _IN_S3.match(issuer)
    if look.operator is not None and bucket is None:
        yield f"the HyperShift operator there has no OIDC bucket: install it with --{BUCKET_FLAG}, the source's bucket"
    elif used and bucket and bucket != used["bucket"]:
        yield (
            f"the HyperShift operator there publishes OIDC documents in {bucket}, the cluster's are in "
            f"{used['bucket']}: install it with --{BUCKET_FLAG}={used['bucket']}"
        )
    if FINALIZER not in (look.hosted_cluster["metadata"].get("finalizers") or ()):
        return  # the operator publishes them when it meets the HostedCluster
    signing_key = look.secrets.get((look.destination.namespace, oidc.SIGNING_KEY))
    if signing_key is None:
        return  # told above
    try:
        wanted = oidc.key_id(_decoded(signing_key, oidc.PUBLIC_KEY))
    except ValueError:
        yield f"Secret {oidc.SIGNING_KEY} of the backup holds no public key ({oidc.PUBLIC_KEY}): choose another backup"
        return
    try:
        told = oidc.published(look.outside.documents, issuer, wanted)
    except AwsUnavailableError as error:
        told = str(error)
    if told:
        yield f"{told}: AWS would refuse every role of the hosted cluster; publish them (`hypershift fix dr-oidc-iam`)"


def _decoded(secret: Manifest, key: str) -> bytes:
    try:
        return base64.b64decode((secret.get("data") or {}).get(key) or "", validate=True)
    except binascii.Error:
        return b""


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
