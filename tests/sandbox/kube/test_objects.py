"""Create, read, update, patch: what the server answers to a well-behaved and to a careless client."""

from __future__ import annotations

import json

import pytest
from kubernetes import client

from tests.sandbox.kube.words import SERVICES, a_config_map, a_deployment, a_hosted_cluster, a_pod, refused


def test_stored_object_has_what_the_server_owns(core, namespace):
    made = core.create_namespaced_config_map(namespace, a_config_map("one"))
    assert made.metadata.uid
    assert made.metadata.resource_version
    assert made.metadata.creation_timestamp
    assert made.metadata.namespace == namespace


def test_generated_name_starts_with_its_prefix(core, namespace):
    made = core.create_namespaced_config_map(namespace, {"metadata": {"generateName": "run-"}})
    assert made.metadata.name.startswith("run-")
    assert len(made.metadata.name) == 9


def test_second_create_is_already_exists(core, namespace):
    core.create_namespaced_config_map(namespace, a_config_map("one"))
    with refused(409, "AlreadyExists", 'configmaps "one" already exists'):
        core.create_namespaced_config_map(namespace, a_config_map("one"))


def test_missing_object_is_not_found(core, namespace):
    with refused(404, "NotFound", 'secrets "none" not found'):
        core.read_namespaced_secret("none", namespace)


def test_create_with_a_resource_version_is_refused(core, namespace):
    """The reason why an exported object cannot be applied as it is."""
    body = a_config_map("one")
    body["metadata"]["resourceVersion"] = "5"
    with refused(500, "", "resourceVersion should not be set on objects to be created"):
        core.create_namespaced_config_map(namespace, body)


def test_create_in_a_missing_namespace_is_not_found(core):
    with refused(404, "NotFound", 'namespaces "nowhere" not found'):
        core.create_namespaced_config_map("nowhere", a_config_map("one"))


def test_update_of_an_old_version_is_a_conflict(core, namespace):
    made = core.create_namespaced_config_map(namespace, a_config_map("one"))
    core.patch_namespaced_config_map("one", namespace, {"data": {"key": "changed"}})
    made.data = {"key": "mine"}
    with refused(409, "Conflict", "the object has been modified"):
        core.replace_namespaced_config_map("one", namespace, made)


def test_update_that_changes_nothing_makes_no_revision(core, namespace):
    made = core.create_namespaced_config_map(namespace, a_config_map("one"))
    same = core.patch_namespaced_config_map("one", namespace, {"data": {"key": "value"}})
    assert same.metadata.resource_version == made.metadata.resource_version


def test_merge_patch_with_null_removes(core, namespace):
    core.create_namespaced_config_map(namespace, a_config_map("one", data={"a": "1", "b": "2"}))
    assert core.patch_namespaced_config_map("one", namespace, {"data": {"a": None}}).data == {"b": "2"}


def test_json_patch_acts_when_its_test_holds(core, namespace):
    core.create_namespaced_config_map(namespace, a_config_map("one", data={"a": "1"}))
    held = [{"op": "test", "path": "/data/a", "value": "1"}, {"op": "replace", "path": "/data/a", "value": "2"}]
    assert core.patch_namespaced_config_map("one", namespace, held).data == {"a": "2"}
    with refused(422, "Invalid"):
        core.patch_namespaced_config_map("one", namespace, held)


def test_json_patch_cannot_remove_what_is_not_there(core, namespace):
    core.create_namespaced_config_map(namespace, a_config_map("one"))
    with refused(422, "Invalid"):
        core.patch_namespaced_config_map("one", namespace, [{"op": "remove", "path": "/metadata/finalizers"}])


def test_strategic_patch_merges_containers_by_name(api, raw, namespace):
    apps = client.AppsV1Api(api)
    apps.create_namespaced_deployment(namespace, a_deployment("one"))
    wanted = [{"name": "main", "image": "example.com/main:2"}, {"name": "more", "image": "example.com/more:1"}]
    patch = {"spec": {"template": {"spec": {"containers": wanted}}}}
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/one"
    changed = raw("PATCH", path, patch, "application/strategic-merge-patch+json")
    containers = changed["spec"]["template"]["spec"]["containers"]
    assert [(each["name"], each["image"]) for each in containers] == [
        ("main", "example.com/main:2"),
        ("more", "example.com/more:1"),
    ]
    assert containers[0]["imagePullPolicy"] == "IfNotPresent"


