"""Which ExternalDNS a private hosted cluster needs at its destination."""

import dataclasses

import pytest

from lifeboat.restore.preflight import problems
from tests.unit.backed_up import REGION
from tests.unit.preflight.fit import a_fit_world

PLATFORM = {"type": "AWS", "aws": {"region": REGION, "endpointAccess": "Private"}}


def told(world, records):
    world.destination.remove("Deployment", "hypershift", "external-dns")
    look = world.look()
    state = dataclasses.replace(look.destination.state, dns=records)
    look = dataclasses.replace(look, destination=dataclasses.replace(look.destination, state=state))
    return [line for line in problems(look) if "ExternalDNS" in line]


@pytest.mark.parametrize(
    ("records", "needed"),
    [
        ([{"name": "api-blue.hosted.example.com", "type": "CNAME", "values": ["vpce-1.example"]}], True),
        ([{"name": "api-blue-external-dns.hosted.example.com", "type": "TXT", "values": ["x"]}], False),
        ([], False),
    ],
)
def test_one_whose_names_lead_to_its_endpoint_does(records, needed):
    assert bool(told(a_fit_world(platform=PLATFORM), records)) == needed
