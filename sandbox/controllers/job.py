"""Jobs that run one pod to completion."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from sandbox.client import JOBS, PODS
from sandbox.controllers.pods import is_leaving, owner_keys, pod_from_template
from sandbox.informer import Controller, Key
from sandbox.objects import condition, is_controlled_by, now, status_of, update_status, with_conditions

if TYPE_CHECKING:
    from sandbox.client import Client, Object
    from sandbox.controllers.context import Context


def job_controller(context: Context) -> Controller:
    def reconcile(key: Key) -> float | None:
        found = context.client.get(JOBS, key[1], key[0])
        return None if found is None or is_leaving(found) else _reconcile(context.client, found)

    return (
        Controller("job", reconcile)
        .watch(context.informers.of(JOBS))
        .watch(context.informers.of(PODS), owner_keys("Job"))
    )


def _reconcile(client: Client, job: Object) -> float | None:
    if condition(job, "Complete") or condition(job, "Failed"):
        return _expire(client, job)
    namespace = job["metadata"]["namespace"]
    pods = [pod for pod in client.list(PODS, namespace) if is_controlled_by(pod, job)]
    phases = [status_of(pod).get("phase") for pod in pods]
    succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
    active = [pod for pod, phase in zip(pods, phases, strict=True) if phase not in ("Succeeded", "Failed")]
    status = {**status_of(job), "startTime": status_of(job).get("startTime") or now()}
    deadline = job["spec"].get("activeDeadlineSeconds")
    verdict: tuple[str, str, str, str] | None = None
    if succeeded >= (job["spec"].get("completions") or 1):
        verdict = ("Complete", "True", "CompletionsReached", "")
        status["completionTime"] = now()
    elif failed > job["spec"].get("backoffLimit", 6):
        verdict = ("Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
    elif deadline is not None and _age(status["startTime"]) > deadline:
        verdict = ("Failed", "True", "DeadlineExceeded", "Job was active longer than specified deadline")
    elif not active and not job["spec"].get("suspend"):
        active.append(client.create(PODS, pod_from_template(job, None, job["spec"]["template"], _labels(job))))
    if verdict:
        status["conditions"] = with_conditions(status.get("conditions"), [verdict])
        for pod in active:
            client.delete(PODS, pod["metadata"]["name"], namespace)
        active = []
    status |= {"active": len(active), "succeeded": succeeded, "failed": failed}
    update_status(client, JOBS, job, status)
    return 1.0 if deadline is not None and not verdict else None


def _labels(job: Object) -> Object:
    name, uid = job["metadata"]["name"], job["metadata"]["uid"]
    return {"job-name": name, "batch.kubernetes.io/job-name": name, "batch.kubernetes.io/controller-uid": uid}


def _expire(client: Client, job: Object) -> float | None:
    ttl = job["spec"].get("ttlSecondsAfterFinished")
    if ttl is None:
        return None
    verdict = condition(job, "Complete") or condition(job, "Failed") or {}
    left = float(ttl) - _age(verdict["lastTransitionTime"])
    if left > 0:
        return left
    client.delete(JOBS, job["metadata"]["name"], job["metadata"]["namespace"], propagation="Background")
    return None


def _age(timestamp: str) -> float:
    then = datetime.datetime.fromisoformat(timestamp)
    return (datetime.datetime.now(datetime.UTC) - then).total_seconds()
