"""Whether a source answers. One answer is enough to believe that it can be stopped and fenced like any other."""

from __future__ import annotations

from typing import Any

from lifeboat.errors import ApiUnavailableError, FenceUnprovenError, LifeboatError, PreflightError
from lifeboat.model import HostedClusterRef, Task
from lifeboat.ports import ManagementCluster, ObjectStore, Signer
from lifeboat.resources import HOSTED_CLUSTERS
from lifeboat.unreachable import choice


def answers(source: ManagementCluster, hosted: HostedClusterRef) -> bool:
    """Whether its API says anything but that it is out of order: a refusal is an answer, an error of its own is none.

    An API without its etcd answers with 5xx for ever; nothing can be stopped or seen through such a one.
    """
    try:
        source.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    except ApiUnavailableError:
        return False
    except LifeboatError:
        return True
    return True


def look(source: ManagementCluster, store: ObjectStore, signer: Signer, task: Task) -> dict[str, Any]:
    """One look of several before anything is done; answers `{done, looks}`.

    Parameter `looks`: so many in a row must meet silence. The previous answer stands at `$.silence`. An operation that
    has begun to recover goes on: what it has cut must be put back even if the source has come to itself, and the tasks
    that follow look again. Raises PreflightError for a source that answers.
    """
    if choice.find(store, signer, task.hosted_cluster, task.operation.id) is not None:
        return {"done": True, "looks": 0}
    if answers(source, task.hosted_cluster):
        msg = (
            f"{source.name} answers, nothing was changed: leave unreachableSource out, so that the source is stopped "
            "and nothing is lost"
        )
        raise PreflightError(msg)
    looks = int((task.data.get("silence") or {}).get("looks", 0)) + 1
    return {"done": looks >= int(task.parameters["looks"]), "looks": looks}


def refuse_answer(source: ManagementCluster, hosted: HostedClusterRef) -> None:
    """Raises FenceUnprovenError when a source answers that was taken for unreachable."""
    if answers(source, hosted):
        msg = (
            f"{source.name} answers again: it is not unreachable. Start a recovery without unreachableSource (another "
            "operationId), which stops the source and loses nothing"
        )
        raise FenceUnprovenError(msg)
