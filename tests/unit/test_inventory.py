"""What belongs to one hosted cluster, by references; and LISTs that do not fit together."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from contextlib import contextmanager

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from lifeboat import export, inventory, observed, oidc
from lifeboat.errors import ApiUnavailableError, PreflightError
from lifeboat.layout import BackupLayout
from lifeboat.ports import Listing
from lifeboat.resources import (
    AWS_MACHINES,
    MACHINE_SETS,
    MACHINES,
    ROUTES,
    SECRETS,
)
from tests.unit.a_backup import Backup
from tests.unit.builders import a_secret, an_object, blue
from tests.unit.memory import MemoryCluster, MemoryStore

_REFERENCES = {
    "serviceAccountSigningKey": {"name": "signing-key"},
    "auditWebhook": {"name": "audit-webhook"},
    "secretEncryption": {
        "type": "aescbc",
        "aescbc": {"activeKey": {"name": "key-2"}, "backupKey": {"name": "key-1"}},
    },
    "configuration": {
        "apiServer": {
            "clientCA": {"name": "client-ca"},
            "servingCerts": {"namedCertificates": [{"names": ["api"], "servingCertificate": {"name": "serving"}}]},
        },
        "oauth": {
            "identityProviders": [
                {"name": "ldap", "type": "LDAP", "ldap": {"ca": {"name": "ldap-ca"}, "bindPassword": {"name": "bind"}}},
                {"name": "htpasswd", "type": "HTPasswd", "htpasswd": {"fileData": {"name": "users"}}},
            ],
            "templates": {"login": {"name": "login-page"}},
        },
        "proxy": {"httpProxy": "http://proxy", "trustedCA": {"name": "proxy-ca"}},
        "image": {"additionalTrustedCA": {"name": "registry-ca"}},
    },
}
_SECRETS = {"signing-key", "audit-webhook", "key-1", "key-2", "serving", "bind", "users", "login-page"}
_CONFIG_MAPS = {"client-ca", "ldap-ca", "proxy-ca", "registry-ca", "tuning"}


@pytest.fixture
def backup():
    return Backup(kind="online")


def _names(found, plural, namespace="clusters"):
    return {
        each["metadata"]["name"]
        for group in found.groups
        if (group.resource.plural, group.namespace) == (plural, namespace)
        for each in group.objects
    }


def test_every_reference_is_followed():
    backup = Backup(blue().with_spec(**_REFERENCES), kind="online")
    cluster = backup.cluster
    cluster.add(*(a_secret(name, "clusters") for name in _SECRETS))
    cluster.add(*(an_object("v1", "ConfigMap", name, "clusters", data={}) for name in _CONFIG_MAPS))
    cluster._objects["NodePool", "clusters", "workers-b"]["spec"]["tuningConfig"] = [{"name": "tuning"}]
    found = inventory.collect(cluster, backup.hosted.ref)
    assert _names(found, "secrets") == _SECRETS | {"pull-secret", "blue-ssh-key"}
    assert _names(found, "configmaps") == _CONFIG_MAPS | {"blue-trust-bundle", "workers-kubelet-config"}
    assert found.missing == ()


def test_a_key_of_kms_is_a_fact_and_no_object():
    keys = {"type": "kms", "kms": {"provider": "AWS", "aws": {"activeKey": {"arn": "arn:aws:kms:key/1"}}}}
    backup = Backup(blue().with_spec(secretEncryption=keys), kind="online")
    found = inventory.collect(backup.cluster, backup.hosted.ref)
    assert "blue-etcd-encryption-key" not in _names(found, "secrets")
    assert observed.observe(backup.cluster, backup.hosted.ref, found)["secretEncryption"] == keys
    assert found.missing == ()


def test_what_controllers_make_again_is_no_manifest(backup):
    """Applied by hand, a Route would take the names."""
    found = inventory.collect(backup.cluster, backup.hosted.ref)
    exported = export.export(MemoryStore(), BackupLayout("b/"), found)
    plurals = {each.plural for each in exported.manifests}
    assert not plurals & {"routes", "awsendpointservices", "machinehealthchecks", "clusterroles", "clusterrolebindings"}
    (route,) = observed.observe(backup.cluster, backup.hosted.ref, found)["records"]["routes"]
    assert route["spec"]["host"].startswith("api-blue.")
    assert [each["metadata"]["name"] for each in found.of(ROUTES)] == ["kube-apiserver"]


def test_the_evidence_is_stored_and_names_what_was_read(backup):
    backup.cluster.add(
        an_object("v1", "ConfigMap", "supported-versions", "hypershift", data={"server-version": "3ee9615567"})
    )
    backup.preflight()
    from lifeboat import exporting  # noqa: PLC0415 - beside what it is made of

    answer = exporting.export_manifests(backup.cluster, backup.store, backup.instances, backup.task())
    part = answer["evidence"]["observed.json"]
    document = json.loads(backup.store.objects[part["key"]])
    assert hashlib.sha256(backup.store.objects[part["key"]]).hexdigest() == part["sha256"]
    assert document["operator"] == {"server-version": "3ee9615567"}
    assert document["workloads"]["deployments"]["kube-apiserver"]["replicas"] == 3
    assert document["workloads"]["statefulsets"]["etcd"]["images"]["etcd"]
    assert {each["resource"] for each in document["lists"]} >= {"machines.cluster.x-k8s.io", "secrets"}
    assert all(each["resourceVersion"] for each in document["lists"])
    assert (answer["missing"], answer["dangling"]) == ([], [])


def test_no_secret_s_content_is_in_the_evidence(backup):
    secret = backup.cluster._objects["Secret", "clusters-blue", "sa-signing-key"]
    secret["data"] = {"service-account.key": base64.b64encode(b"canary").decode()}
    found = inventory.collect(backup.cluster, backup.hosted.ref)
    text = json.dumps(observed.observe(backup.cluster, backup.hosted.ref, found))
    assert "canary" not in text
    assert base64.b64encode(b"canary").decode() not in text


class _BetweenLists(MemoryCluster):
    """The first LISTs of a kind lack an object: it came after its LIST, and before those of its dependents."""

    lacking: tuple[str, str] = ("", "")
    times = 0

    def listing(self, resource, namespace=None, *, labels=None):
        found = super().listing(resource, namespace, labels=labels)
        if resource.kind != self.lacking[0] or not self.times:
            return found
        self.times -= 1
        return Listing([each for each in found.objects if each["metadata"]["name"] != self.lacking[1]], "1")


def _between(backup, lacking, times):
    backup.cluster.__class__ = _BetweenLists
    backup.cluster.lacking, backup.cluster.times = lacking, times


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        (MACHINE_SETS, "workers-a-abc"),
        (AWS_MACHINES, "workers-a-abc-0"),
        (SECRETS, "user-data-workers-a-1e5a2"),
    ],
)
def test_lists_that_do_not_fit_together_are_read_again(backup, resource, name):
    _between(backup, (resource.kind, name), 2 if resource is SECRETS else 1)
    found = inventory.collect(backup.cluster, backup.hosted.ref)
    assert found.dangling == ()
    assert name in _names(found, resource.plural, "clusters-blue")


def test_an_owner_that_stays_away_is_told(backup):
    _between(backup, ("MachineSet", "workers-a-abc"), 100)
    found = inventory.collect(backup.cluster, backup.hosted.ref)
    assert "Machine workers-a-abc-0: its owner MachineSet workers-a-abc is not there" in found.dangling


@pytest.mark.parametrize("kind", ["Thing", "Cluster"])
def test_owners_of_kinds_that_are_not_read_are_nobodys_gap(backup, kind):
    machine = backup.cluster._objects["Machine", "clusters-blue", "workers-a-abc-0"]
    stranger = {"apiVersion": "example.com/v1", "kind": kind, "name": "t", "uid": "u-1"}
    machine["metadata"]["ownerReferences"].append(stranger)
    assert inventory.collect(backup.cluster, backup.hosted.ref).dangling == ()


@pytest.mark.parametrize("kind", ["HostedControlPlane", "HostedCluster"])
def test_a_lodger_in_the_control_plane_namespace_is_refused(backup, kind):
    """Its Secrets could not be told from ours, and a teardown would delete them with the namespace."""
    lodger = an_object("hypershift.openshift.io/v1beta1", kind, "green", "clusters-blue", spec={"infraID": "green-1"})
    backup.cluster.add(lodger)
    with pytest.raises(PreflightError, match=f"clusters-blue of clusters/blue also holds {kind} green"):
        inventory.collect(backup.cluster, backup.hosted.ref)


class _Counted(MemoryCluster):
    """Counts requests, and how many are under way at once."""

    requests, under_way, most = 0, 0, 0
    lock = threading.Lock()

    @contextmanager
    def counted(self):
        with self.lock:
            self.requests += 1
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        time.sleep(0.02)
        yield
        with self.lock:
            self.under_way -= 1

    def get(self, *arguments):
        with self.counted():
            return super().get(*arguments)

    def listing(self, *arguments, **named):
        with self.counted():
            return super().listing(*arguments, **named)


def test_requests_do_not_grow_with_the_objects_and_run_side_by_side(backup):
    backup.cluster.__class__ = _Counted
    backup.cluster.add(*(a_secret(f"extra-{number}", "clusters-blue") for number in range(1000)))
    found = inventory.collect(backup.cluster, backup.hosted.ref)
    assert len(_names(found, "secrets", "clusters-blue")) > 1000
    assert backup.cluster.requests < 25
    assert 4 < backup.cluster.most <= 8


def test_a_list_that_keeps_expiring_is_worth_another_try():
    """A machine retries by the error's own name: a class below it would end the backup."""
    from lifeboat.adapters import kube  # noqa: PLC0415 - the real client, without a server

    cluster = kube.KubernetesCluster("mgmt-1", None)
    asked = []

    def expired(method, path, query):
        asked.append(query)
        if len(asked) % 2:
            return {"items": [{"metadata": {"name": "a"}}], "metadata": {"continue": "token"}}
        raise kube._ExpiredError("410")

    cluster._call = expired
    with pytest.raises(ApiUnavailableError) as raised:
        cluster.list_objects(SECRETS, "clusters")
    assert type(raised.value) is ApiUnavailableError
    assert len(asked) == 6


