"""Who may do what: tokens, RBAC, and the questions that a preflight asks."""

from __future__ import annotations

import pytest
import urllib3

from tests.contract.client import Api, at
from tests.contract.words import a_config_map, a_deployment, a_pod

_GROUP = "rbac.authorization.k8s.io"


def _grant(api, home, *rules, cluster=False, name="contract", subjects=None):
    """Let the viewer do what `rules` say, in `home` or (`cluster`) everywhere."""
    kind = "ClusterRole" if cluster else "Role"
    roles, bindings = f"{kind.lower()}s", f"{kind.lower()}bindings"
    place = "" if cluster else home
    role = {"apiVersion": f"{_GROUP}/v1", "kind": kind, "metadata": {"name": name}, "rules": list(rules)}
    binding = {
        "apiVersion": f"{_GROUP}/v1",
        "kind": f"{kind}Binding",
        "metadata": {"name": name},
        "subjects": subjects or [{"apiGroup": _GROUP, "kind": "User", "name": "viewer"}],
        "roleRef": {"apiGroup": _GROUP, "kind": kind, "name": name},
    }
    api.post(at(roles, place), role).ok()
    api.post(at(bindings, place), binding).ok()


def _rule(resources, verbs, group="", **more):
    return {"apiGroups": [group], "resources": resources, "verbs": verbs, **more}


def _allowed(viewer, path) -> bool:
    return viewer.get(path).code != 403


def _ask(user, **attributes):
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
              "spec": {"resourceAttributes": attributes}}  # fmt: skip
    answer = user.post(at("selfsubjectaccessreviews"), review)
    assert answer.code == 201
    return answer.ok()["status"]


def test_unknown_token_is_unauthorized(backend):
    stranger = Api(backend, "unknown")
    status = stranger.get(at("namespaces")).refused(401, "Unauthorized", "Unauthorized")
    assert status["status"] == "Failure"
    stranger.close()


def test_who_brings_no_token_is_anonymous(api, backend):
    with urllib3.PoolManager(ca_certs=str(backend.cluster.pki / "ca.crt")) as pool:
        answer = pool.request("GET", backend.cluster.api_url + at("namespaces"))
        assert answer.status == 403
        assert 'User "system:anonymous" cannot list resource "namespaces"' in answer.json()["message"]
        assert pool.request("GET", backend.cluster.api_url + "/version").status == 200
        assert pool.request("GET", backend.cluster.api_url + "/readyz").status == 200


def test_user_without_rights_is_forbidden(viewer, home):
    status = viewer.get(at("secrets", home)).refused(
        403,
        "Forbidden",
        f'secrets is forbidden: User "viewer" cannot list resource "secrets" in API group "" in the namespace "{home}"',
    )
    assert status["details"] == {"kind": "secrets"}


_REFUSALS = {
    "cluster": ("GET", at("nodes", "", "a"), 'nodes "a"', 'get resource "nodes"', "", "at the cluster scope"),
    "delete": (
        *("DELETE", at("deployments", "default", "x"), 'deployments.apps "x"', 'delete resource "deployments"', "apps"),
        'in the namespace "default"',
    ),
    "create": ("POST", at("pods", "default"), "pods", 'create resource "pods"', "", 'in the namespace "default"'),
    "subresource": (
        *("GET", at("pods", "default", "x", "log"), 'pods "x"', 'get resource "pods/log"', ""),
        'in the namespace "default"',
    ),
    "scale": (
        *("PUT", at("deployments", "default", "x", "scale"), 'deployments.apps "x"'),
        *('update resource "deployments/scale"', "apps", 'in the namespace "default"'),
    ),
}


def test_path_without_rights_is_forbidden(viewer):
    viewer.get("/metrics").refused(403, "Forbidden", 'forbidden: User "viewer" cannot get path "/metrics"')


@pytest.mark.parametrize("case", _REFUSALS)
def test_refusal_says_what_is_missing(viewer, case):
    """Whether the object is there is not told."""
    method, path, what, verb, group, where = _REFUSALS[case]
    text = f'{what} is forbidden: User "viewer" cannot {verb} in API group "{group}" {where}'
    viewer.request(method, path, {} if method != "GET" else None).refused(403, "Forbidden", text)


