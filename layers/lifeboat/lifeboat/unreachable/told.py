"""What people read before they approve a recovery that loses data."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from lifeboat.model import Task

_TOLD = 10


def text(task: Task) -> str:
    """From the machine's data: the operation, and the `backup` that `choosing.choose` answered."""
    return "\n".join(_lines(task))


def _lines(task: Task) -> Iterator[str]:
    backup, ways = task.data["backup"], task.data["backup"]["ways"]
    age = int(backup["ageSeconds"])
    yield (
        f"Hosted cluster {task.hosted_cluster} is to be recovered at {task.destination} WITHOUT its source "
        f"{task.source}, which does not answer. Reason given: {task.data['unreachableSource']['reason']}"
    )
    yield ""
    yield (
        f"Data: {backup['kind']} backup {backup['backupId']}, {age} seconds old ({datetime.timedelta(seconds=age)}), "
        f"etcd revision {backup['revision']}. WHATEVER WAS WRITTEN SINCE THEN IS LOST."
    )
    for each in backup["skipped"]:
        yield f"- a newer backup does not verify: {each}"
    if not backup["bump"]["possible"]:
        yield (
            f"- etcd {backup['bump']['etcdVersion']} of the hosted release cannot raise the revision: clients that saw "
            "later revisions than the backup's may go on with what they remember. Approving accepts that"
        )
    instances = backup["instances"]
    if instances["added"]:
        yield f"- instances that the backup does not know, nobody will look after them: {_some(instances['added'])}"
    if instances["gone"]:
        yield f"- instances of the backup that are gone: {_some(instances['gone'])}"
    if instances["unprotected"]:
        yield (
            f"- spot instances cannot be protected, the source may terminate them: {_some(instances['unprotected'])}"
        )
    yield ""
    yield (
        f"The source may live on, unseen. It will be cut off: {len(ways['names'])} names, "
        f"{len(ways['loadBalancers'])} load balancers and {len(ways['endpointServices'])} endpoint services lose "
        "what is behind them; workers are protected from termination. It may still start instances."
    )
    yield (
        f"{task.source} MUST NOT COME BACK for this hosted cluster: its data are older or other than what the "
        "destination will hold. Its remains are deleted by `teardown` with an override."
    )


def _some(names: list[str]) -> str:
    more = f" (and {len(names) - _TOLD} more)" if len(names) > _TOLD else ""
    return ", ".join(names[:_TOLD]) + more
