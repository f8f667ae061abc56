"""Which of a hosted cluster's services must have names of their own, that stay when its control plane moves.

Only nodes of a Public hosted cluster come by the published names; the others know their control plane as
`<name>.hypershift.local`, and `hypershift create cluster aws --external-dns-domain` gives those only the names that
people use: APIServer and OAuthServer. Of a Private one nobody has to come from outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OF_PEOPLE = ("APIServer", "OAuthServer")
_NEVER = ("OIDC",)


def access(spec: Mapping[str, Any]) -> str:
    """`Public`, `PublicAndPrivate` or `Private`: a HostedCluster's `spec.platform.aws.endpointAccess`."""
    return str(((spec.get("platform") or {}).get("aws") or {}).get("endpointAccess") or "Public")


def hostname(service: Mapping[str, Any]) -> str | None:
    """The fixed host name of an entry of `spec.services`, if it has one."""
    strategy = service.get("servicePublishingStrategy") or {}
    for way in ("route", "loadBalancer"):
        if name := (strategy.get(way) or {}).get("hostname"):
            return str(name)
    return None


def without_fixed_name(spec: Mapping[str, Any]) -> list[str]:
    """Services (`spec.services[].service`) that need a fixed host name for a move and have none."""
    reached = access(spec)
    if reached == "Private":
        return []
    known = [
        each
        for each in spec.get("services") or ()
        if (each["service"] not in _NEVER if reached == "Public" else each["service"] in _OF_PEOPLE)
    ]
    return [str(each["service"]) for each in known if not hostname(each)]
