"""AWS: one region for everything, and the instances that are to be kept."""

from __future__ import annotations

from collections.abc import Iterator

from lifeboat.errors import AccessDeniedError
from lifeboat.resources import NODES
from lifeboat.restore.preflight.look import Look
from lifeboat.restore.preflight.nodes import REGION
from lifeboat.verification.instances import DEAD


def problems(look: Look) -> Iterator[str]:
    """The hosted cluster's load balancers, volumes and endpoint services are made in the destination's region."""
    wanted = look.aws.get("region")
    for name in dict.fromkeys((look.destination.record.source, look.cluster.name)):
        registered = look.outside.region(name)
        if registered is not None and registered != wanted:
            yield (
                f"management cluster {name} is registered in {registered}, the hosted cluster is in {wanted}: move it "
                "within one region only, or correct what is registered"
            )
    regions = {
        found
        for each in look.cluster.list_objects(NODES)
        if (found := (each["metadata"].get("labels") or {}).get(REGION))
    }
    if regions and regions != {wanted}:
        yield f"nodes of {look.cluster.name} are in {', '.join(sorted(regions))}, not in {wanted}: choose another one"
    try:
        look.outside.instances.of(look.destination.record.infra_id)
    except AccessDeniedError as error:
        yield f"{error}: deploy the stack again, or ask who restricts the account"


def differences(look: Look) -> Iterator[str]:
    """Instances that came or went since the backup: their Machines would not fit them."""
    before = look.destination.state.instances
    try:
        now = look.outside.instances.of(look.destination.record.infra_id)
    except AccessDeniedError:
        return  # told among the problems
    living = {each for each, state in before.items() if state not in DEAD}
    gone = sorted(each for each in living if now.get(each, DEAD[-1]) in DEAD)
    new = sorted(each for each, state in now.items() if each not in before and state not in DEAD)
    if gone:
        yield f"instances are gone since the backup ({', '.join(gone)}): their Machines would be made anew"
    if new:
        yield f"instances came since the backup ({', '.join(new)}): no Machine would know of them"
