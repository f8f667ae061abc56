"""Defects that are planted: how, and what the preflight must say of each. Those of one table can be there together."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass

from lifeboat.restore.preflight import Look
from tests.unit.backed_up import World, supported
from tests.unit.builders import a_crd, a_secret, an_object
from tests.unit.preflight import fit
from tests.unit.preflight.fit import INNER, argument, change, held

ACM = "cluster.open-cluster-management.io"


@dataclass(frozen=True)
class Defect:
    """`plant(world, look)` makes it; `told` is a regular expression for what is said of it, remedy included."""

    name: str
    told: str
    plant: Callable[[World, Look], object]


def spec_of(look: Look) -> dict:
    """The exported HostedCluster's, to be spoilt."""
    return look.hosted_cluster["spec"]


def _drop_requests(world: World, look: Look) -> None:
    for zone in ("a", "b", "c"):
        held(world.destination, "Node", None, f"node-us-east-2{zone}")["status"]["allocatable"] = {
            "cpu": "4",
            "memory": "3Gi",
        }


def _small_volumes(world: World, look: Look) -> None:
    record = look.destination.record
    part = dataclasses.replace(record.snapshot.part, size=5 * 1024**3)
    snapshot = dataclasses.replace(record.snapshot, part=part)
    look.destination = dataclasses.replace(look.destination, record=dataclasses.replace(record, snapshot=snapshot))


def _another_key(world: World, look: Look) -> None:
    url = f"{fit.ISSUER}/openid/v1/jwks"
    world.documents.held[url] = json.dumps({"keys": [{"kid": "another"}]}).encode()


