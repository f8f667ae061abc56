"""Cluster API's objects between v1beta1 and v1beta2: what each version says, and that neither way loses anything."""

import copy
import json

import pytest

from sandbox.crds import definitions
from sandbox.hypershift.conversion import ANNOTATION, NEW, OLD, ConversionError, convert
from sandbox.hypershift.conversion.codecs import duration, seconds
from sandbox.hypershift.webhook_answers import ReviewError, converted, validated
from sandbox.kube import schema
from sandbox.plan import Plan

GROUP = "infrastructure.cluster.x-k8s.io"
WHEN = "2026-11-01T00:00:00Z"
READY = {"type": "Ready", "status": "True", "lastTransitionTime": WHEN}
AVAILABLE = {**READY, "type": "Available", "reason": "Available", "message": ""}


def reference(kind, name):
    return {"apiVersion": f"{GROUP}/v1beta2", "kind": kind, "name": name, "namespace": "inner"}


def machine_spec(kind="AWSMachine", **spec):
    return {
        "clusterName": "blue",
        "bootstrap": {"dataSecretName": "user-data"},
        "infrastructureRef": reference(kind, "one"),
        "nodeDrainTimeout": "8m0s",
        **spec,
    }


def an_object(kind, spec, status, **metadata):
    meta = {"name": "one", "namespace": "inner", "uid": "u-1", **metadata}
    return {"apiVersion": OLD, "kind": kind, "metadata": meta, "spec": spec, "status": status}


TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": machine_spec("AWSMachineTemplate")}
SELECTOR = {"matchLabels": {"a": "b"}}
OBJECTS = {
    "Cluster": an_object(
        "Cluster",
        {
            "paused": True,
            "clusterNetwork": {"apiServerPort": 6443},
            "controlPlaneEndpoint": {"host": "api.example.com", "port": 6443},
            "infrastructureRef": reference("AWSCluster", "blue"),
            "controlPlaneRef": {
                "apiVersion": "hypershift.openshift.io/v1beta1",
                "kind": "HostedControlPlane",
                "name": "blue",
                "namespace": "inner",
            },
        },
        {
            "phase": "Provisioned",
            "infrastructureReady": True,
            "controlPlaneReady": False,
            "failureDomains": {"us-east-2a": {"controlPlane": True}},
            "conditions": [READY],
            "v1beta2": {"conditions": [AVAILABLE], "workers": {"replicas": 2}},
        },
    ),
    "MachineDeployment": an_object(
        "MachineDeployment",
        {
            "clusterName": "blue",
            "replicas": 2,
            "minReadySeconds": 3,
            "selector": SELECTOR,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0, "deletePolicy": "Oldest"},
                "remediation": {"maxInFlight": 1},
            },
            "template": TEMPLATE,
        },
        {
            "phase": "Running",
            "replicas": 2,
            "readyReplicas": 2,
            "availableReplicas": 2,
            "updatedReplicas": 2,
            "unavailableReplicas": 0,
            "conditions": [READY],
            "v1beta2": {"conditions": [AVAILABLE], "readyReplicas": 1, "upToDateReplicas": 2},
        },
    ),
    "MachineSet": an_object(
        "MachineSet",
        {
            "clusterName": "blue",
            "replicas": 2,
            "minReadySeconds": 3,
            "deletePolicy": "Newest",
            "selector": SELECTOR,
            "template": TEMPLATE,
        },
        {"replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 2, "failureMessage": "x"},
    ),
    "Machine": an_object(
        "Machine",
        machine_spec(providerID="aws:///us-east-2a/i-1", nodeDeletionTimeout="10s"),
        {
            "phase": "Running",
            "bootstrapReady": True,
            "infrastructureReady": True,
            "nodeRef": {"apiVersion": "v1", "kind": "Node", "name": "ip-1"},
            "conditions": [READY],
        },
    ),
    "MachineHealthCheck": an_object(
        "MachineHealthCheck",
        {
            "clusterName": "blue",
            "selector": SELECTOR,
            "maxUnhealthy": 2,
            "nodeStartupTimeout": "20m0s",
            "unhealthyConditions": [{"type": "Ready", "status": "False", "timeout": "8m0s"}],
        },
        {"expectedMachines": 2, "currentHealthy": 2, "remediationsAllowed": 2},
    ),
}


@pytest.fixture(params=sorted(OBJECTS))
def old(request):
    return copy.deepcopy(OBJECTS[request.param])