def test_strategic_patch_of_a_custom_kind_is_unsupported(raw, namespace):
    path = f"/apis/hypershift.openshift.io/v1beta1/namespaces/{namespace}/hostedclusters/blue"
    with refused(415, "UnsupportedMediaType"):
        raw("PATCH", path, {}, "application/strategic-merge-patch+json")


def test_dry_run_answers_and_stores_nothing(core, namespace):
    core.create_namespaced_config_map(namespace, a_config_map("one"), dry_run="All")
    with refused(404):
        core.read_namespaced_config_map("one", namespace)


def test_string_data_of_a_secret_becomes_data(core, namespace):
    made = core.create_namespaced_secret(namespace, {"metadata": {"name": "one"}, "stringData": {"a": "b"}})
    assert made.data == {"a": "Yg=="}
    assert made.string_data is None
    assert made.type == "Opaque"


def test_type_of_a_secret_is_immutable(core, namespace):
    core.create_namespaced_secret(namespace, {"metadata": {"name": "one"}})
    with refused(422, "Invalid", 'Secret "one" is invalid: type: Invalid value: "other": field is immutable'):
        core.patch_namespaced_secret("one", namespace, {"type": "other"})


def test_status_and_the_rest_change_apart(resources, namespace):
    kind = resources.resources.get(api_version="hypershift.openshift.io/v1beta1", kind="HostedCluster")
    made = kind.create(namespace=namespace, body={**a_hosted_cluster("blue"), "status": {"lost": True}})
    assert "status" not in made.to_dict()
    patch = {"spec": {"pausedUntil": "true"}, "status": {"kubeconfig": {"name": "x"}}}
    changed = kind.status.patch(
        name="blue", namespace=namespace, body=patch, content_type="application/merge-patch+json"
    ).to_dict()
    assert changed["status"] == {"kubeconfig": {"name": "x"}}
    assert "pausedUntil" not in changed["spec"]
    assert changed["metadata"]["generation"] == 1
    changed = kind.patch(
        name="blue", namespace=namespace, body={**patch, "status": None}, content_type="application/merge-patch+json"
    ).to_dict()
    assert changed["spec"]["pausedUntil"] == "true"
    assert changed["status"] == {"kubeconfig": {"name": "x"}}
    assert changed["metadata"]["generation"] == 2


@pytest.mark.parametrize(
    ("patch", "text"),
    [
        ({"pausedUntil": "no"}, "spec.pausedUntil in body should be at least 4 chars long"),
        ({"pausedUntil": "2026-11-22T10:00:00.123456789012345678Z"}, "Too long: may not be more than 35 bytes"),
        ({"services": SERVICES[::-1]}, "services cannot be changed"),
        ({"controllerAvailabilityPolicy": "SingleReplica"}, "controllerAvailabilityPolicy cannot be changed"),
        ({"etcd": {"managed": {"storage": {"restoreSnapshotURL": ["https://x"]}}}}, "neither be added nor removed"),
        ({"etcd": {"managed": {"storage": {"restoreSnapshotURL": ["ftp://x"]}}}}, "begin with https:// or s3://"),
        ({"etcd": {"managed": {"storage": {"restoreSnapshotURL": ["https://x", "https://y"]}}}}, "at most 1 items"),
        ({"etcd": {"managed": {"storage": {"restoreSnapshotURL": ["https://" + "x" * 1017]}}}}, "more than 1024 bytes"),
        ({"release": None}, "spec.release: Required value"),
    ],
)
def test_hosted_cluster_is_checked_as_its_definition_says(resources, namespace, patch, text):
    kind = resources.resources.get(api_version="hypershift.openshift.io/v1beta1", kind="HostedCluster")
    kind.create(namespace=namespace, body=a_hosted_cluster("blue"))
    with refused(422, "Invalid", text):
        kind.patch(name="blue", namespace=namespace, body={"spec": patch}, content_type="application/merge-patch+json")


