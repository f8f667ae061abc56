"""What the server owns of an object, what it refuses, and what a dry run does not store."""

from __future__ import annotations

import base64
import re

import pytest

from tests.contract.client import APPLY, at
from tests.contract.words import (
    a_claim,
    a_config_map,
    a_deployment,
    a_hosted_cluster,
    a_pod,
    a_route,
    a_secret,
    a_service,
    a_stateful_set,
)

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def test_server_sets_what_it_owns(api, home):
    """What a client says of it is not taken."""
    given = {"uid": "mine", "creationTimestamp": "2001-01-01T00:00:00Z", "selfLink": "/x"}
    made = api.post(at("configmaps", home), a_config_map("one", **given)).ok()["metadata"]
    assert made["uid"] != "mine"
    assert _TIME.fullmatch(made["creationTimestamp"])
    assert not made["creationTimestamp"].startswith("2001")
    assert made["namespace"] == home
    assert int(made["resourceVersion"]) > 0
    assert "selfLink" not in made


def test_deletion_time_of_a_new_object_is_not_taken(api, home):
    made = api.post(
        at("configmaps", home),
        a_config_map("one", deletionTimestamp="2001-01-01T00:00:00Z", deletionGracePeriodSeconds=3),
    ).ok()["metadata"]
    assert "deletionTimestamp" not in made
    assert "deletionGracePeriodSeconds" not in made


def test_update_cannot_change_what_the_server_owns(api, home):
    made = api.post(at("routes", home), a_route("one")).ok()["metadata"]
    stolen = {"creationTimestamp": "2001-01-01T00:00:00Z", "generation": 9}
    changed = api.patch(at("routes", home, "one"), {"metadata": stolen}).ok()["metadata"]
    assert (changed["creationTimestamp"], changed["generation"]) == (made["creationTimestamp"], 1)
    api.patch(at("routes", home, "one"), {"metadata": {"deletionTimestamp": "2001-01-01T00:00:00Z"}}).refused(
        422, "Invalid", 'metadata.deletionTimestamp: Invalid value: "2001-01-01T00:00:00Z": field is immutable'
    )


def test_generation_counts_changes_of_the_spec(api, home):
    path = at("hostedclusters", home, "blue")
    assert api.post(at("hostedclusters", home), a_hosted_cluster("blue")).ok()["metadata"]["generation"] == 1
    assert api.patch(path, {"metadata": {"labels": {"a": "b"}}}).ok()["metadata"]["generation"] == 1
    assert api.patch(path, {"spec": {"pausedUntil": "true"}}).ok()["metadata"]["generation"] == 2
    assert api.patch(path, {"spec": {"pausedUntil": "true"}}).ok()["metadata"]["generation"] == 2


def test_generated_name_starts_with_its_prefix(api, home):
    body = a_config_map("x")
    body["metadata"] = {"generateName": "run-"}
    names = {api.post(at("configmaps", home), body).ok()["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3
    assert all(re.fullmatch(r"run-[a-z0-9]{5}", name) for name in names)


def test_object_without_a_name_is_invalid(api, home):
    body = a_config_map("x")
    body["metadata"] = {}
    api.post(at("configmaps", home), body).refused(
        422, "Invalid", "metadata.name: Required value: name or generateName is required"
    )


@pytest.mark.parametrize("name", ["Upper", "under_score", "-dash", pytest.param("x" * 254, id="long")])
def test_name_that_is_no_subdomain_is_invalid(api, home, name):
    api.post(at("configmaps", home), a_config_map(name)).refused(422, "Invalid", "metadata.name: Invalid value")


def test_label_that_is_none_is_invalid(api, home):
    api.post(at("configmaps", home), a_config_map("one", labels={"a": "b c"})).refused(
        422, "Invalid", 'metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of'
    )
    api.post(at("configmaps", home), a_config_map("one", labels={"a": "x" * 64})).refused(
        422, "Invalid", "metadata.labels: Invalid value"
    )


def test_owner_must_be_named_in_full(api, home):
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": ""}
    api.post(at("configmaps", home), a_config_map("one", ownerReferences=[owner])).refused(
        422, "Invalid", 'metadata.ownerReferences.uid: Invalid value: "": must not be empty'
    )


def test_two_controllers_of_one_object_are_invalid(api, home):
    owners = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": name, "controller": True} for name in ("x", "y")
    ]
    api.post(at("configmaps", home), a_config_map("one", ownerReferences=owners)).refused(
        422, "Invalid", "Only one reference can have Controller set to true."
    )


def test_empty_lists_and_maps_of_the_metadata_are_dropped(api, home):
    made = api.post(
        at("configmaps", home), a_config_map("one", labels={}, annotations={}, finalizers=[], ownerReferences=[])
    ).ok()["metadata"]
    assert not {"labels", "annotations", "finalizers", "ownerReferences"} & set(made)


def test_dry_run_answers_and_stores_nothing(api, home):
    made = api.post(at("deployments", home), a_deployment("one"), dryRun="All")
    assert made.code == 201
    assert made.ok()["spec"]["strategy"]["type"] == "RollingUpdate"
    assert made.ok()["metadata"]["uid"]
    api.get(at("deployments", home, "one")).refused(404, "NotFound")


def test_dry_run_of_a_change_and_of_a_deletion_store_nothing(api, home):
    made = api.post(at("configmaps", home), a_config_map("one")).ok()
    tried = api.patch(at("configmaps", home, "one"), {"data": {"key": "new"}}, dryRun="All").ok()
    assert tried["data"] == {"key": "new"}
    api.delete(at("configmaps", home, "one"), {"dryRun": ["All"]}).ok()
    assert api.get(at("configmaps", home, "one")).ok() == made


def test_dry_run_is_checked_as_any_other(api, home):
    api.post(at("hostedclusters", home), a_hosted_cluster("blue", release=None), dryRun="All").refused(422, "Invalid")
    api.post(at("configmaps", home), a_config_map("one")).ok()
    api.post(at("configmaps", home), a_config_map("one"), dryRun="All").refused(409, "AlreadyExists")
    api.post(at("configmaps", home), a_config_map("two"), dryRun="some").refused(422, "Invalid", "dryRun")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(
            a_config_map("one", {"key": 1}), "cannot unmarshal number into Go struct field ConfigMap.data", id="number"
        ),
        pytest.param(
            a_config_map("one", ownerReferences="x"), "cannot unmarshal string into Go struct field", id="string"
        ),
        pytest.param({**a_config_map("one"), "apiVersion": "v2"}, 'no kind "ConfigMap" is registered', id="version"),
        pytest.param({**a_config_map("one"), "kind": "Secret"}, "Secret in version", id="kind"),
    ],
)
def test_body_of_another_type_is_a_bad_request(api, home, body, text):
    api.post(at("configmaps", home), body).refused(400, "BadRequest", text)