@pytest.fixture(scope="module")
def schemas(tmp_path_factory):
    """By kind and apiVersion, as a management cluster has them that stores v1beta2."""
    plan = Plan.create(tmp_path_factory.mktemp("run"), isolation="rewrite", cluster_api=("v1beta2", "v1beta1"))
    cluster = plan.management_clusters[0]
    cluster.pki.mkdir(parents=True, exist_ok=True)
    (cluster.pki / "ca.crt").write_bytes(b"authority")
    return {
        (each["spec"]["names"]["kind"], f"{each['spec']['group']}/{version['name']}"): version["schema"][
            "openAPIV3Schema"
        ]
        for each in definitions(plan, cluster)
        for version in each["spec"]["versions"]
    }


def without_data(obj):
    annotations = {key: value for key, value in obj["metadata"]["annotations"].items() if key != ANNOTATION}
    metadata = {key: value for key, value in obj["metadata"].items() if key != "annotations"}
    return {**obj, "metadata": {**metadata, **({"annotations": annotations} if annotations else {})}}


class TestBothWays:
    def test_v1beta1_comes_back_as_it_was(self, old):
        assert without_data(convert(convert(old, NEW), OLD)) == old

    def test_v1beta2_comes_back_as_it_was(self, old):
        new = convert(old, NEW)
        assert convert(convert(new, OLD), NEW) == new

    def test_both_are_valid_and_nothing_of_them_is_pruned(self, old, schemas):
        new = convert(old, NEW)
        for obj in (new, convert(new, OLD)):
            shape = schemas[obj["kind"], obj["apiVersion"]]
            kept = copy.deepcopy(obj)
            schema.fill_defaults(shape, kept)
            for part in ("spec", "status"):
                assert _within(obj[part], kept[part]), f"{part} of {obj['kind']} was pruned"
            assert [each.text for each in schema.problems(shape, kept, None)] == []

    def test_identity_and_owners_are_left_alone(self, old):
        old["metadata"] |= {"ownerReferences": [{"kind": "x"}], "finalizers": ["f"], "annotations": {"a": "b"}}
        assert convert(old, NEW)["metadata"] == old["metadata"]