def test_required_null_is_lost_by_a_merge_patch(resources, namespace):
    """`availableUpdates` is required and may be null, which a merge patch cannot say: an update has to."""
    kind = resources.resources.get(api_version="hypershift.openshift.io/v1beta1", kind="HostedCluster")
    made = kind.create(namespace=namespace, body=a_hosted_cluster("blue")).to_dict()
    made["status"] = {
        "version": {
            "availableUpdates": None,
            "desired": {"image": "example.com/release:1", "version": "4.17.12"},
            "observedGeneration": 1,
        }
    }
    with refused(422, "Invalid", "status.version.availableUpdates: Required value"):
        kind.status.patch(
            name="blue",
            namespace=namespace,
            body={"status": made["status"]},
            content_type="application/merge-patch+json",
        )
    replaced = kind.status.replace(name="blue", namespace=namespace, body=made).to_dict()
    assert replaced["status"]["version"]["availableUpdates"] is None


def test_stateful_set_keeps_its_claims_template(api, namespace):
    apps = client.AppsV1Api(api)
    body = {**a_deployment("one"), "kind": "StatefulSet"}
    body["spec"]["serviceName"] = "one"
    apps.create_namespaced_stateful_set(namespace, body)
    with refused(422, "Invalid", "updates to statefulset spec for fields other than 'replicas'"):
        apps.patch_namespaced_stateful_set("one", namespace, {"spec": {"serviceName": "two"}})


def test_pod_cannot_move_to_another_node(core, namespace):
    core.create_namespaced_pod(namespace, a_pod("one", node="a"))
    with refused(422, "Invalid", "pod updates may not change fields other than"):
        core.patch_namespaced_pod("one", namespace, {"spec": {"nodeName": "b"}})


def test_binding_puts_a_pod_on_a_node_once(core, namespace):
    core.create_namespaced_pod(namespace, a_pod("one"))
    binding = client.V1Binding(metadata={"name": "one"}, target={"kind": "Node", "name": "a"})
    core.create_namespaced_pod_binding("one", namespace, binding, _preload_content=False)
    assert core.read_namespaced_pod("one", namespace).spec.node_name == "a"
    with refused(409, "Conflict", "already assigned"):
        core.create_namespaced_pod_binding("one", namespace, binding, _preload_content=False)


def test_pod_takes_the_pull_secrets_of_its_account(core, namespace):
    account = {"metadata": {"name": "puller"}, "imagePullSecrets": [{"name": "pull-secret"}]}
    core.create_namespaced_service_account(namespace, account)
    pod = core.create_namespaced_pod(namespace, a_pod("one", serviceAccountName="puller"))
    assert pod.spec.image_pull_secrets[0].name == "pull-secret"
    with refused(403, "Forbidden", 'serviceaccount "none" not found'):
        core.create_namespaced_pod(namespace, a_pod("two", serviceAccountName="none"))


def test_unknown_token_is_unauthorized(running):
    with refused(401, "Unauthorized"):
        settings = client.Configuration(host=running.cluster.api_url)
        settings.ssl_ca_cert = str(running.cluster.pki / "ca.crt")
        settings.api_key = {"authorization": "Bearer wrong"}
        with client.ApiClient(settings) as stranger:
            try:
                client.CoreV1Api(stranger).list_namespace()
            finally:
                stranger.rest_client.pool_manager.clear()


def test_body_that_go_could_not_decode_is_a_bad_request(core, namespace):
    with refused(400, "BadRequest", "cannot unmarshal number into Go struct field ConfigMap.data"):
        core.create_namespaced_config_map(namespace, a_config_map("one", data={"key": 1}))
    with refused(400, "BadRequest", "cannot unmarshal string into Go struct field Pod.spec"):
        core.create_namespaced_pod(namespace, {"metadata": {"name": "one"}, "spec": "x"})
    with refused(400, "BadRequest", "cannot unmarshal string into Go struct field ObjectMeta.metadata.ownerReferences"):
        core.create_namespaced_config_map(namespace, {"metadata": {"name": "one", "ownerReferences": "x"}})
    with refused(400, "BadRequest", "illegal base64 data"):
        core.create_namespaced_secret(namespace, {"metadata": {"name": "one"}, "data": {"key": "no base64"}})


def test_what_is_too_large_is_refused(core, namespace):
    with refused(422, "Invalid", "Too long"):
        core.create_namespaced_config_map(namespace, a_config_map("one", data={"key": "x" * 1_100_000}))
    with refused(413, "RequestEntityTooLarge"):
        core.create_namespaced_config_map(namespace, a_config_map("one", data={"key": "x" * 3_200_000}))


