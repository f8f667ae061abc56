"""The instances are those of before: none added, none lost."""

from __future__ import annotations

from collections.abc import Mapping

from lifeboat.errors import VerificationError
from lifeboat.ports import Instances
from lifeboat.verification import Finding

DEAD = ("shutting-down", "terminated")
"""States of an instance that is not coming back."""


def verify(instances: Instances, infra_id: str, before: Mapping[str, str]) -> Finding:
    """Compare with what ran before the move (state by instance id).

    Raises VerificationError when an instance was added or is being terminated.
    """
    now = instances.of(infra_id)
    living = {each for each, state in before.items() if state not in DEAD}
    added = sorted(each for each in now if each not in before)
    lost = sorted(each for each in living if now.get(each, "terminated") in DEAD)
    if added or lost:
        told = [*(f"{each} was added" for each in added), *(f"{each} was terminated" for each in lost)]
        msg = f"instances changed during the move: {'; '.join(told)}; scale cluster-api and capi-provider to 0 and look"
        raise VerificationError(msg)
    not_yet = [f"{each} to be {before[each]} again (it is {now[each]})" for each in living if now[each] != before[each]]
    return Finding({"instances": sorted(living)}, sorted(not_yet))