class TestNew:
    def test_references_name_a_group_and_no_namespace(self):
        new = convert(OBJECTS["Machine"], NEW)
        assert new["spec"]["infrastructureRef"] == {"apiGroup": GROUP, "kind": "AWSMachine", "name": "one"}

    def test_timeouts_are_seconds_below_deletion(self):
        new = convert(OBJECTS["Machine"], NEW)
        assert new["spec"]["deletion"] == {"nodeDrainTimeoutSeconds": 480, "nodeDeletionTimeoutSeconds": 10}

    def test_old_conditions_and_counters_are_kept_apart(self):
        status = convert(OBJECTS["MachineDeployment"], NEW)["status"]
        assert status["deprecated"]["v1beta1"]["conditions"] == [READY]
        assert status["deprecated"]["v1beta1"]["readyReplicas"] == 2
        assert (status["conditions"], status["readyReplicas"], status["upToDateReplicas"]) == ([AVAILABLE], 1, 2)

    def test_readiness_is_initialization_and_no_is_not_said(self):
        status = convert(OBJECTS["Cluster"], NEW)["status"]
        assert status["initialization"] == {"infrastructureProvisioned": True}
        assert status["failureDomains"] == [{"name": "us-east-2a", "controlPlane": True}]

    def test_the_rollout_is_one_object(self):
        spec = convert(OBJECTS["MachineDeployment"], NEW)["spec"]
        rolling = {"maxSurge": 1, "maxUnavailable": 0}
        assert spec["rollout"] == {"strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}
        assert (spec["deletion"], spec["remediation"]) == ({"order": "Oldest"}, {"maxInFlight": 1})
        assert spec["template"]["spec"]["minReadySeconds"] == 3

    def test_a_health_check_has_checks_and_a_remediation(self):
        spec = convert(OBJECTS["MachineHealthCheck"], NEW)["spec"]
        assert spec["checks"]["unhealthyNodeConditions"] == [
            {"type": "Ready", "status": "False", "timeoutSeconds": 480}
        ]
        assert spec["remediation"] == {"triggerIf": {"unhealthyLessThanOrEqualTo": 2}}

    def test_an_unpaused_cluster_says_nothing(self):
        old = copy.deepcopy(OBJECTS["Cluster"])
        old["spec"]["paused"] = False
        assert "paused" not in convert(old, NEW)["spec"]


class TestAnnotation:
    @pytest.fixture
    def new(self):
        new = convert(OBJECTS["Machine"], NEW)
        new["spec"]["minReadySeconds"] = 5
        new["status"] |= {"failureDomain": "us-east-2a", "conditions": [AVAILABLE]}
        return new

    def test_v1beta1_carries_what_it_cannot_say(self, new):
        old = convert(new, OLD)
        assert "minReadySeconds" not in old["spec"]
        assert json.loads(old["metadata"]["annotations"][ANNOTATION])["spec"]["minReadySeconds"] == 5

    def test_a_change_in_v1beta1_is_all_that_changes(self, new):
        old = convert(new, OLD)
        old["spec"]["providerID"] = "aws:///us-east-2a/i-2"
        old["status"]["nodeRef"]["name"] = "ip-2"
        expected = copy.deepcopy(new)
        expected["spec"]["providerID"] = "aws:///us-east-2a/i-2"
        expected["status"]["nodeRef"] = {"name": "ip-2"}
        assert convert(old, NEW) == expected

    def test_what_v1beta1_removes_is_removed(self, new):
        old = convert(new, OLD)
        del old["spec"]["nodeDrainTimeout"]
        del old["status"]["nodeRef"]
        back = convert(old, NEW)
        assert back["spec"]["deletion"] == {"nodeDeletionTimeoutSeconds": 10}
        assert "nodeRef" not in back["status"]
        assert back["spec"]["minReadySeconds"] == 5

    def test_a_no_that_was_meant_survives(self):
        new = convert(OBJECTS["Cluster"], NEW)
        new["spec"]["paused"] = False
        assert convert(convert(new, OLD), NEW)["spec"]["paused"] is False

    def test_a_status_that_v1beta1_drops_is_gone(self, new):
        old = convert(new, OLD)
        del old["status"]
        assert "nodeRef" not in convert(old, NEW).get("status", {})

    def test_unreadable_data_is_refused(self, new):
        old = convert(new, OLD)
        old["metadata"]["annotations"][ANNOTATION] = "{"
        with pytest.raises(ConversionError, match="cannot be read"):
            convert(old, NEW)


class TestRefusals:
    def test_a_class_is_not_converted(self):
        with pytest.raises(ConversionError, match="topology"):
            convert({**OBJECTS["Cluster"], "spec": {"topology": {"class": "x"}}}, NEW)

    def test_a_reference_to_an_unknown_group_is_not_made_up(self):
        new = convert(OBJECTS["Machine"], NEW)
        new["spec"]["infrastructureRef"]["apiGroup"] = "example.com"
        with pytest.raises(ConversionError, match="no version"):
            convert(new, OLD)

    @pytest.mark.parametrize(("kind", "desired"), [("Machine", "cluster.x-k8s.io/v1alpha4"), ("Pod", NEW)])
    def test_other_versions_and_kinds(self, kind, desired):
        with pytest.raises(ConversionError, match="no conversion"):
            convert({**OBJECTS["Machine"], "kind": kind}, desired)


class TestReviews:
    def test_all_objects_of_a_review_are_converted(self):
        review = a_review("ConversionReview", objects=[OBJECTS["Machine"], OBJECTS["Cluster"]], desiredAPIVersion=NEW)
        response = converted(review)["response"]
        assert (response["uid"], response["result"]) == ("r-1", {"status": "Success"})
        assert [each["apiVersion"] for each in response["convertedObjects"]] == [NEW, NEW]

    def test_one_that_cannot_be_converted_fails_them_all(self):
        review = a_review("ConversionReview", objects=[OBJECTS["Machine"], {"kind": "Pod"}], desiredAPIVersion=NEW)
        response = converted(review)["response"]
        assert response["result"]["status"] == "Failure"
        assert "convertedObjects" not in response

    @pytest.mark.parametrize(("kind", "allowed"), [("HostedCluster", True), ("NodePool", True), ("Pod", False)])
    def test_only_the_operators_own_kinds_are_allowed(self, kind, allowed):
        assert validated(a_review("AdmissionReview", kind={"kind": kind}))["response"]["allowed"] is allowed

    def test_another_review_is_not_answered(self):
        with pytest.raises(ReviewError):
            converted(a_review("AdmissionReview"))


def a_review(what, **request):
    return {"apiVersion": "x/v1", "kind": what, "request": {"uid": "r-1", **request}}


@pytest.mark.parametrize(
    ("text", "number"), [("45s", 45), ("8m0s", 480), ("1h0m0s", 3600), ("1h1m1s", 3661), ("0s", 0), ("90m0s", 5400)]
)
def test_durations_are_written_as_go_writes_them(text, number):
    assert seconds(text) == number
    assert seconds(duration(number)) == number


def test_a_duration_is_rounded_to_seconds_and_nonsense_refused():
    assert seconds("1.6s") == 2
    assert seconds("1500ms") == 2
    with pytest.raises(ConversionError):
        seconds("soon")


def _within(part, whole):
    if isinstance(part, dict):
        return all(name in whole and _within(value, whole[name]) for name, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(_within(*pair) for pair in zip(part, whole, strict=True))
    return part == whole
