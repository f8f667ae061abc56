"""The resolver answers from Route53 as it is."""

from __future__ import annotations

import json
from typing import Any

import dns.message
import dns.query
import dns.rcode
import pytest

from .conftest import Aws


def _ask(aws: Aws, name: str, kind: str = "A", transport: Any = dns.query.udp) -> tuple[str, list[str]]:
    host, _, port = aws.plan.resolver.rpartition(":")
    answer = transport(dns.message.make_query(name, kind), host, port=int(port), timeout=5)
    return dns.rcode.to_text(answer.rcode()), [item.to_text() for each in answer.answer for item in each]


@pytest.fixture(scope="module")
def zone(aws: Aws) -> str:
    created = aws.client("route53").create_hosted_zone(Name="hosted.example.com", CallerReference="test")
    return str(created["HostedZone"]["Id"])


def _change(aws: Aws, zone: str, action: str, name: str, kind: str, value: str) -> None:
    record = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}]}
    aws.client("route53").change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]}
    )


@pytest.mark.parametrize("transport", [dns.query.udp, dns.query.tcp])
def test_a_cname_is_followed_to_the_load_balancer(aws: Aws, zone: str, transport: Any) -> None:
    target = "lb-127-70-24-9.elb.us-east-2.amazonaws.example"
    _change(aws, zone, "UPSERT", "api-blue.hosted.example.com", "CNAME", target)
    code, values = _ask(aws, "API-blue.hosted.example.com", transport=transport)
    assert (code, values) == ("NOERROR", [target + ".", "127.70.24.9"])


def test_txt_records_are_answered_and_other_types_are_not_a_missing_name(aws: Aws, zone: str) -> None:
    value = '"heritage=external-dns,external-dns/owner=owner-mgmt-1"'
    _change(aws, zone, "UPSERT", "api-blue-external-dns.hosted.example.com", "TXT", value)
    assert _ask(aws, "api-blue-external-dns.hosted.example.com", "TXT") == ("NOERROR", [value])
    assert _ask(aws, "api-blue-external-dns.hosted.example.com", "A") == ("NOERROR", [])


def test_a_deleted_record_is_gone_at_once(aws: Aws, zone: str) -> None:
    _change(aws, zone, "CREATE", "short.hosted.example.com", "A", "127.0.0.9")
    assert _ask(aws, "short.hosted.example.com")[1] == ["127.0.0.9"]
    _change(aws, zone, "DELETE", "short.hosted.example.com", "A", "127.0.0.9")
    assert _ask(aws, "short.hosted.example.com")[0] == "NXDOMAIN"
    changed = json.loads(aws.plan.aws_calls.read_text().splitlines()[-1])
    assert changed["action"] == "ChangeResourceRecordSets"
    assert changed["resources"]["changes"] == ["DELETE short.hosted.example.com A"]
