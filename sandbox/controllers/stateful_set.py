"""StatefulSets: ordinals, claims from templates, update from the highest ordinal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.client import PERSISTENT_VOLUME_CLAIMS, PODS, STATEFUL_SETS, ApiError
from sandbox.controllers.pods import is_finished, is_leaving, owned_pods, owner_keys, pod_from_template
from sandbox.informer import Controller, Key
from sandbox.objects import digest, is_ready, labels_of, status_of, update_status

if TYPE_CHECKING:
    from sandbox.client import Client, Object, Objects
    from sandbox.controllers.context import Context

_REVISION = "controller-revision-hash"


def stateful_set_controller(context: Context) -> Controller:
    def reconcile(key: Key) -> None:
        found = context.client.get(STATEFUL_SETS, key[1], key[0])
        if found is not None and not is_leaving(found):
            _reconcile(context.client, found)

    return (
        Controller("stateful-set", reconcile)
        .watch(context.informers.of(STATEFUL_SETS))
        .watch(context.informers.of(PODS), owner_keys("StatefulSet"))
    )


def _reconcile(client: Client, owner: Object) -> None:
    name = owner["metadata"]["name"]
    replicas = owner["spec"].get("replicas", 1)
    revision = f"{name}-{digest(owner['spec']['template'], 10)}"
    pods = {pod["metadata"]["name"]: pod for pod in owned_pods(client, owner)}
    wanted = [f"{name}-{ordinal}" for ordinal in range(replicas)]
    in_order = owner["spec"].get("podManagementPolicy") != "Parallel"
    for ordinal, pod_name in enumerate(wanted):
        _ensure_claims(client, owner, ordinal)
        pod = pods.get(pod_name)
        if pod is None:
            pods[pod_name] = _create(client, owner, ordinal, revision)
        elif is_finished(pod) and not is_leaving(pod):
            client.delete(PODS, pod_name, owner["metadata"]["namespace"], uid=pod["metadata"]["uid"])
        if in_order and not is_ready(pods[pod_name]):
            break  # the next one comes when this one is ready
    surplus = sorted((each for each in pods if each not in wanted), key=_ordinal, reverse=True)
    for pod_name in surplus[:1] if in_order else surplus:
        if not is_leaving(pods[pod_name]):
            uid = pods[pod_name]["metadata"]["uid"]
            client.delete(PODS, pod_name, owner["metadata"]["namespace"], uid=uid)
    if len(pods) == replicas:
        _release_claims(client, owner, replicas)
    current = [pods[pod_name] for pod_name in wanted if pod_name in pods]
    _roll(client, owner, current, revision)
    _write_status(client, owner, current, revision)


def _ordinal(pod_name: str) -> int:
    return int(pod_name.rpartition("-")[2])


def _create(client: Client, owner: Object, ordinal: int, revision: str) -> Object:
    name = f"{owner['metadata']['name']}-{ordinal}"
    labels = {"statefulset.kubernetes.io/pod-name": name, "apps.kubernetes.io/pod-index": str(ordinal)}
    pod = pod_from_template(owner, name, owner["spec"]["template"], {**labels, _REVISION: revision})
    pod["spec"]["hostname"] = name
    pod["spec"]["subdomain"] = owner["spec"].get("serviceName", "")
    claims = [template["metadata"]["name"] for template in owner["spec"].get("volumeClaimTemplates") or []]
    volumes = [volume for volume in pod["spec"].get("volumes") or [] if volume["name"] not in claims]
    volumes += [{"name": claim, "persistentVolumeClaim": {"claimName": f"{claim}-{name}"}} for claim in claims]
    pod["spec"]["volumes"] = volumes
    return client.create(PODS, pod)


def _ensure_claims(client: Client, owner: Object, ordinal: int) -> None:
    namespace = owner["metadata"]["namespace"]
    for template in owner["spec"].get("volumeClaimTemplates") or []:
        name = f"{template['metadata']['name']}-{owner['metadata']['name']}-{ordinal}"
        if client.get(PERSISTENT_VOLUME_CLAIMS, name, namespace) is None:
            labels = {**labels_of(template), **(owner["spec"]["selector"].get("matchLabels") or {})}
            metadata = {"name": name, "namespace": namespace, "labels": labels}
            client.create(PERSISTENT_VOLUME_CLAIMS, {"metadata": metadata, "spec": template["spec"]})


def _release_claims(client: Client, owner: Object, replicas: int) -> None:
    """Delete the claims of ordinals that are gone, where persistentVolumeClaimRetentionPolicy.whenScaled says so."""
    policy = (owner["spec"].get("persistentVolumeClaimRetentionPolicy") or {}).get("whenScaled", "Retain")
    if policy != "Delete":
        return
    namespace = owner["metadata"]["namespace"]
    for template in owner["spec"].get("volumeClaimTemplates") or []:
        prefix = f"{template['metadata']['name']}-{owner['metadata']['name']}-"
        for claim in client.list(PERSISTENT_VOLUME_CLAIMS, namespace):
            ordinal = claim["metadata"]["name"].removeprefix(prefix)
            if claim["metadata"]["name"].startswith(prefix) and ordinal.isdecimal() and int(ordinal) >= replicas:
                client.delete(PERSISTENT_VOLUME_CLAIMS, claim["metadata"]["name"], namespace)


def _roll(client: Client, owner: Object, pods: Objects, revision: str) -> None:
    """Replace at most one pod of an older template, and only while all others are ready."""
    if (owner["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
        return
    stale = [pod for pod in pods if labels_of(pod).get(_REVISION) != revision]
    unready = [pod for pod in pods if not is_ready(pod) or is_leaving(pod)]
    candidates = [pod for pod in unready if pod in stale] or ([] if unready else stale)
    if candidates and not any(is_leaving(pod) for pod in unready):
        last = candidates[-1]["metadata"]
        try:
            client.delete(PODS, last["name"], last["namespace"], uid=last["uid"])
        except ApiError as error:
            if error.code != 409:
                raise


def _write_status(client: Client, owner: Object, pods: Objects, revision: str) -> None:
    present = [pod for pod in pods if not is_leaving(pod)]
    ready = sum(is_ready(pod) for pod in present)
    updated = sum(labels_of(pod).get(_REVISION) == revision for pod in present)
    status = {
        **status_of(owner),
        "observedGeneration": owner["metadata"].get("generation", 1),
        "replicas": len(present),
        "readyReplicas": ready,
        "availableReplicas": ready,
        "updatedReplicas": updated,
        "updateRevision": revision,
        "collisionCount": 0,
    }
    if updated == len(pods):
        status["currentRevision"] = revision
    status["currentReplicas"] = sum(labels_of(pod).get(_REVISION) == status.get("currentRevision") for pod in present)
    update_status(client, STATEFUL_SETS, owner, status)