def test_custom_object_of_another_version_is_a_bad_request(api, home):
    body = {**a_route("one"), "apiVersion": "route.openshift.io/v2"}
    api.post(at("routes", home), body).refused(
        400,
        "BadRequest",
        "the API version in the data (route.openshift.io/v2) does not match the expected API version "
        "(route.openshift.io/v1)",
    )


def test_secret_that_is_not_base64_is_a_bad_request(api, home):
    api.post(at("secrets", home), a_secret("one", data={"key": "no base64"})).refused(
        400, "BadRequest", "illegal base64 data"
    )


def test_body_that_is_no_json_is_a_bad_request(api, home):
    assert api.post(at("configmaps", home), b"{").code == 400


def test_secret_of_more_than_a_mebibyte_is_refused(api, home):
    """So a backup never meets a larger one, and etcd's own limit is never reached."""
    fits, large = (base64.b64encode(b"x" * size).decode() for size in (1024 * 1024, 1024 * 1024 + 1))
    api.post(at("secrets", home), a_secret("fits", data={"key": fits})).ok()
    api.post(at("secrets", home), a_secret("large", data={"key": large})).refused(
        422, "Invalid", "data: Too long: may not be more than 1048576 bytes"
    )


def test_request_of_more_than_three_mebibytes_is_refused(api, home):
    body = a_config_map("one", {"key": "x" * 3_200_000})
    api.post(at("configmaps", home), body).refused(413, "RequestEntityTooLarge", "limit is 3145728")


def test_annotations_of_more_than_a_quarter_mebibyte_are_refused(api, home):
    """Why definitions are installed by server-side apply."""
    api.post(at("configmaps", home), a_config_map("one", annotations={"a": "x" * 262_145})).refused(
        422, "Invalid", "metadata.annotations: Too long"
    )


def test_type_of_a_secret_is_immutable(api, home):
    api.post(at("secrets", home), a_secret("one")).ok()
    api.patch(at("secrets", home, "one"), {"type": "other"}).refused(
        422, "Invalid", 'Secret "one" is invalid: type: Invalid value: "other": field is immutable'
    )


def test_secret_of_a_type_needs_its_keys(api, home):
    api.post(at("secrets", home), a_secret("one", type="kubernetes.io/tls", data={"tls.crt": ""})).refused(
        422, "Invalid", "data[tls.key]: Required value"
    )
    api.post(at("secrets", home), a_secret("one", type="kubernetes.io/dockerconfigjson", data={})).refused(
        422, "Invalid", "data[.dockerconfigjson]: Required value"
    )


def test_immutable_secret_stays_as_it_is(api, home):
    api.post(at("secrets", home), a_secret("one", data={"a": "MQ=="}, immutable=True)).ok()
    api.patch(at("secrets", home, "one"), {"data": {"a": "Mg=="}}).refused(
        422, "Invalid", "data: Forbidden: field is immutable when `immutable` is set"
    )
    api.patch(at("secrets", home, "one"), {"immutable": None}).refused(
        422, "Invalid", "immutable: Forbidden: field is immutable when `immutable` is set"
    )
    api.patch(at("secrets", home, "one"), {"metadata": {"labels": {"a": "b"}}}).ok()