def _old_schema(world: World, look: Look) -> None:
    schema = {"properties": {"spec": {"properties": {"clusterName": {}, "replicas": {}, "release": {}}}}}
    definition = held(world.destination, "CustomResourceDefinition", None, "nodepools.hypershift.openshift.io")
    definition["spec"]["versions"] = [
        {"name": "v1beta1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    ]


DEFECTS = [
    Defect(
        "the operator is down",
        r"HyperShift operator .*is not ready there: look why",
        lambda w, _: change(w.destination, "Deployment", "hypershift", "operator", {"status": {"readyReplicas": 0}}),
    ),
    Defect(
        "the operator is scoped to others",
        r"of scope 'fleet-b' only, this one has '': choose",
        lambda w, _: held(w.destination, "Deployment", "hypershift", "operator")["spec"]["template"]["spec"][
            "containers"
        ][0]["env"].extend(
            [
                {"name": "ENABLE_HOSTEDCLUSTERS_ANNOTATION_SCOPING", "value": "true"},
                {"name": "HOSTEDCLUSTERS_SCOPE_ANNOTATION", "value": "fleet-b"},
            ]
        ),
    ),
    Defect(
        "the release is not supported",
        r"does not support release 4\.17\.12 .*: install",
        lambda w, _: w.destination.add(
            an_object("v1", "ConfigMap", "supported-versions", "hypershift", data=supported("4.16"))
        ),
    ),
    Defect(
        "Cluster API is older",
        r"clusters\.cluster\.x-k8s\.io is stored as v1alpha4 there .*: upgrade HyperShift",
        lambda w, _: w.destination.add(a_crd("clusters.cluster.x-k8s.io", "v1alpha4")),
    ),
    Defect(
        "a definition drops fields", r"NodePool workers-a has fields .*spec\.config.*upgrade HyperShift", _old_schema
    ),
    Defect(
        "ExternalDNS is down",
        r"ExternalDNS .*is not ready there: public names would not move; install",
        lambda w, _: change(
            w.destination, "Deployment", "hypershift", "external-dns", {"status": {"readyReplicas": 0}}
        ),
    ),
    Defect(
        "ExternalDNS is for another cloud",
        r"ExternalDNS at mgmt-2 has --provider=azure: install",
        lambda w, _: argument(w.destination, "external-dns", "provider", "azure"),
    ),
    Defect(
        "ExternalDNS manages another domain",
        r"does not manage api-blue\.hosted\.example\.com .*--external-dns-domain-filter",
        lambda w, _: argument(w.destination, "external-dns", "domain-filter", "other.example.com"),
    ),
    Defect(
        "both ExternalDNS have one id",
        r"have the same --txt-owner-id=owner-1: .*give one of them an id of its own",
        lambda w, _: argument(w.destination, "external-dns", "txt-owner-id", "owner-1"),
    ),
    Defect(
        "ExternalDNS keeps ownership elsewhere",
        r"ExternalDNS at mgmt-2 keeps ownership with --registry=dynamodb: set it to txt",
        lambda w, _: argument(w.destination, "external-dns", "registry", "dynamodb"),
    ),
    Defect(
        "a service has no fixed name",
        r"service OAuthServer has no fixed hostname.*made anew with external DNS",
        lambda _, look: next(
            each["servicePublishingStrategy"].pop("route")
            for each in spec_of(look)["services"]
            if each["service"] == "OAuthServer"
        ),
    ),
    Defect(
        "the operator knows no private platform",
        r"operator at mgmt-2 has --private-platform=None, and the hosted cluster is PublicAndPrivate: install",
        lambda w, _: argument(w.destination, "operator", "private-platform", "None"),
    ),
    Defect(
        "the storage class is missing",
        r"StorageClass gp3-csi does not exist there.*create one",
        lambda w, _: w.destination.remove("StorageClass", None, "gp3-csi"),
    ),
    Defect(
        "a zone has no fitting node",
        r"3 members of etcd need Ready nodes in 3 zones, there are 2 .*add nodes",
        lambda w, _: held(w.destination, "Node", None, "node-us-east-2b")["spec"].update(
            taints=[{"key": "dedicated", "value": "others", "effect": "NoSchedule"}]
        ),
    ),
    Defect(
        "nodes are too small",
        r"no node there has room for a pod of kube-apiserver \(2\.0 cores, 4\.0 GiB\): add larger nodes",
        _drop_requests,
    ),
    Defect(
        "nodes are too few",
        r"the control plane asks for 12\.0 GiB, .*have \d\.0 GiB left: add nodes",
        _drop_requests,
    ),
    Defect(
        "etcd's volumes are too small", r"have 8Gi, and a restore needs 2 times .*5\.0 GiB: compact", _small_volumes
    ),
    Defect(
        "nobody answers a webhook",
        r"ValidatingWebhookConfiguration hypershift\.openshift\.io .*has no ready pod: look why",
        lambda w, _: w.destination.remove("Pod", "hypershift", "operator-1"),
    ),
    Defect(
        "the backup lacks a signing authority",
        r"the backup lacks Secret root-ca: .*choose another backup",
        lambda _, look: look.secrets.pop((INNER, "root-ca")),
    ),
    Defect(
        "the pull secret is no registry config",
        r"pull secret pull-secret of the backup holds no \.dockerconfigjson.*mend it",
        lambda _, look: look.secrets["clusters", "pull-secret"].update(data={".dockerconfigjson": "e30="}),
    ),
    Defect(
        "the operator has no OIDC bucket",
        r"operator there has no OIDC bucket: install it with --oidc-storage-provider-s3-bucket-name",
        lambda w, _: argument(w.destination, "operator", "oidc-storage-provider-s3-bucket-name", None),
    ),
    Defect(
        "the OIDC documents hold another key",
        r"OIDC key set .*lacks the key .*: .*publish them",
        _another_key,
    ),
    Defect(
        "the encryption key is missing",
        r"the backup lacks Secret blue-etcd-encryption-key, the activeKey .*choose another backup",
        lambda _, look: look.secrets.pop(("clusters", "blue-etcd-encryption-key")),
    ),
    Defect(
        "the old encryption key is no key",
        r"Secret old-key of the backup, the backupKey .*holds 3 bytes .*choose another backup",
        lambda _, look: (
            spec_of(look)["secretEncryption"]["aescbc"].update(backupKey={"name": "old-key"}),
            look.secrets.update({("clusters", "old-key"): {"data": {"key": base64.b64encode(b"abc").decode()}}}),
        ),
    ),
    Defect(
        "the trust bundle is missing",
        r"the backup lacks ConfigMap other-bundle, the additional trust bundle: .*back it up again",
        lambda _, look: spec_of(look).update(additionalTrustBundle={"name": "other-bundle"}),
    ),
    Defect(
        "config has changed since the backup",
        r"ConfigMap workers-kubelet-config at mgmt-1 has other content .*back it up again",
        lambda w, _: change(w.source, "ConfigMap", "clusters", "workers-kubelet-config", {"data": {"config": "newer"}}),
    ),
    Defect(
        "a NodePool has another release since the backup",
        r"NodePool workers-b at mgmt-1 has another release since the backup: .*back it up again",
        lambda w, _: change(w.source, "NodePool", "clusters", "workers-b", {"spec": {"release": {"image": "newer"}}}),
    ),
    Defect(
        "a bootstrap Secret is missing",
        r"the backup lacks Secret user-data-workers-a-1e5a2, from which Machine workers-a-abc-0 was made: choose",
        lambda _, look: look.secrets.pop((INNER, "user-data-workers-a-1e5a2")),
    ),
    Defect(
        "ACM manages it",
        r"ACM at mgmt-1 manages it as ManagedCluster blue: detach it",
        lambda w, _: w.source.add(an_object(f"{ACM}/v1", "ManagedCluster", "blue")),
    ),
    Defect(
        "Hive would delete its instances",
        r"ClusterDeployment blue/blue at mgmt-1 .*set spec\.preserveOnDelete to true",
        lambda w, _: w.source.add(
            an_object(
                "hive.openshift.io/v1",
                "ClusterDeployment",
                "blue",
                "blue",
                spec={"clusterMetadata": {"infraID": "blue-x7k2p"}},
            )
        ),
    ),
    Defect(
        "something owns it at the source",
        r"HostedCluster clusters/blue at mgmt-1 is owned by AppliedManifestWork work-1.*take it out",
        lambda w, _: held(w.source, "HostedCluster", "clusters", "blue")["metadata"].update(
            ownerReferences=[{"kind": "AppliedManifestWork", "name": "work-1", "uid": "u", "apiVersion": "v1"}]
        ),
    ),
    Defect(
        "its namespace is there already",
        r"namespace clusters-blue exists there already: delete it if it is a leftover",
        lambda w, _: w.destination.add(an_object("v1", "Namespace", INNER)),
    ),
    Defect(
        "its identity is there under another name",
        r"HostedCluster clusters/teal has the same infraID blue-x7k2p there: .*look whose",
        lambda w, _: w.destination.add(
            an_object("v1", "HostedCluster", "teal", "clusters", spec={"infraID": "blue-x7k2p"})
        ),
    ),
    Defect(
        "a role of it is left there",
        r"ClusterRole clusters-blue-old is a leftover of clusters/blue there: delete it",
        lambda w, _: w.destination.add(
            an_object(
                "rbac.authorization.k8s.io/v1",
                "ClusterRole",
                "clusters-blue-old",
                labels={
                    "hypershift.openshift.io/owner.namespace": "clusters",
                    "hypershift.openshift.io/owner.name": "blue",
                },
            )
        ),
    ),
    Defect(
        "a volume of it is left there",
        r"PersistentVolume pvc-1 is kept there for claim clusters-blue/data-etcd-1: delete it if",
        lambda w, _: w.destination.add(
            an_object("v1", "PersistentVolume", "pvc-1", spec={"claimRef": {"namespace": INNER, "name": "data-etcd-1"}})
        ),
    ),
    Defect(
        "a Secret of that name holds something else",
        r"Secret clusters/blue-ssh-key exists there with other content: rename or delete it",
        lambda w, _: w.destination.add({**a_secret("blue-ssh-key", "clusters"), "data": {"key": "b3RoZXI="}}),
    ),
    Defect(
        "another hosted cluster has a NodePool of that name",
        r"NodePools of another hosted cluster have the same names there: workers-b \(of teal\); rename",
        lambda w, _: w.destination.add(
            an_object("v1", "NodePool", "workers-b", "clusters", spec={"clusterName": "teal"})
        ),
    ),
    Defect(
        "it is registered in another region",
        r"management cluster mgmt-2 is registered in eu-west-1, the hosted cluster is in us-east-2: move",
        lambda w, _: w.regions.update({"mgmt-2": "eu-west-1"}),
    ),
    Defect(
        "its nodes are in another region",
        r"nodes of mgmt-2 are in eu-west-1, us-east-2, not in us-east-2: choose",
        lambda w, _: held(w.destination, "Node", None, "node-us-east-2a")["metadata"]["labels"].update(
            {"topology.kubernetes.io/region": "eu-west-1"}
        ),
    ),
    Defect(
        "its credentials may not create what is to be restored",
        r"registered for mgmt-2 may not create machines\.cluster\.x-k8s\.io in clusters-blue: bind them a role",
        lambda w, _: w.destination.forbidden.add(("create", "machines")),
    ),
    Defect(
        "its credentials may not run commands at the source",
        r"registered for mgmt-1 may not create pods/exec in clusters-blue: bind them a role",
        lambda w, _: w.source.forbidden.add(("create", "pods/exec")),
    ),
]
