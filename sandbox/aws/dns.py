"""The resolver of the sandbox: answers from Route53 as it is at this moment, public zones and private ones alike.

It knows the names of load balancers and of VPC endpoints; an endpoint is reached at the load balancer behind its
service, while both are there.
"""

from __future__ import annotations

import re
import socket
import socketserver
import struct
from collections.abc import Callable, Iterable
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

Records = Callable[[str, str], list[str]]
"""`(name, type)` to values: the name without the final dot, in lower case; no value when there is none."""

Endpoints = Callable[[str], str | None]
"""The load balancer's name behind the VPC endpoint of that id; None when either is gone."""

TTL_SECONDS = 1
_LONGEST_CHAIN = 8
_ENDPOINT = re.compile(r"(vpce-[0-9a-f]+)-[0-9a-f]+\.com\.amazonaws\.vpce\..+")
_BALANCER_NAME = re.compile(r"lb-(\d+)-(\d+)-(\d+)-(\d+)")
_LOAD_BALANCER = re.compile(r"lb-(\d+)-(\d+)-(\d+)-(\d+)\.elb\.[a-z0-9-]+\.amazonaws\.example")


class Resolver:
    """Serves DNS over UDP and TCP on one address until `close`."""

    def __init__(self, endpoint: str, records: Records, endpoints: Endpoints = lambda _: None) -> None:
        host, _, port = endpoint.rpartition(":")
        self._records = records
        self._endpoints = endpoints
        self._udp = _UdpServer((host, int(port)), _udp_handler(self.answer))
        self._tcp = _TcpServer((host, int(port)), _tcp_handler(self.answer))

    def serve(self, start: Callable[[Callable[[], None], str], Any]) -> None:
        """`start(function, name)` runs each listener in a thread."""
        start(self._udp.serve_forever, "dns-udp")
        start(self._tcp.serve_forever, "dns-tcp")

    def close(self) -> None:
        self._udp.server_close()
        self._tcp.server_close()

    def answer(self, wire: bytes) -> bytes:
        """The answer to one query, in wire format; NXDOMAIN when no record of any type has the name."""
        query = dns.message.from_wire(wire)
        response = dns.message.make_response(query)
        response.flags |= dns.flags.AA | dns.flags.RA
        for question in query.question:
            name = question.name.to_text(omit_final_dot=True).lower()
            if not self._resolve(response, name, dns.rdatatype.to_text(question.rdtype)):
                response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()

    def _resolve(self, response: dns.message.Message, name: str, kind: str) -> bool:
        for _ in range(_LONGEST_CHAIN):
            values = self._values(name, kind)
            if values:
                _add(response, name, kind, values)
                return True
            alias = self._values(name, "CNAME")
            if not alias:
                return any(self._values(name, other) for other in ("A", "AAAA", "TXT"))
            _add(response, name, "CNAME", [alias[0].rstrip(".") + "."])
            name = alias[0].rstrip(".").lower()
        return True

    def _values(self, name: str, kind: str) -> list[str]:
        match = _LOAD_BALANCER.fullmatch(name)
        if match:
            return [".".join(match.groups())] if kind == "A" else []
        if endpoint := _ENDPOINT.fullmatch(name):
            behind = _BALANCER_NAME.fullmatch(self._endpoints(endpoint[1]) or "")
            return [".".join(behind.groups())] if behind and kind == "A" else []
        return self._records(name, kind)


def _add(response: dns.message.Message, name: str, kind: str, values: Iterable[str]) -> None:
    response.answer.append(
        dns.rrset.from_text_list(
            name + ".", TTL_SECONDS, dns.rdataclass.IN, dns.rdatatype.from_text(kind), list(values)
        )
    )


class _UdpServer(socketserver.ThreadingUDPServer):
    allow_reuse_address = True
    daemon_threads = True


class _TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def _udp_handler(answer: Callable[[bytes], bytes]) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            wire, connection = self.request
            connection.sendto(answer(wire), self.client_address)

    return Handler


def _tcp_handler(answer: Callable[[bytes], bytes]) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            connection: socket.socket = self.request
            header = connection.recv(2, socket.MSG_WAITALL)
            if len(header) == 2:
                wire = answer(connection.recv(struct.unpack(">H", header)[0], socket.MSG_WAITALL))
                connection.sendall(struct.pack(">H", len(wire)) + wire)

    return Handler


def route53_records(backends: Any, account_id: str) -> Records:
    """Records of every hosted zone in moto's Route53; alias records count as CNAMEs."""

    def find(name: str, kind: str) -> list[str]:
        found: list[str] = []
        for zone in list(backends[account_id]["aws"].zones.values()):
            for record in list(zone.rrsets):
                if record.name.rstrip(".").lower() != name:
                    continue
                if record.type == kind:
                    found.extend(record.records or [])
                if kind == "CNAME" and record.alias_target:
                    found.append(record.alias_target["DNSName"])
        return found

    return find


def vpc_endpoints(backend: Any) -> Endpoints:
    """VPC endpoints of one region of moto's EC2 and the network load balancers that their services name."""

    def find(endpoint_id: str) -> str | None:
        endpoint = backend.vpc_end_points.get(endpoint_id)
        for service in list(backend.configurations.values()):
            alive = endpoint is not None and endpoint.state == "available"
            if alive and service.service_name == endpoint.service_name:
                arn: str = service.network_load_balancer_arns[0]
                return arn.split("/")[-2]
        return None

    return find
