"""AWS trusts what the restored cluster signs: its published OIDC documents hold the key that it signs with now."""

from __future__ import annotations

import base64
import binascii

from lifeboat import oidc
from lifeboat.errors import AwsUnavailableError
from lifeboat.model import HostedClusterRef
from lifeboat.ports import Documents, ManagementCluster
from lifeboat.resources import HOSTED_CLUSTERS, SECRETS
from lifeboat.verification import Finding


def verify(destination: ManagementCluster, hosted: HostedClusterRef, documents: Documents) -> Finding:
    """Compare the documents, as anybody reads them, with the signing key at the destination.

    A cluster whose issuer is not public has none. A document that is wrong is waited for: the operator, or whoever
    mends it, may publish it again.
    """
    live = destination.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    issuer = str(((live or {}).get("spec") or {}).get("issuerURL") or "").rstrip("/")
    if not oidc.is_public(issuer):
        return Finding()
    secret = destination.get(SECRETS, hosted.control_plane_namespace, oidc.SIGNING_KEY)
    try:
        encoded = ((secret or {}).get("data") or {}).get(oidc.PUBLIC_KEY) or ""
        key_id = oidc.key_id(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError):
        return Finding(not_yet=[f"Secret {oidc.SIGNING_KEY} with a public key"])
    try:
        told = oidc.published(documents, issuer, key_id)
    except AwsUnavailableError as error:
        told = str(error)
    return Finding({"oidcKeyId": key_id}, [f"OIDC documents that hold the signing key ({told})"] if told else [])
