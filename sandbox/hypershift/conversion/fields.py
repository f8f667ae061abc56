"""Which fields of Cluster API's kinds stand elsewhere, or look otherwise, in v1beta1 and v1beta2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.hypershift.conversion.codecs import (
    FAILURE_DOMAINS,
    NODE,
    NOT_ZERO,
    ONLY_TRUE,
    REFERENCE,
    SAME,
    SECONDS,
    TEMPLATE,
    UNHEALTHY,
    Codec,
)


@dataclass(frozen=True)
class Field:
    """One field: its path in v1beta1 and in v1beta2 (None: that version has no such field).

    `always` is what v1beta1 says where v1beta2 says nothing.
    """

    old: str | None
    new: str | None
    codec: Codec = SAME
    always: Any = None


def _machine(spec: str) -> list[Field]:
    """A Machine's spec, also as a template."""
    timeouts = ("nodeDrainTimeout", "nodeVolumeDetachTimeout", "nodeDeletionTimeout")
    return [
        Field(f"{spec}.infrastructureRef", f"{spec}.infrastructureRef", REFERENCE),
        Field(f"{spec}.bootstrap.configRef", f"{spec}.bootstrap.configRef", REFERENCE),
        *(Field(f"{spec}.{name}", f"{spec}.deletion.{name}Seconds", SECONDS) for name in timeouts),
    ]


def _conditions(*others: str) -> list[Field]:
    """Conditions of before v1beta2 are kept apart, and with them what v1beta2 gave up."""
    apart = [Field(f"status.{name}", f"status.deprecated.v1beta1.{name}") for name in ("conditions", *others)]
    return [*apart, Field("status.v1beta2.conditions", "status.conditions")]


def _counters(*others: str) -> list[Field]:
    """Both versions count replicas, each in its own way: neither number is made of the other."""
    apart = [
        Field(f"status.{name}Replicas", f"status.deprecated.v1beta1.{name}Replicas")
        for name in ("ready", "available", *others)
    ]
    own = [
        Field(f"status.v1beta2.{name}Replicas", f"status.{name}Replicas") for name in ("ready", "available", "upToDate")
    ]
    return [*apart, *own]


def _initialized(old: str, new: str) -> Field:
    return Field(f"status.{old}", f"status.initialization.{new}", ONLY_TRUE, always=False)


_TEMPLATE = _machine("spec.template.spec")
_FAILURE = ("failureReason", "failureMessage")

FIELDS: dict[str, list[Field]] = {
    "Cluster": [
        Field("spec.paused", "spec.paused", ONLY_TRUE),
        Field("spec.infrastructureRef", "spec.infrastructureRef", REFERENCE),
        Field("spec.controlPlaneRef", "spec.controlPlaneRef", REFERENCE),
        Field("spec.controlPlaneEndpoint.port", "spec.controlPlaneEndpoint.port", NOT_ZERO),
        _initialized("infrastructureReady", "infrastructureProvisioned"),
        _initialized("controlPlaneReady", "controlPlaneInitialized"),
        Field("status.failureDomains", "status.failureDomains", FAILURE_DOMAINS),
        *_conditions(*_FAILURE),
        Field("status.v1beta2.controlPlane", "status.controlPlane"),
        Field("status.v1beta2.workers", "status.workers"),
    ],
    "MachineDeployment": [
        Field("spec.paused", "spec.paused", ONLY_TRUE),
        Field("spec.minReadySeconds", "spec.template.spec.minReadySeconds"),
        Field("spec.rolloutAfter", "spec.rollout.after"),
        Field("spec.strategy.type", "spec.rollout.strategy.type"),
        Field("spec.strategy.rollingUpdate.maxSurge", "spec.rollout.strategy.rollingUpdate.maxSurge"),
        Field("spec.strategy.rollingUpdate.maxUnavailable", "spec.rollout.strategy.rollingUpdate.maxUnavailable"),
        Field("spec.strategy.rollingUpdate.deletePolicy", "spec.deletion.order"),
        Field("spec.strategy.remediation.maxInFlight", "spec.remediation.maxInFlight"),
        Field("spec.machineNamingStrategy", "spec.machineNaming"),
        Field("spec.progressDeadlineSeconds", None),
        Field("spec.revisionHistoryLimit", None),
        *_TEMPLATE,
        *_conditions(),
        *_counters("updated", "unavailable"),
    ],
    "MachineSet": [
        Field("spec.minReadySeconds", "spec.template.spec.minReadySeconds", NOT_ZERO),
        Field("spec.deletePolicy", "spec.deletion.order"),
        Field("spec.machineNamingStrategy", "spec.machineNaming"),
        *_TEMPLATE,
        *_conditions(*_FAILURE),
        *_counters("fullyLabeled"),
    ],
    "Machine": [
        *_machine("spec"),
        Field(None, "spec.minReadySeconds"),
        Field("status.nodeRef", "status.nodeRef", NODE),
        _initialized("bootstrapReady", "bootstrapDataSecretCreated"),
        _initialized("infrastructureReady", "infrastructureProvisioned"),
        *_conditions(*_FAILURE),
        Field(None, "status.failureDomain"),
    ],
    "MachineHealthCheck": [
        Field("spec.nodeStartupTimeout", "spec.checks.nodeStartupTimeoutSeconds", SECONDS),
        Field("spec.unhealthyConditions", "spec.checks.unhealthyNodeConditions", UNHEALTHY),
        Field("spec.unhealthyMachineConditions", "spec.checks.unhealthyMachineConditions", UNHEALTHY),
        Field("spec.maxUnhealthy", "spec.remediation.triggerIf.unhealthyLessThanOrEqualTo"),
        Field("spec.unhealthyRange", "spec.remediation.triggerIf.unhealthyInRange"),
        Field("spec.remediationTemplate", "spec.remediation.templateRef", TEMPLATE),
        *_conditions(),
    ],
}
