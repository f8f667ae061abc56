"""The public names of a hosted cluster: withdrawn at the source before the destination may claim them.

ExternalDNS keeps a TXT twin for each name that says which installation owns it; it deletes a name when the Route (or
annotated Service) behind it goes, and never touches another owner's. So the source's Routes go first and its
ExternalDNS withdraws the names. Where it does not in time, exactly these names are deleted in Route53, addresses
before ownership, and only when the source's own ExternalDNS owned them.

Names are compared exactly: `api-blue` is a prefix of nobody's business but ours.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lifeboat import signed, ways
from lifeboat.edits import annotation, edit
from lifeboat.errors import FenceUnprovenError
from lifeboat.model import Manifest
from lifeboat.moved import Move
from lifeboat.ports import Dns, DnsRecord, ManagementCluster, ObjectStore, Signer
from lifeboat.resources import ROUTES, SERVICES

HOSTNAME_ANNOTATION = "external-dns.alpha.kubernetes.io/hostname"
_SUFFIX = "-external-dns"
_TYPES_IN_NAMES = ("", "cname-", "a-", "aaaa-")
_OWNER = re.compile(r"external-dns/owner=([^,\"]+)")
_OWNER_FLAG = "--txt-owner-id="


def with_ownership(hostname: str) -> list[str]:
    """A name and every name under which ExternalDNS may keep its ownership.

    HyperShift installs it with `--txt-suffix=-external-dns`, which goes behind the first label; newer releases put
    the record's type before it as well. Some tools read the suffix as part of the whole name: that form is looked at
    too, since a left-over record blocks the destination.
    """
    label, _, domain = hostname.partition(".")
    twins = [f"{kind}{label}{_SUFFIX}.{domain}" for kind in _TYPES_IN_NAMES]
    return [hostname, *twins, *(f"{kind}{hostname}{_SUFFIX}" for kind in _TYPES_IN_NAMES)]


def records_of(dns: Dns, hostnames: Sequence[str]) -> list[DnsRecord]:
    """Every record set of these names and of their ownership."""
    names = [name for hostname in hostnames for name in with_ownership(hostname)]
    return dns.records(names) if names else []


@dataclass(frozen=True)
class CleanUp:
    """What was withdrawn at the source."""

    routes: int
    services: int


def withdraw(
    source: ManagementCluster,
    store: ObjectStore,
    signer: Signer,
    move: Move,
    operation_id: str,
) -> CleanUp:
    """Delete the Routes of the control plane and take the host names off its Services.

    They are written down (signed, once for a backup) first. Should the source resume, its control-plane-operator makes
    them anew.
    """
    namespace = move.record.hosted_cluster.control_plane_namespace
    routes = source.list_objects(ROUTES, namespace)
    services = _publishing(source, namespace)
    _write_down(store, signer, move, operation_id, "routes", {"routes": routes, "services": services})
    for route in routes:
        source.delete(ROUTES, namespace, route["metadata"]["name"], uid=route["metadata"]["uid"])
    for service in services:
        edit(source, SERVICES, namespace, service["metadata"]["name"], _without_hostname)
    return CleanUp(len(routes), len(services))


def published(source: ManagementCluster, namespace: str) -> set[str]:
    """Host names that the Services of a namespace ask ExternalDNS for, whatever their type."""
    return {str(annotation(each, HOSTNAME_ANNOTATION)) for each in _publishing(source, namespace)}


def _publishing(source: ManagementCluster, namespace: str) -> list[Manifest]:
    found = source.list_objects(SERVICES, namespace)
    return [service for service in found if annotation(service, HOSTNAME_ANNOTATION) is not None]


def _without_hostname(service: Manifest) -> Mapping[str, Any] | None:
    named = annotation(service, HOSTNAME_ANNOTATION) is not None
    return {"metadata": {"annotations": {HOSTNAME_ANNOTATION: None}}} if named else None


def force(
    source: ManagementCluster,
    dns: Dns,
    store: ObjectStore,
    signer: Signer,
    move: Move,
    operation_id: str,
) -> list[str]:
    """Delete in Route53 what the source's ExternalDNS left of the moved names; returns the names deleted.

    Raises FenceUnprovenError when a name is there that the source's ExternalDNS does not own: somebody else answers
    for it. Old values are kept, signed, in the operation's `dns.json`.
    """
    owner = owner_id(source)
    doomed = owned(dns, move.state.hostnames, owner)
    deleted = [to_json(each) for each in doomed]
    _write_down(store, signer, move, operation_id, "dns", {"owner": owner, "deleted": deleted})
    dns.delete([each for each in doomed if each.type != "TXT"])
    dns.delete([each for each in doomed if each.type == "TXT"])  # ownership last: it is how a second run knows its own
    return sorted({each.name for each in doomed})


def owned(dns: Dns, hostnames: Sequence[str], owner: str) -> list[DnsRecord]:
    """Every record set of these names and of their ownership, all of them held by this ExternalDNS.

    Raises FenceUnprovenError when a name is there that it does not own.
    """
    found: list[DnsRecord] = []
    for hostname in hostnames:
        records = records_of(dns, [hostname])
        strangers = sorted({name for record in records for name in _owners(record)} - {owner})
        if strangers or (records and not any(_owners(record) for record in records)):
            msg = (
                f"{hostname} belongs to {', '.join(strangers) or 'nobody that ExternalDNS knows'}, not to the source's "
                f"ExternalDNS ({owner}): look who answers for it, delete it by hand, then start again"
            )
            raise FenceUnprovenError(msg)
        found += records
    return found


def owner_id(cluster: ManagementCluster) -> str:
    """The id under which a management cluster's ExternalDNS owns its names.

    Raises FenceUnprovenError when its Deployment does not say.
    """
    if (found := find_owner_id(cluster)) is not None:
        return found
    msg = (
        f"{cluster.name}: Deployment hypershift/external-dns has no {_OWNER_FLAG}: these names may be anybody's, "
        "delete them by hand, then start again"
    )
    raise FenceUnprovenError(msg)


def find_owner_id(cluster: ManagementCluster) -> str | None:
    """The id under which a management cluster's ExternalDNS owns its names, if its Deployment says one."""
    return ways.external_dns(cluster).get("owner")


def to_json(record: DnsRecord) -> dict[str, Any]:
    """A record as data and evidence hold it."""
    return {"name": record.name, "type": record.type, "values": sorted(targets(record))}


def targets(record: DnsRecord) -> list[str]:
    """What a record points to: its values, or the target of an alias; no final dots."""
    alias = record.raw.get("AliasTarget", {}).get("DNSName")
    return [value.rstrip(".") for value in (*record.values, *([alias] if alias else ()))]


def _write_down(
    store: ObjectStore, signer: Signer, move: Move, operation_id: str, name: str, what: Mapping[str, Any]
) -> None:
    """Add `<name>.json` to the operation, naming the record; a second attempt meets fewer, so the first list counts.

    An operation that was started again and made another backup adds `<name>-<backupId>.json`.
    """
    for file in (f"{name}.json", f"{name}-{move.record.backup_id}.json"):
        key = move.layout.operation(operation_id, file)
        payload = {"schema": 1, "recordSha256": move.record_sha256, **what}
        there, _ = signed.put_first(store, signer, key, payload)
        if there.get("recordSha256") == move.record_sha256:
            return


def _owners(record: DnsRecord) -> list[str]:
    return [owner for value in record.values for owner in _OWNER.findall(value)] if record.type == "TXT" else []
