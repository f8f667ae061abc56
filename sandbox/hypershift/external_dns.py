"""ExternalDNS as the HyperShift operator installs it: Route53 records for Routes and Services, owned through TXT.

It never touches a name whose TXT record names another owner. What it knows of the zone it reads once per
`--txt-cache-interval` (an hour by default), or when its pod is a new one: until then it believes that a record somebody
else removed is still there.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sandbox.client import DEPLOYMENTS, ROUTES, SERVICES
from sandbox.controllers.pods import is_leaving
from sandbox.hypershift.carriers import HYPERSHIFT
from sandbox.hypershift.names import HOST_ANNOTATION, VISIBILITY_LABEL
from sandbox.hypershift.publishing import balancer_host
from sandbox.objects import status_of

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.controllers.context import Context
    from sandbox.hypershift.carriers import Carriers
    from sandbox.hypershift.cloud import Cloud

_log = logging.getLogger(__name__)
_DEFAULTS = {"--txt-cache-interval": "1h", "--interval": "1m", "--txt-suffix": "", "--txt-owner-id": "default"}
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_TTL = 60


@dataclass(frozen=True)
class Endpoint:
    """One name that shall lead to a load balancer, and the object that says so."""

    name: str
    target: str
    resource: str


def text_names(name: str, suffix: str) -> tuple[str, str]:
    """The names of the two TXT records that own a CNAME: the old form and the one with the record type."""
    first, _, rest = name.partition(".")
    return f"{first}{suffix}.{rest}", f"cname-{first}{suffix}.{rest}"


def seconds(text: str) -> float:
    """A Go duration of one unit."""
    return float(text[:-1]) * _UNITS[text[-1]]


class ExternalDns:
    """One ExternalDNS, as long as its pod is ready."""

    def __init__(self, context: Context, carriers: Carriers, cloud: Cloud) -> None:
        self._context = context
        self._carriers = carriers
        self._cloud = cloud
        self._deployments = context.informers.of(DEPLOYMENTS)
        self._routes = context.informers.of(ROUTES)
        self._services = context.informers.of(SERVICES)
        self._zone: str | None = None
        self._records: dict[tuple[str, str], Object] = {}
        self._read = 0.0
        self._carrier: frozenset[str] = frozenset()

    def start(self) -> ExternalDns:
        threading.Thread(target=self._run, name="external-dns", daemon=True).start()
        return self

    def stop(self) -> None:
        """Daemon thread: ends with the process."""

    def _run(self) -> None:
        while True:
            arguments = self._arguments()
            carrier = self._carriers.external_dns()
            if not carrier:
                self._carrier = frozenset()
            elif arguments is not None:
                try:
                    self._synchronise(arguments, carrier)
                except Exception as error:
                    _log.info("external-dns: %r", error)
                    self._read = 0.0 if isinstance(error, ClientError) else self._read
            time.sleep(min(seconds((arguments or _DEFAULTS)["--interval"]), 2.0) if carrier else 0.5)

    def _arguments(self) -> dict[str, str] | None:
        deployment = self._deployments.get("external-dns", HYPERSHIFT)
        if deployment is None:
            return None
        given = deployment["spec"]["template"]["spec"]["containers"][0].get("args") or []
        return {**_DEFAULTS, **dict(each.split("=", 1) for each in given if "=" in each)}

    def _synchronise(self, arguments: dict[str, str], carrier: frozenset[str]) -> None:
        fresh = time.monotonic() - self._read < seconds(arguments["--txt-cache-interval"])
        if not fresh or carrier != self._carrier:
            self._read_zone(arguments["--domain-filter"])
            self._carrier = carrier
        wanted = {each.name: each for each in self._endpoints(arguments["--domain-filter"])}
        # A batch for each name: a refused one (somebody else made the record) does not hold up the others.
        batches = [
            self._create_or_update(endpoint, arguments, self._owner(name, arguments["--txt-suffix"]))
            for name, endpoint in wanted.items()
        ]
        for (name, kind), record in list(self._records.items()):
            owner = self._owner(name, arguments["--txt-suffix"])
            if kind == "CNAME" and name not in wanted and owner == arguments["--txt-owner-id"]:
                doomed = [record, *self._texts(name, arguments["--txt-suffix"])]
                batches.append([{"Action": "DELETE", "ResourceRecordSet": each} for each in doomed])
        refused: ClientError | None = None
        for changes in filter(None, batches):
            try:
                self._change(changes)
            except ClientError as error:
                refused = error
        if refused is not None:
            raise refused

    def _create_or_update(self, endpoint: Endpoint, arguments: dict[str, str], owner: str | None) -> list[Object]:
        present = self._records.get((endpoint.name, "CNAME"))
        if present is None and owner is None:
            action = "CREATE"
        elif owner != arguments["--txt-owner-id"]:
            return []  # somebody else's, or nobody's that we know
        elif present is not None and present["ResourceRecords"][0]["Value"] == endpoint.target:
            return []
        else:
            action = "UPSERT"
        text = (
            f'"heritage=external-dns,external-dns/owner={arguments["--txt-owner-id"]},'
            f'external-dns/resource={endpoint.resource}"'
        )
        records = [_record(endpoint.name, "CNAME", endpoint.target)]
        records += [_record(name, "TXT", text) for name in text_names(endpoint.name, arguments["--txt-suffix"])]
        return [{"Action": action, "ResourceRecordSet": each} for each in records]

    def _endpoints(self, domain: str) -> list[Endpoint]:
        found = []
        for route in self._routes.list():
            ingress = status_of(route).get("ingress") or []
            if is_leaving(route) or _is_hidden(route) or not ingress:
                continue
            target = ingress[0].get("routerCanonicalHostname")
            if target:
                found.append(Endpoint(route["spec"]["host"], target, f"route/{_path(route)}"))
        for service in self._services.list():
            host = (service["metadata"].get("annotations") or {}).get(HOST_ANNOTATION)
            target = service["spec"].get("externalName") or balancer_host(service)
            if host and target and not is_leaving(service) and not _is_hidden(service):
                found.append(Endpoint(host, target, f"service/{_path(service)}"))
        return [each for each in found if each.name.endswith(f".{domain}")]

    def _texts(self, name: str, suffix: str) -> list[Object]:
        found = (self._records.get((text, "TXT")) for text in text_names(name, suffix))
        return [each for each in found if each is not None]

    def _owner(self, name: str, suffix: str) -> str | None:
        for record in self._texts(name, suffix):
            for part in record["ResourceRecords"][0]["Value"].strip('"').split(","):
                if part.startswith("external-dns/owner="):
                    return str(part.partition("=")[2])
        return None

    def _read_zone(self, domain: str) -> None:
        if self._zone is None:
            zones = self._cloud.route53.list_hosted_zones()["HostedZones"]
            self._zone = next(each["Id"] for each in zones if each["Name"] == f"{domain}.")
        records: dict[tuple[str, str], Object] = {}
        for page in self._cloud.route53.get_paginator("list_resource_record_sets").paginate(HostedZoneId=self._zone):
            for record in page["ResourceRecordSets"]:
                records[record["Name"].rstrip("."), record["Type"]] = record
        self._records, self._read = records, time.monotonic()

    def _change(self, changes: list[Object]) -> None:
        for change in changes:
            _log.info(
                "%s %s %s", change["Action"], change["ResourceRecordSet"]["Type"], change["ResourceRecordSet"]["Name"]
            )
        self._cloud.route53.change_resource_record_sets(HostedZoneId=self._zone, ChangeBatch={"Changes": changes})
        for change in changes:
            record = change["ResourceRecordSet"]
            key = (record["Name"].rstrip("."), record["Type"])
            if change["Action"] == "DELETE":
                self._records.pop(key, None)
            else:
                self._records[key] = record


def _record(name: str, kind: str, value: str) -> Object:
    return {"Name": name, "Type": kind, "TTL": _TTL, "ResourceRecords": [{"Value": value}]}


def _is_hidden(obj: Object) -> bool:
    """What HyperShift's `--label-filter` leaves out; the same mark as an annotation hides as well."""
    metadata = obj["metadata"]
    marks = [(metadata.get(field) or {}).get(VISIBILITY_LABEL) for field in ("labels", "annotations")]
    return "private" in marks


def _path(obj: Object) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"
