"""MakePlan: rehearse a recovery, a restore or a teardown. Reads everywhere, writes nothing but the plan itself.

Parameters: `tell` (the kind) for a whole plan to be read by people, `compare` for a look whether a plan still holds.
"""

from typing import Any

from lifeboat.model import Task
from lifeboat.plan import keeping
from lifeboat.plan.world import Live
from lifeboat.restore.preflight import Outside
from lifeboat.runtime import task
from lifeboat.wiring import Services

services = Services()


@task(services, guarded=False)
def handler(request: Task) -> dict[str, Any]:
    live = Live(
        services.management_cluster,
        services.store,
        services.signer,
        services.dns,
        services.instances,
        services.executions,
        services.clock,
        Outside(services.region, services.documents, services.keys, services.instances, services.signs_urls),
    )
    if kind := request.parameters.get("tell"):
        return keeping.tell(live, services.plans, request, kind)
    if request.parameters.get("compare"):
        return keeping.check(live, request)
    return keeping.make(live, services.plans, request)