def test_eviction_respects_a_budget(api, core, namespace):
    core.create_namespaced_pod(namespace, a_pod("one"))
    budgets = client.PolicyV1Api(api)
    selector = {"matchLabels": {"app": "one"}}
    budgets.create_namespaced_pod_disruption_budget(
        namespace, {"metadata": {"name": "one"}, "spec": {"selector": selector, "minAvailable": 1}}
    )
    eviction = {"metadata": {"name": "one", "namespace": namespace}}
    with refused(429, "TooManyRequests", "disruption budget"):
        core.create_namespaced_pod_eviction("one", namespace, eviction)
    budgets.delete_namespaced_pod_disruption_budget("one", namespace)
    core.create_namespaced_pod_eviction("one", namespace, eviction)
    with refused(404):
        core.read_namespaced_pod("one", namespace)


def test_self_subject_review_names_the_user(api):
    review = client.AuthenticationV1Api(api).create_self_subject_review({})
    assert review.status.user_info.username == "kubernetes-admin"
    spec = {"resourceAttributes": {"verb": "delete", "resource": "pods"}}
    access = client.AuthorizationV1Api(api).create_self_subject_access_review({"spec": spec})
    assert access.status.allowed


def test_discovery_names_groups_versions_and_resources(api, resources):
    assert client.VersionApi(api).get_code().major == "1"
    groups = {each.name: each.preferred_version.version for each in client.ApisApi(api).get_api_versions().groups}
    assert groups["cluster.x-k8s.io"] == "v1beta1"
    assert groups["infrastructure.cluster.x-k8s.io"] == "v1beta2"
    found = resources.resources.get(api_version="apps/v1", kind="Deployment")
    assert sorted(found.subresources) == ["scale", "status"]
    assert "watch" in found.verbs
    assert resources.resources.get(short_names=["hc", "hcs"]).name == "hostedclusters"


def test_audit_log_names_requests_and_no_bodies(running, core, namespace):
    core.create_namespaced_secret(namespace, {"metadata": {"name": "one"}, "stringData": {"a": "very-secret-text"}})
    text = (running.plan.logs / "mgmt-1-audit.jsonl").read_text(encoding="utf-8")
    assert "very-secret-text" not in text
    last = json.loads(text.splitlines()[-1])
    assert (last["user"], last["verb"], last["code"]) == ("kubernetes-admin", "create", 201)
    assert last["requestURI"] == f"/api/v1/namespaces/{namespace}/secrets"


def test_definitions_tell_which_version_is_stored(api):
    definitions = client.ApiextensionsV1Api(api).list_custom_resource_definition().items
    stored = {each.metadata.name: each.status.stored_versions for each in definitions}
    assert stored["machines.cluster.x-k8s.io"] == ["v1beta1"]
    assert stored["awsmachines.infrastructure.cluster.x-k8s.io"] == ["v1beta2"]
    assert len(stored) == 15


def test_new_definition_is_served_at_once(api, namespace):
    names = {"plural": "boats", "kind": "Boat"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    version = {"name": "v1", "served": True, "storage": True, "schema": schema}
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": [version]}
    definitions = client.ApiextensionsV1Api(api)
    definitions.create_custom_resource_definition({"metadata": {"name": "boats.example.com"}, "spec": spec})
    custom = client.CustomObjectsApi(api)
    boat = {"apiVersion": "example.com/v1", "kind": "Boat", "metadata": {"name": "one"}}
    custom.create_namespaced_custom_object("example.com", "v1", namespace, "boats", boat)
    versions = [{**version, "storage": False}, {**version, "name": "v2"}]
    changed = definitions.patch_custom_resource_definition("boats.example.com", {"spec": {"versions": versions}})
    assert changed.status.stored_versions == ["v1", "v2"]
    assert custom.get_namespaced_custom_object("example.com", "v2", namespace, "boats", "one")["apiVersion"] == (
        "example.com/v2"
    )
    definitions.delete_custom_resource_definition("boats.example.com")
    with refused(404):
        custom.list_namespaced_custom_object("example.com", "v1", namespace, "boats")