def test_stateful_set_keeps_its_claims_template(api, home):
    api.post(at("statefulsets", home), a_stateful_set("one", replicas=0)).ok()
    path = at("statefulsets", home, "one")
    api.patch(path, {"spec": {"serviceName": "two"}}).refused(
        422, "Invalid", "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', "
    )
    api.patch(path, {"spec": {"volumeClaimTemplates": [a_claim("data")]}}).refused(422, "Invalid", "spec: Forbidden")
    retain = {"persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete", "whenDeleted": "Retain"}}
    api.patch(path, {"spec": retain}).ok()


def test_stateful_set_has_the_servers_defaults(api, home):
    spec = api.post(at("statefulsets", home), a_stateful_set("one", replicas=0)).ok()["spec"]
    assert spec["podManagementPolicy"] == "OrderedReady"
    assert spec["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    assert spec["updateStrategy"] == {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    assert spec["revisionHistoryLimit"] == 10


def test_selector_of_a_deployment_is_immutable(api, home):
    api.post(at("deployments", home), a_deployment("one", replicas=0)).ok()
    labels = {"app": "two"}
    api.patch(
        at("deployments", home, "one"),
        {"spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}},
    ).refused(422, "Invalid", "spec.selector: Invalid value")


def test_selector_must_choose_the_template(api, home):
    api.post(at("deployments", home), a_deployment("one", selector={"matchLabels": {"app": "two"}})).refused(
        422, "Invalid", "`selector` does not match template `labels`"
    )


def test_claim_is_immutable(api, home):
    api.post(at("persistentvolumeclaims", home), a_claim("one", storageClassName="none")).ok()
    path = at("persistentvolumeclaims", home, "one")
    api.patch(path, {"spec": {"accessModes": ["ReadWriteMany"]}}).refused(
        422, "Invalid", "spec: Forbidden: spec is immutable after creation except resources.requests"
    )


def test_pod_cannot_move_to_another_node(api, home):
    api.post(at("pods", home), a_pod("one", nodeName="nowhere-a", serviceAccountName="default")).ok()
    api.patch(at("pods", home, "one"), {"spec": {"nodeName": "nowhere-b"}}).refused(
        422, "Invalid", "spec: Forbidden: pod updates may not change fields other than"
    )
    api.delete(at("pods", home, "one"), {"gracePeriodSeconds": 0}).ok()


def test_cluster_address_of_a_service_is_immutable(api, home):
    made = api.post(at("services", home), a_service("one")).ok()
    assert made["spec"]["clusterIP"].startswith("172.30.")
    api.patch(at("services", home, "one"), {"spec": {"clusterIP": "172.30.200.1", "clusterIPs": None}}).refused(
        422, "Invalid", "spec.clusterIPs[0]: Invalid value"
    )


def test_status_of_a_new_object_is_not_taken(api, home):
    made = api.post(at("hostedclusters", home), {**a_hosted_cluster("blue"), "status": {"lost": True}}).ok()
    assert "status" not in made
    made = api.post(at("services", home), {**a_service("one"), "status": {"loadBalancer": {"ingress": []}}}).ok()
    assert made["status"] == {"loadBalancer": {}}


def test_unknown_field_is_dropped(api, home):
    body = {**a_route("one"), "unknown": True}
    body["spec"]["unknown"] = True
    made = api.post(at("routes", home), body).ok()
    assert "unknown" not in made
    assert "unknown" not in made["spec"]


def test_unknown_field_of_a_built_in_kind_is_dropped(api, home):
    """The emulated API has no types of the built-in kinds and keeps it."""
    made = api.post(at("configmaps", home), {**a_config_map("one"), "unknown": True}).ok()
    assert ("unknown" in made) == (api.name == "emulated")


def test_unknown_field_can_be_refused(api, home):
    """As kubectl asks for; the emulated API drops it all the same."""
    body = {**a_route("one"), "unknown": True}
    if api.name == "emulated":
        assert "unknown" not in api.post(at("routes", home), body, fieldValidation="Strict").ok()
        return
    api.post(at("routes", home), body, fieldValidation="Strict").refused(
        400, "BadRequest", 'strict decoding error: unknown field "unknown"'
    )
    warned = api.post(at("routes", home), body, fieldValidation="Warn")
    warned.ok()
    assert warned.headers["Warning"] == r'299 - "unknown field \"unknown\""'


def test_yaml_is_taken_where_json_is(api, home):
    text = (
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: one\n  namespace: {home}\ndata:\n  when: '2026-01-01'\n"
    )
    made = api.request("POST", at("configmaps", home), text.encode(), content_type="application/yaml").ok()
    assert made["data"] == {"when": "2026-01-01"}
    applied = api.patch(at("configmaps", home, "two"), text.replace("one", "two").encode(), APPLY, fieldManager="x")
    assert applied.code == 201


def test_media_type_that_is_not_known_is_refused(api, home):
    api.request("POST", at("configmaps", home), b"a=b", content_type="application/x-www-form-urlencoded").refused(
        415, "UnsupportedMediaType"
    )
