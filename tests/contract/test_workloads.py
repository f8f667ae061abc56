"""Deployments, StatefulSets, Jobs and claims, as a recovery stops, starts and waits for them."""

from __future__ import annotations

import time

import pytest

from sandbox.controllers.volumes import PROVISIONER
from tests.contract.client import at
from tests.contract.words import a_claim, a_config_map, a_deployment, a_job, a_stateful_set, a_template

_SETTLE = 1.0
"""Seconds after which a controller that were to go on would have."""


@pytest.fixture
def storage_class(api):
    body = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "contract"},
            "provisioner": PROVISIONER, "volumeBindingMode": "WaitForFirstConsumer"}  # fmt: skip
    answer = api.post(at("storageclasses"), body)
    assert answer.code in {201, 409}, answer.raw
    return "contract"


def _status(api, path):
    return api.get(path).ok().get("status") or {}


def _pods(api, home, app="one"):
    return api.get(at("pods", home), labelSelector=f"app={app}").ok()["items"]


def test_deployment_runs_and_says_so(api, home):
    api.post(at("deployments", home), a_deployment("one", replicas=2)).ok()
    path = at("deployments", home, "one")
    status = api.eventually(lambda: (found := _status(api, path)).get("readyReplicas") == 2 and found)
    assert status["replicas"] == status["updatedReplicas"] == status["availableReplicas"] == 2
    assert status["observedGeneration"] == 1
    pods = _pods(api, home)
    assert len(pods) == 2
    owner = pods[0]["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["controller"], owner["blockOwnerDeletion"]) == ("ReplicaSet", True, True)
    assert pods[0]["metadata"]["name"].startswith("one-")


def test_deployment_scaled_to_zero_has_no_pods(api, home):
    """`replicas` leaves the status at zero: who waits for it must take its absence for 0."""
    api.post(at("deployments", home), a_deployment("one", replicas=2)).ok()
    path = at("deployments", home, "one")
    api.eventually(lambda: _status(api, path).get("readyReplicas") == 2)
    api.patch(path, {"spec": {"replicas": 0}}).ok()
    api.eventually(lambda: not _pods(api, home))
    status = api.eventually(lambda: (found := _status(api, path)).get("observedGeneration") == 2 and found)
    status = api.eventually(lambda: not (found := _status(api, path)).get("replicas") and found)
    assert not {"replicas", "readyReplicas", "availableReplicas"} & set(status)


def test_paused_deployment_is_scaled_all_the_same(api, home):
    api.post(at("deployments", home), a_deployment("one", replicas=1)).ok()
    path = at("deployments", home, "one")
    api.eventually(lambda: _status(api, path).get("readyReplicas") == 1)
    api.patch(path, {"spec": {"paused": True}}).ok()
    api.patch(path, {"spec": {"replicas": 0}}).ok()
    api.eventually(lambda: not _pods(api, home))


def test_pod_that_is_deleted_comes_back(api, home):
    """Scaling is the only way to stop a Deployment."""
    api.post(at("deployments", home), a_deployment("one", replicas=1)).ok()
    api.eventually(lambda: _status(api, at("deployments", home, "one")).get("readyReplicas") == 1)
    (pod,) = _pods(api, home)
    api.delete(at("pods", home, pod["metadata"]["name"])).ok()
    api.eventually(lambda: [each["metadata"]["uid"] for each in _pods(api, home)] not in ([], [pod["metadata"]["uid"]]))


def test_deployment_takes_its_pods_along(api, home):
    api.post(at("deployments", home), a_deployment("one", replicas=1)).ok()
    api.eventually(lambda: _pods(api, home))
    api.delete(at("deployments", home, "one")).ok()
    api.eventually(lambda: not _pods(api, home))
    assert api.get(at("replicasets", home)).ok()["items"] == []


def test_stateful_set_in_parallel_starts_all_at_once(api, home):
    """Though none of them becomes ready, as the members of an etcd do not without one another."""
    never = {"exec": {"command": ["false"]}, "periodSeconds": 1}
    template = a_template("one")
    template["spec"]["containers"][0]["readinessProbe"] = never
    spec = {"replicas": 3, "podManagementPolicy": "Parallel", "template": template}
    api.post(at("statefulsets", home), a_stateful_set("one", **spec)).ok()
    api.eventually(lambda: sorted(each["metadata"]["name"] for each in _pods(api, home)) == ["one-0", "one-1", "one-2"])
    pod = _pods(api, home)[0]
    assert pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == pod["metadata"]["name"]
    assert pod["spec"]["hostname"] == pod["metadata"]["name"]
    assert pod["spec"]["subdomain"] == "one"


def test_stateful_set_in_order_waits_for_the_one_before(api, home):
    template = a_template("one")
    template["spec"]["schedulerName"] = "hand"
    api.post(at("statefulsets", home), a_stateful_set("one", replicas=2, template=template)).ok()
    api.eventually(lambda: _pods(api, home))
    time.sleep(_SETTLE)
    assert [each["metadata"]["name"] for each in _pods(api, home)] == ["one-0"]


def test_claims_of_a_stateful_set_stay_when_it_is_scaled_to_zero(api, home, storage_class):
    """And are bound again by name when it comes back."""
    claim = a_claim("data", storageClassName=storage_class)
    template = a_template("one")
    template["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    spec = {"replicas": 1, "template": template, "volumeClaimTemplates": [claim]}
    api.post(at("statefulsets", home), a_stateful_set("one", **spec)).ok()
    path = at("persistentvolumeclaims", home, "data-one-0")
    bound = api.eventually(
        lambda: (answer := api.get(path)).code == 200 and answer.ok()["status"]["phase"] == "Bound" and answer.ok()
    )
    assert "ownerReferences" not in bound["metadata"]
    assert "kubernetes.io/pvc-protection" in bound["metadata"]["finalizers"]
    api.patch(at("statefulsets", home, "one"), {"spec": {"replicas": 0}}).ok()
    api.eventually(lambda: not _pods(api, home))
    again = api.get(path).ok()
    assert (again["metadata"]["uid"], again["status"]["phase"]) == (bound["metadata"]["uid"], "Bound")


def test_claim_in_use_goes_only_after_its_pod(api, home, storage_class):
    pod = a_template("one", volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "one"}}])
    api.post(at("persistentvolumeclaims", home), a_claim("one", storageClassName=storage_class)).ok()
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": pod["spec"]}
    api.post(at("pods", home), body).ok()
    path = at("persistentvolumeclaims", home, "one")
    api.eventually(lambda: api.get(path).ok()["status"]["phase"] == "Bound")
    api.eventually(lambda: _status(api, at("pods", home, "one")).get("phase") == "Running")
    api.delete(path).ok()
    assert api.get(path).ok()["metadata"]["deletionTimestamp"]
    api.delete(at("pods", home, "one")).ok()
    api.gone(path)