def test_role_grants_its_verbs_in_its_namespace(api, viewer, home):
    api.post(at("configmaps", home), a_config_map("one")).ok()
    _grant(api, home, _rule(["configmaps"], ["get", "list"]))
    api.eventually(lambda: _allowed(viewer, at("configmaps", home)))
    viewer.get(at("configmaps", home, "one")).ok()
    viewer.patch(at("configmaps", home, "one"), {}).refused(403, "Forbidden", "cannot patch resource")
    viewer.get(at("configmaps", home), watch="true").refused(403, "Forbidden", "cannot watch resource")
    viewer.get(at("configmaps", "default")).refused(403, "Forbidden", "cannot list resource")
    viewer.get(at("configmaps")).refused(403, "Forbidden", "at the cluster scope")


def test_role_may_name_its_objects(api, viewer, home):
    for name in ("one", "two"):
        api.post(at("configmaps", home), a_config_map(name)).ok()
    _grant(api, home, _rule(["configmaps"], ["get", "list", "create"], resourceNames=["one"]))
    api.eventually(lambda: _allowed(viewer, at("configmaps", home, "one")))
    viewer.get(at("configmaps", home, "two")).refused(403, "Forbidden")
    viewer.get(at("configmaps", home)).refused(403, "Forbidden")
    viewer.get(at("configmaps", home), fieldSelector="metadata.name=one").ok()
    viewer.post(at("configmaps", home), a_config_map("one")).refused(403, "Forbidden")


def test_subresource_needs_a_rule_of_its_own(api, viewer, home):
    api.post(at("deployments", home), a_deployment("one", replicas=0)).ok()
    _grant(api, home, _rule(["deployments"], ["*"], "apps"))
    api.eventually(lambda: _allowed(viewer, at("deployments", home)))
    viewer.get(at("deployments", home, "one", "scale")).refused(403, "Forbidden", "deployments/scale")
    _grant(api, home, _rule(["deployments/scale"], ["get"], "apps"), name="more")
    api.eventually(lambda: _allowed(viewer, at("deployments", home, "one", "scale")))
    viewer.patch(at("deployments", home, "one", "scale"), {}).refused(403, "Forbidden")


def test_exec_is_a_right_of_its_own_and_wants_create(api, viewer, home):
    """Whatever may be done with pods: a websocket needs `get` and, from Kubernetes 1.35 on, `create` of pods/exec."""
    api.post(at("pods", home), a_pod("one", schedulerName="hand")).ok()
    _grant(api, home, _rule(["pods"], ["*"]))
    api.eventually(lambda: _allowed(viewer, at("pods", home)))
    path = at("pods", home, "one", "exec")
    viewer.get(path, command="true").refused(403, "Forbidden", 'cannot get resource "pods/exec"')
    viewer.post(path, {}, command="true").refused(403, "Forbidden", 'cannot create resource "pods/exec"')
    _grant(api, home, _rule(["pods/exec"], ["get"]), name="more")
    asked = {"verb": "get", "resource": "pods", "subresource": "exec", "namespace": home}
    api.eventually(lambda: _ask(viewer, **asked)["allowed"])
    viewer.get(path, command="true").refused(403, "Forbidden", 'pods "one" is forbidden')


def test_cluster_role_grants_everywhere(api, viewer, home):
    _grant(api, home, _rule(["configmaps"], ["list"]), cluster=True, name=f"of-{home}")
    api.eventually(lambda: _allowed(viewer, at("configmaps")))
    viewer.get(at("configmaps", home)).ok()
    viewer.get(at("secrets", home)).refused(403, "Forbidden")
    api.delete(at("clusterrolebindings", "", f"of-{home}")).ok()
    api.eventually(lambda: not _allowed(viewer, at("configmaps")))


