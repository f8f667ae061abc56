"""elbv2 as the sandbox's resolver and its cloud controller use it: moto names a load balancer in a way of its own."""

from __future__ import annotations

import re
from typing import Any

from moto.elbv2.models import ELBv2Backend

from sandbox.aws.patching import replace

_OURS = re.compile(r"lb-\d+-\d+-\d+-\d+")


def name_load_balancers_by_their_address() -> None:
    """One whose name encodes an address of the sandbox gets the host name that leads there."""

    def create(self: Any, name: str, *arguments: Any, **named: Any) -> Any:
        made = original(self, name, *arguments, **named)
        if _OURS.fullmatch(name):
            made.dns_name = f"{name}.elb.{self.region_name}.amazonaws.example"
        return made

    original = replace(ELBv2Backend, "create_load_balancer", create)
