"""Arguments of what `hypershift install` brings."""

from __future__ import annotations


def external_dns(owner: str, domain: str) -> list[str]:
    """ExternalDNS."""
    given = {"provider": "aws", "registry": "txt", "txt-suffix": "-external-dns", "txt-owner-id": owner}
    return [f"--{name}={value}" for name, value in {**given, "domain-filter": domain}.items()]