def test_cluster_role_bound_in_a_namespace_grants_there(api, viewer, home):
    role = {"apiVersion": f"{_GROUP}/v1", "kind": "ClusterRole", "metadata": {"name": f"of-{home}"},
            "rules": [_rule(["configmaps"], ["list"])]}  # fmt: skip
    api.post(at("clusterroles"), role).ok()
    binding = {"apiVersion": f"{_GROUP}/v1", "kind": "RoleBinding", "metadata": {"name": "x"},
               "subjects": [{"apiGroup": _GROUP, "kind": "User", "name": "viewer"}],
               "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": f"of-{home}"}}  # fmt: skip
    api.post(at("rolebindings", home), binding).ok()
    api.eventually(lambda: _allowed(viewer, at("configmaps", home)))
    viewer.get(at("configmaps", "default")).refused(403, "Forbidden")


def test_role_may_be_bound_to_a_group(api, viewer, home):
    everyone = [{"apiGroup": _GROUP, "kind": "Group", "name": "system:authenticated"}]
    _grant(api, home, _rule(["*"], ["list"], "*"), subjects=everyone)
    api.eventually(lambda: _allowed(viewer, at("deployments", home)))
    viewer.get(at("hostedclusters", home)).ok()


def test_nobody_grants_more_than_he_has(api, viewer, home):
    """A user who may write roles cannot lift himself."""
    _grant(api, home, _rule(["roles", "rolebindings"], ["create", "list"], _GROUP))
    api.eventually(lambda: _allowed(viewer, at("roles", home)))
    role = {"apiVersion": f"{_GROUP}/v1", "kind": "Role", "metadata": {"name": "more"},
            "rules": [_rule(["secrets"], ["get"])]}  # fmt: skip
    viewer.post(at("roles", home), role).refused(
        403, "Forbidden", "is attempting to grant RBAC permissions not currently held"
    )
    binding = {"apiVersion": f"{_GROUP}/v1", "kind": "RoleBinding", "metadata": {"name": "more"},
               "subjects": [{"apiGroup": _GROUP, "kind": "User", "name": "viewer"}],
               "roleRef": {"apiGroup": _GROUP, "kind": "ClusterRole", "name": "cluster-admin"}}  # fmt: skip
    viewer.post(at("rolebindings", home), binding).refused(
        403, "Forbidden", "is attempting to grant RBAC permissions not currently held"
    )


def test_binding_keeps_its_role(api, home):
    _grant(api, home, _rule(["pods"], ["get"]))
    api.patch(at("rolebindings", home, "contract"), {"roleRef": {"name": "other"}}).refused(
        422, "Invalid", "cannot change roleRef"
    )


def test_review_answers_for_an_administrator(api, home):
    status = _ask(api, verb="delete", group="hypershift.openshift.io", resource="hostedclusters", namespace=home)
    assert status["allowed"] is True


def test_review_answers_as_the_request_would_be(api, viewer, home):
    """What a preflight may ask before it changes anything."""
    asked = {"verb": "patch", "group": "apps", "resource": "deployments", "namespace": home}
    assert _ask(viewer, **asked)["allowed"] is False
    _grant(api, home, _rule(["deployments"], ["patch"], "apps"))
    status = api.eventually(lambda: (found := _ask(viewer, **asked))["allowed"] and found)
    assert 'RoleBinding "contract' in status["reason"]
    assert _ask(viewer, **asked, name="one")["allowed"] is True
    assert _ask(viewer, **asked | {"namespace": "default"})["allowed"] is False
    assert _ask(viewer, **asked | {"subresource": "scale"})["allowed"] is False
    assert _ask(viewer, **asked | {"verb": "delete"})["allowed"] is False


def test_review_of_another_user_is_the_administrators(api, viewer):
    spec = {"user": "viewer", "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    assert api.post(at("subjectaccessreviews"), review).ok()["status"]["allowed"] is False
    viewer.post(at("subjectaccessreviews"), review).refused(403, "Forbidden")


def test_user_learns_who_he_is(api, viewer):
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    assert api.post(at("selfsubjectreviews"), review).ok()["status"]["userInfo"]["username"] == "kubernetes-admin"
    info = viewer.post(at("selfsubjectreviews"), review).ok()["status"]["userInfo"]
    assert (info["username"], info["groups"]) == ("viewer", ["system:authenticated"])


def test_everyone_reads_what_is_served(viewer):
    assert viewer.get("/api").ok()["versions"] == ["v1"]
    assert viewer.get("/apis").ok()["kind"] == "APIGroupList"
    assert viewer.get("/version").ok()["major"] == "1"