def test_job_starts_a_pod_of_its_own_name(api, home):
    job = api.post(at("jobs", home), a_job("one")).ok()
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert labels["batch.kubernetes.io/job-name"] == "one"
    assert job["spec"]["selector"]["matchLabels"] == {"batch.kubernetes.io/controller-uid": job["metadata"]["uid"]}
    pods = at("pods", home)
    (pod,) = api.eventually(lambda: api.get(pods, labelSelector="batch.kubernetes.io/job-name=one").ok()["items"])
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "Job"
    api.eventually(lambda: _status(api, at("jobs", home, "one")).get("active") == 1)


def test_job_is_complete_when_its_pod_succeeded(api, home):
    api.post(at("jobs", home), a_job("one", template={"spec": {**a_job("x")["spec"]["template"]["spec"],
                                                              "schedulerName": "hand"}})).ok()  # fmt: skip
    pods = at("pods", home)
    (pod,) = api.eventually(lambda: api.get(pods, labelSelector="job-name=one").ok()["items"])
    done = {"phase": "Succeeded", "containerStatuses": []}
    api.patch(f"{pods}/{pod['metadata']['name']}/status", {"status": done}).ok()
    status = api.eventually(lambda: (found := _status(api, at("jobs", home, "one"))).get("completionTime") and found)
    assert status["succeeded"] == 1
    conditions = {each["type"]: each["status"] for each in status["conditions"]}
    assert conditions["Complete"] == "True"


def test_template_of_a_job_is_immutable(api, home):
    api.post(at("jobs", home), a_job("one", suspend=True)).ok()
    image = [{"name": "main", "image": "example.com/other:1"}]
    api.patch(at("jobs", home, "one"), {"spec": {"template": {"spec": {"containers": image}}}}).refused(
        422, "Invalid", "field is immutable"
    )
    api.patch(at("jobs", home, "one"), {"spec": {"completions": 2}}).refused(422, "Invalid", "spec.completions")


def test_job_must_not_restart_its_pod_for_ever(api, home):
    body = a_job("one")
    body["spec"]["template"]["spec"]["restartPolicy"] = "Always"
    api.post(at("jobs", home), body).refused(
        422, "Invalid", 'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'
    )


def test_pod_needs_its_service_account(api, home):
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"},
            "spec": {**a_template("one")["spec"], "serviceAccountName": "none"}}  # fmt: skip
    api.post(at("pods", home), body).refused(
        403, "Forbidden", f'error looking up service account {home}/none: serviceaccount "none" not found'
    )


def test_pod_takes_the_pull_secrets_of_its_account(api, home):
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "puller"},
               "imagePullSecrets": [{"name": "pull-secret"}]}  # fmt: skip
    api.post(at("serviceaccounts", home), account).ok()
    spec = a_template("one", serviceAccountName="puller", schedulerName="hand")["spec"]
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": spec}

    def made():
        answer = api.post(at("pods", home), body)
        return answer.code == 201 and answer.ok()

    assert api.eventually(made)["spec"]["imagePullSecrets"] == [{"name": "pull-secret"}]


def test_token_is_made_for_a_service_account(api, home):
    api.eventually(lambda: api.get(at("serviceaccounts", home, "default")).code == 200)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
               "spec": {"audiences": ["openshift"], "expirationSeconds": 3600}}  # fmt: skip
    made = api.post(at("serviceaccounts", home, "default", "token"), request).ok()
    assert made["status"]["token"].count(".") == 2
    assert made["status"]["expirationTimestamp"]


def test_config_map_outlives_nothing_but_its_owner(api, home):
    """A ReplicaSet's pods are collected through two owners."""
    made = api.post(at("deployments", home), a_deployment("one", replicas=0)).ok()
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "one", "uid": made["metadata"]["uid"]}
    api.post(at("configmaps", home), a_config_map("of-one", ownerReferences=[reference])).ok()
    api.delete(at("deployments", home, "one"), {"propagationPolicy": "Foreground"}).ok()
    api.gone(at("configmaps", home, "of-one"))
    api.gone(at("deployments", home, "one"))
