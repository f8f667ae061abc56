"""The public names: both ExternalDNS must be set up so that one gives them up and the other takes them."""

from __future__ import annotations

from collections.abc import Iterator

from lifeboat import flags, publishing
from lifeboat.model import Manifest
from lifeboat.ports import ManagementCluster
from lifeboat.resources import DEPLOYMENTS, SECRETS
from lifeboat.restore.destination import OPERATOR_NAMESPACE
from lifeboat.restore.preflight.look import EXTERNAL_DNS, OPERATOR, Look
from lifeboat.verification.names import recorded

_NAME = f"Deployment {OPERATOR_NAMESPACE}/{EXTERNAL_DNS}"
_SUFFIX = "-external-dns"
_OWNER = "txt-owner-id"
_CREDENTIALS = "AWS_SHARED_CREDENTIALS_FILE"


def problems(look: Look) -> Iterator[str]:
    """Fixed host names; ExternalDNS for public ones, of another id than the source's; PrivateLink for private ones."""
    yield from _fixed(look)
    if _are_published(look):
        yield from _external_dns(look)
    if look.access != "Public":
        yield from _private_platform(look, look.cluster)


def differences(look: Look) -> Iterator[str]:
    """A source whose operator could not make the private way again: going back to it would not bring that back."""
    if look.access != "Public" and look.source is not None:
        yield from _private_platform(look, look.source)


def at_source(source: ManagementCluster) -> Iterator[str]:
    """What keeps a source from giving its public names up.

    To be asked while they stand there: whoever has deleted them by hand has done what was needed.
    """
    external_dns = source.get(DEPLOYMENTS, OPERATOR_NAMESPACE, EXTERNAL_DNS)
    if external_dns is None:
        yield (
            f"{source.name} has no ExternalDNS ({_NAME}): nobody knows who owns the public names; "
            "delete their records by hand or install it"
        )
        return
    yield from _settings(source, external_dns)


def notes(look: Look) -> Iterator[str]:
    """A source whose ExternalDNS stands still: its names are withdrawn in Route53 then, after a wait."""
    if look.source is None or not _are_published(look):
        return
    before = look.source.get(DEPLOYMENTS, OPERATOR_NAMESPACE, EXTERNAL_DNS)
    if before is not None and not flags.is_ready(before):
        yield f"ExternalDNS at {look.source.name} has no ready pod: public names will be deleted in Route53 directly"


def _are_published(look: Look) -> bool:
    """Of a private hosted cluster they may be: ExternalName Services then lead its names to the VPC endpoint."""
    state = look.destination.state
    return bool(recorded(state.hostnames, state.dns) if look.access == "Private" else state.hostnames)


def _fixed(look: Look) -> Iterator[str]:
    """Whoever uses a service knows it by the name it was given; a load balancer's own name stays with the source."""
    for service in publishing.without_fixed_name(look.hosted_cluster["spec"]):
        yield (
            f"service {service} has no fixed hostname, and services cannot be changed: its users would look for the "
            "source's load balancer; the hosted cluster has to be made anew with external DNS"
        )


def _external_dns(look: Look) -> Iterator[str]:
    there = look.cluster.get(DEPLOYMENTS, OPERATOR_NAMESPACE, EXTERNAL_DNS)
    if not flags.is_ready(there):
        yield f"ExternalDNS ({_NAME}) is not ready there: public names would not move; install it, or look at its pods"
    if there is None:
        return
    yield from _settings(look.cluster, there)
    domains = flags.values(there, "domain-filter")
    for name in look.destination.state.hostnames:
        if domains and not any(name == domain or name.endswith(f".{domain}") for domain in domains):
            yield (
                f"ExternalDNS there does not manage {name} (its domains: {', '.join(domains)}): install HyperShift "
                "there with --external-dns-domain-filter of that domain"
            )
    if look.source is None:
        recorded = (look.destination.state.external_dns or {}).get("owner")
        if recorded is not None and recorded == flags.value(there, _OWNER):
            yield _same_owner(f"the source ({look.destination.state.source}, when it was backed up)", recorded)
        return
    before = look.source.get(DEPLOYMENTS, OPERATOR_NAMESPACE, EXTERNAL_DNS)
    owner = flags.value(before, _OWNER)
    if owner is not None and owner == flags.value(there, _OWNER):
        yield _same_owner(look.source.name, owner)


def _same_owner(where: str, owner: str) -> str:
    """Two of one id take each other's names for leftovers of their own and withdraw them."""
    return (
        f"ExternalDNS there and at {where} have the same --{_OWNER}={owner}: each would withdraw the other's names; "
        "give one of them an id of its own"
    )


def _settings(cluster: ManagementCluster, external_dns: Manifest) -> Iterator[str]:
    """As `hypershift install` sets it up; ownership that is kept another way would neither be seen nor handed over."""
    where = f"ExternalDNS at {cluster.name}"
    if (provider := flags.value(external_dns, "provider")) != "aws":
        yield f"{where} has --provider={provider}: install HyperShift there with --external-dns-provider=aws"
    if flags.value(external_dns, _OWNER) is None:
        yield f"{where} has no --{_OWNER}: its names may be anybody's; set one of its own"
    if (registry := flags.value(external_dns, "registry")) not in {"txt", None}:
        yield f"{where} keeps ownership with --registry={registry}: set it to txt, as HyperShift does"
    if (prefix := flags.value(external_dns, "txt-prefix")) or flags.value(external_dns, "txt-suffix") != _SUFFIX:
        told = f"--txt-prefix={prefix}" if prefix else f"--txt-suffix={flags.value(external_dns, 'txt-suffix')}"
        yield f"{where} keeps ownership under {told}: set --txt-suffix={_SUFFIX}, as HyperShift does"


def _private_platform(look: Look, cluster: ManagementCluster) -> Iterator[str]:
    """The operator makes the endpoint service of a private hosted cluster only with credentials for it."""
    operator = look.operator if cluster is look.cluster else cluster.get(DEPLOYMENTS, OPERATOR_NAMESPACE, OPERATOR)
    if operator is None:
        return  # told where it is missing
    where = f"the HyperShift operator at {cluster.name}"
    remedy = "install HyperShift there with --private-platform=AWS, --aws-private-creds and --aws-private-region"
    if (platform := flags.value(operator, "private-platform")) != "AWS":
        yield f"{where} has --private-platform={platform}, and the hosted cluster is {look.access}: {remedy}"
        return
    if not flags.variable(operator, _CREDENTIALS):
        yield f"{where} has no AWS credentials for private clusters ({_CREDENTIALS}): {remedy}"
    region, wanted = flags.variable(operator, "AWS_REGION"), look.aws.get("region")
    if region is not None and region != wanted:
        yield f"{where} makes endpoint services in {region or 'no region'}, not in {wanted}: {remedy}"
    for volume in operator["spec"]["template"]["spec"].get("volumes") or ():
        secret = (volume.get("secret") or {}).get("secretName")
        if volume["name"] == "credentials" and secret and cluster.get(SECRETS, OPERATOR_NAMESPACE, secret) is None:
            yield f"{where} lacks the Secret {OPERATOR_NAMESPACE}/{secret} with its AWS credentials: {remedy}"
