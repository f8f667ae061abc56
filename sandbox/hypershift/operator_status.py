"""Status of a HostedCluster: conditions computed from what is observed, inside and outside of it."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING

from sandbox.client import (
    AWS_ENDPOINT_SERVICES,
    CONFIG_MAPS,
    DEPLOYMENTS,
    HOSTED_CLUSTERS,
    HOSTED_CONTROL_PLANES,
    SECRETS,
)
from sandbox.hypershift import oidc
from sandbox.hypershift.carriers import HYPERSHIFT
from sandbox.hypershift.names import control_plane_namespace, host_of, is_private
from sandbox.hypershift.private_link import ENDPOINT_AVAILABLE, SERVICE_AVAILABLE
from sandbox.hypershift.release import version_of
from sandbox.objects import condition, status_of, with_conditions
from sandbox.plan import RELEASE_REGISTRY

if TYPE_CHECKING:
    from sandbox.client import Object
    from sandbox.hypershift.cloud import Cloud
    from sandbox.hypershift.guest import Guests, GuestView
    from sandbox.hypershift.pausing import Pause
    from sandbox.hypershift.writer import Writer

Condition = tuple[str, str, str, str]
_MIRRORED = ("Available", "Degraded", "EtcdAvailable", "KubeAPIServerAvailable", "InfrastructureReady")
_OIDC_SECONDS = 10.0


class OperatorStatus:
    """Writes the status of HostedClusters."""

    def __init__(self, writer: Writer, cloud: Cloud, guests: Guests) -> None:
        self._writer = writer
        self._cloud = cloud
        self._guests = guests
        self._oidc: dict[str, tuple[float, bool]] = {}

    def write(self, hosted: Object, pause: Pause) -> None:
        namespace = control_plane_namespace(hosted)
        name = hosted["metadata"]["name"]
        control_plane = self._writer.get(HOSTED_CONTROL_PLANES, name, namespace) or {}
        guest = self._guests.view((hosted["metadata"]["namespace"], name))
        status = {
            **status_of(hosted),
            "conditions": with_conditions(
                status_of(hosted).get("conditions"),
                [
                    *(_mirror(control_plane, kind) for kind in _MIRRORED),
                    *self._release(hosted),
                    *self._identity(hosted, namespace),
                    *_inside(hosted, control_plane, guest),
                    self._ignition(namespace),
                    *self._private_link(hosted, namespace),
                    pause.condition(),
                    ("ReconciliationSucceeded", "True", "ReconcilliationSucceeded", ""),
                    ("ValidConfiguration", "True", "AsExpected", "Configuration passes validation"),
                    ("PlatformCredentialsFound", "True", "AsExpected", "Required platform credentials are found"),
                ],
            ),
        }
        seen = status_of(control_plane)
        if version := seen.get("versionStatus"):
            generation = hosted["metadata"].get("generation", 1)
            status["version"] = {**version, "observedGeneration": generation, "availableUpdates": None}
        if endpoint := seen.get("controlPlaneEndpoint"):
            status["controlPlaneEndpoint"] = endpoint
        if self._writer.get(SECRETS, f"{name}-admin-kubeconfig", hosted["metadata"]["namespace"]):
            status["kubeconfig"] = {"name": f"{name}-admin-kubeconfig"}
            status["kubeadminPassword"] = {"name": f"{name}-kubeadmin-password"}
        if (host := host_of(hosted["spec"], "Ignition")) and seen.get("ready"):
            status["ignitionEndpoint"] = host
        self._writer.status(HOSTED_CLUSTERS, hosted, status)

    def _release(self, hosted: Object) -> list[Condition]:
        version = version_of(hosted["spec"]["release"]["image"])
        secret = self._writer.get(SECRETS, hosted["spec"]["pullSecret"]["name"], hosted["metadata"]["namespace"])
        if secret is None:
            valid: Condition = ("ValidReleaseImage", "False", "SecretNotFound", "pull secret not found")
        elif version is None or not _has_auth(secret):
            valid = ("ValidReleaseImage", "False", "InvalidImage", "failed to look up the release image")
        else:
            valid = ("ValidReleaseImage", "True", "AsExpected", "Release image is valid")
        supported = self._writer.get(CONFIG_MAPS, "supported-versions", HYPERSHIFT) or {}
        versions = json.loads((supported.get("data") or {}).get("supported-versions", "{}")).get("versions") or []
        minor = ".".join((version or "").split(".")[:2])
        known = minor in versions
        return [
            valid,
            ("SupportedHostedCluster", str(known), "AsExpected" if known else "UnsupportedHostedCluster", minor),
        ]

    def _identity(self, hosted: Object, namespace: str) -> list[Condition]:
        infra_id = hosted["spec"]["infraID"]
        signing_key = self._writer.get(SECRETS, "sa-signing-key", namespace)
        checked, valid = self._oidc.get(infra_id, (0.0, False))
        # A good answer is good for a while; a bad one is asked again at once.
        if signing_key is not None and (not valid or time.monotonic() - checked > _OIDC_SECONDS):
            valid = oidc.is_valid(self._cloud, infra_id, signing_key)
            self._oidc[infra_id] = (time.monotonic(), valid)
        reason = "AsExpected" if valid else "OIDCConfigurationInvalid"
        provider = "AsExpected" if valid else "InvalidIdentityProvider"
        return [
            ("ValidOIDCConfiguration", str(valid), reason, "" if valid else "discovery documents do not match"),
            ("ValidAWSIdentityProvider", str(valid), provider, "" if valid else "WebIdentityErr"),
        ]

    def _private_link(self, hosted: Object, namespace: str) -> list[Condition]:
        """What its AWSEndpointServices tell; nothing of a cluster that has none."""
        if not is_private(hosted["spec"]):
            return []
        found = self._writer.list(AWS_ENDPOINT_SERVICES, namespace)
        told: list[Condition] = []
        for kind in (SERVICE_AVAILABLE, ENDPOINT_AVAILABLE):
            good = bool(found) and all((condition(each, kind) or {}).get("status") == "True" for each in found)
            told.append((kind, str(good), "AWSSuccess" if good else "AWSEndpointServicesNotReady", ""))
        return told

    def _ignition(self, namespace: str) -> Condition:
        found = self._writer.get(DEPLOYMENTS, "ignition-server", namespace)
        up = status_of(found or {}).get("availableReplicas", 0) > 0
        return ("IgnitionEndpointAvailable", str(up), "AsExpected" if up else "IgnitionServerDeploymentUnavailable", "")


def _mirror(control_plane: Object, kind: str) -> Condition:
    found = condition(control_plane, kind)
    if found is None:
        return (kind, "Unknown", "StatusUnknown", "The hosted control plane is not found or does not tell")
    return (kind, found["status"], found["reason"], found.get("message", ""))


def _inside(hosted: Object, control_plane: Object, guest: GuestView) -> list[Condition]:
    """What only a look through the public name tells."""
    ready = sum(node.ready for node in guest.nodes) if guest.serves else 0
    history = (status_of(control_plane).get("versionStatus") or {}).get("history") or []
    rolled_out = bool(history) and history[0]["state"] == "Completed"
    name = host_of(hosted["spec"], "APIServer")
    unknown = "True" if guest.serves else "Unknown"
    return [
        (
            "ExternalDNSReachable",
            str(guest.resolves),
            "AsExpected" if guest.resolves else "ExternalDNSHostNotReachable",
            f"{name}",
        ),
        ("Progressing", str(not rolled_out), "AsExpected" if rolled_out else "RollingOut", ""),
        ("ClusterVersionSucceeding", unknown, "FromClusterVersion" if guest.serves else "StatusUnknown", ""),
        ("ClusterVersionAvailable", unknown, "FromClusterVersion" if guest.serves else "StatusUnknown", ""),
        ("ClusterVersionProgressing", "False" if guest.serves else "Unknown", "FromClusterVersion", ""),
        ("ClusterVersionReleaseAccepted", unknown, "PayloadLoaded" if guest.serves else "StatusUnknown", ""),
        (
            "DataPlaneConnectionAvailable",
            "True" if ready else "Unknown",
            "AsExpected" if ready else "NoWorkerNodesAvailable",
            f"{ready} of {len(guest.nodes)} nodes are ready",
        ),
    ]


def _has_auth(secret: Object) -> bool:
    config = json.loads(base64.b64decode((secret.get("data") or {}).get(".dockerconfigjson", "e30=")))
    return RELEASE_REGISTRY in (config.get("auths") or {})