def test_a_list_that_fails_fails_the_export(backup):
    backup.cluster.fail_next(*[ApiUnavailableError("mgmt-1 does not answer")] * 30)
    with pytest.raises(ApiUnavailableError):
        inventory.collect(backup.cluster, backup.hosted.ref)


def test_many_gaps_are_told_in_the_evidence_and_a_few_in_the_machine(backup):
    from lifeboat import exporting  # noqa: PLC0415 - beside what it is made of

    owner = {"apiVersion": "cluster.x-k8s.io/v1beta1", "kind": "MachineSet", "name": "gone", "uid": "u-1"}
    for number in range(30):
        backup.cluster.add(a_secret(f"extra-{number:02d}", "clusters-blue"))
        backup.cluster._objects["Secret", "clusters-blue", f"extra-{number:02d}"]["metadata"]["ownerReferences"] = [
            owner
        ]
    backup.preflight()
    answer = exporting.export_manifests(backup.cluster, backup.store, backup.instances, backup.task())
    assert len(answer["dangling"]) == 20
    document = json.loads(backup.store.objects[answer["evidence"]["observed.json"]["key"]])
    assert len(document["dangling"]) == 30


@pytest.mark.parametrize(
    ("form", "label"),
    [
        (serialization.PublicFormat.SubjectPublicKeyInfo, "PUBLIC KEY"),
        (serialization.PublicFormat.SubjectPublicKeyInfo, "RSA PUBLIC KEY"),
        (serialization.PublicFormat.PKCS1, "RSA PUBLIC KEY"),
    ],
)
def test_the_key_id_is_that_of_the_key_set(form, label):
    """OpenShift's installer labels a SubjectPublicKeyInfo as RSA; both are read by what they are."""
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    wanted = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()
    body = base64.encodebytes(public.public_bytes(serialization.Encoding.DER, form)).decode()
    assert oidc.key_id(f"-----BEGIN {label}-----\n{body}-----END {label}-----\n".encode()) == wanted


def test_no_key_has_no_id():
    with pytest.raises(ValueError, match="no public key"):
        oidc.key_id(b"-----BEGIN CERTIFICATE-----\nMQ==\n-----END CERTIFICATE-----\n")


def test_documents_lie_where_the_sandbox_and_hypershift_put_them():
    from sandbox.hypershift.oidc import document_keys, issuer_url  # noqa: PLC0415 - the other side of the same fact

    urls = oidc.document_urls(issuer_url("blue-x7k2p"))
    root = issuer_url("blue-x7k2p").removesuffix("blue-x7k2p")
    assert urls == tuple(root + key for key in document_keys("blue-x7k2p"))


def test_only_machines_with_their_label_are_taken(backup):
    """A Machine that names another cluster stays out, even in this namespace."""
    stranger = an_object(
        "cluster.x-k8s.io/v1beta1",
        "Machine",
        "other-0",
        "clusters-blue",
        labels={"cluster.x-k8s.io/cluster-name": "other"},
        spec={"clusterName": "other"},
    )
    backup.cluster.add(stranger)
    names = {each["metadata"]["name"] for each in inventory.collect(backup.cluster, backup.hosted.ref).of(MACHINES)}
    assert "other-0" not in names
    assert len(names) == 4
