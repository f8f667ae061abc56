"""PutBackCut: give the source back what was cut, and its instances' freedom once it answers as it did."""

from typing import Any

from lifeboat import lease
from lifeboat.errors import ResumeFailedError
from lifeboat.model import Task
from lifeboat.runtime import task
from lifeboat.unreachable import putting_back
from lifeboat.wiring import Services

services = Services()


@task(services)
def handler(request: Task) -> dict[str, Any]:
    if lease.is_claimed(services.leases, request):
        msg = f"a HostedCluster {request.hosted_cluster} may still come to be on {request.destination}: start again"
        raise ResumeFailedError(msg)
    return putting_back.put_back(services.outside, request)
