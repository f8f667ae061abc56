"""Defects that hide another one, or change what others rest on: planted one at a time."""

from __future__ import annotations

from collections.abc import Callable

from lifeboat.restore.preflight import Look
from tests.unit.backed_up import World
from tests.unit.builders import an_object
from tests.unit.preflight.defects import ACM, Defect, spec_of
from tests.unit.preflight.fit import INNER, argument, held

_KMS = {
    "type": "kms",
    "kms": {
        "provider": "AWS",
        "aws": {
            "region": "us-east-2",
            "activeKey": {"arn": "arn:aws:kms:us-east-2:123456789012:key/one"},
            "auth": {"awsKms": "arn:aws:iam::123456789012:role/blue-kms"},
        },
    },
}


def _kms(state: str | None, **aws: object) -> Callable[[World, Look], object]:
    def plant(world: World, look: Look) -> None:
        spec_of(look)["secretEncryption"] = {**_KMS, "kms": {**_KMS["kms"], "aws": {**_KMS["kms"]["aws"], **aws}}}
        world.keys.states["arn:aws:kms:us-east-2:123456789012:key/one"] = state

    return plant


fit_kms = _kms("Enabled")
hidden_kms = _kms(None)

ALONE = [
    Defect(
        "ExternalDNS is missing",
        r"ExternalDNS .*is not ready there",
        lambda w, _: w.destination.remove("Deployment", "hypershift", "external-dns"),
    ),
    Defect(
        "nobody knows who owns the names",
        r"ExternalDNS at mgmt-2 has no --txt-owner-id: .*set one",
        lambda w, _: argument(w.destination, "external-dns", "txt-owner-id", None),
    ),
    Defect(
        "ExternalDNS keeps ownership under another suffix",
        r"ExternalDNS at mgmt-2 keeps ownership under --txt-suffix=-dns: set --txt-suffix=-external-dns",
        lambda w, _: argument(w.destination, "external-dns", "txt-suffix", "-dns"),
    ),
    Defect(
        "the operator lacks its credentials",
        r"operator at mgmt-2 lacks the Secret hypershift/aws-credentials .*--aws-private-creds",
        lambda w, _: w.destination.remove("Secret", "hypershift", "aws-credentials"),
    ),
    Defect(
        "the operator makes endpoint services elsewhere",
        r"operator at mgmt-2 makes endpoint services in eu-west-1, not in us-east-2: install",
        lambda w, _: (
            held(w.destination, "Deployment", "hypershift", "operator")["spec"]["template"]["spec"]["containers"][0][
                "env"
            ].append({"name": "AWS_REGION", "value": "eu-west-1"})
            or held(w.destination, "Deployment", "hypershift", "operator")["spec"]["template"]["spec"]["containers"][0][
                "env"
            ].pop(1)
        ),
    ),
    Defect(
        "OIDC documents go elsewhere",
        r"publishes OIDC documents in another, the cluster's are in oidc-of-the-fleet: install",
        lambda w, _: argument(w.destination, "operator", "oidc-storage-provider-s3-bucket-name", "another"),
    ),
    Defect(
        "no OIDC documents", r"there is no OIDC discovery document .*publish", lambda w, _: w.documents.held.clear()
    ),
    Defect(
        "the pull secret is missing",
        r"the backup lacks the pull secret pull-secret: .*choose another backup",
        lambda _, look: look.secrets.pop(("clusters", "pull-secret")),
    ),
    Defect("the KMS key is off", r"activeKey of etcd's encryption, .*key/one, is Disabled: enable", _kms("Disabled")),
    Defect("the KMS key goes", r"key/one, is PendingDeletion: .*cancel its deletion", _kms("PendingDeletion")),
    Defect("the KMS key is gone", r"key/one, is Absent", _kms("Absent")),
    Defect("KMS without a role", r"awsKms names no IAM role \(empty\): set it", _kms("Enabled", auth={})),
    Defect(
        "the KMS key is in another region",
        r"is in another region than the hosted cluster \(us-east-2\): use a key",
        _kms("Enabled", activeKey={"arn": "arn:aws:kms:eu-west-1:123456789012:key/one"}),
    ),
    Defect(
        "an encryption that nobody knows",
        r"encrypted by rot13, which is not known here",
        lambda _, look: spec_of(look).update(secretEncryption={"type": "rot13"}),
    ),
    Defect(
        "the namespace goes away",
        r"namespace clusters-blue is still being deleted there: wait",
        lambda w, _: w.destination.add(an_object("v1", "Namespace", INNER, deletionTimestamp="now")),
    ),
    Defect(
        "the webhook's Service is gone",
        r"asks Service hypershift/operator, which is not there: install it again",
        lambda w, _: w.destination.remove("Service", "hypershift", "operator"),
    ),
    Defect(
        "ACM deployed it",
        r"belongs to HypershiftDeployment default/blue of ACM",
        lambda _, look: (
            look.hosted_cluster["metadata"]
            .setdefault("annotations", {})
            .update({f"{ACM}/hypershiftdeployment": "default/blue"})
        ),
    ),
    Defect(
        "agents of ACM run for it",
        r"mgmt-2 runs Klusterlet klusterlet-imported for it: detach it",
        lambda w, look: (
            look.hosted_cluster["metadata"]
            .setdefault("annotations", {})
            .update({f"{ACM}/managedcluster-name": "imported"}),
            w.destination.add(an_object("operator.open-cluster-management.io/v1", "Klusterlet", "klusterlet-imported")),
        ),
    ),
    Defect(
        "a NodePool came since the backup",
        r"NodePool late is new at mgmt-1 since the backup: back it up again",
        lambda w, _: w.source.add(an_object("v1", "NodePool", "late", "clusters", spec={"clusterName": "blue"})),
    ),
    Defect(
        "HyperShift is not installed",
        r"hostedcontrolplanes\.hypershift\.openshift\.io is not installed there: install",
        lambda w, _: w.destination.remove(
            "CustomResourceDefinition", None, "hostedcontrolplanes.hypershift.openshift.io"
        ),
    ),
    Defect(
        "no default storage class",
        r"there is no default StorageClass there.*mark one",
        lambda w, look: look.destination.state.etcd.update(storageClass=None),
    ),
]
