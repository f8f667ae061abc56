"""What is restored in which order: owners before dependents, so that each reference gets a UID that lives."""

from __future__ import annotations

from lifeboat.resources import (
    AWS_CLUSTERS,
    AWS_MACHINE_TEMPLATES,
    AWS_MACHINES,
    CLUSTERS,
    CONFIG_MAPS,
    HOSTED_CONTROL_PLANES,
    MACHINE_DEPLOYMENTS,
    MACHINE_SETS,
    MACHINES,
    SECRETS,
    Resource,
)

GROUPS: dict[str, tuple[Resource, ...]] = {
    "control-plane": (HOSTED_CONTROL_PLANES,),  # owns the Secrets of its namespace
    "secrets": (SECRETS, CONFIG_MAPS),  # before anything that would make new ones: CAs, signing keys, user data
    "cluster": (CLUSTERS, AWS_CLUSTERS),  # paused: nothing acts before all Machines are there
    "machine-templates": (AWS_MACHINE_TEMPLATES,),
    "machine-deployments": (MACHINE_DEPLOYMENTS,),
    "machine-sets": (MACHINE_SETS,),  # alive without its Machines a MachineSet would make new instances
    "machines": (MACHINES,),
    "aws-machines": (AWS_MACHINES,),  # without an owner Machine CAPA ignores it, with an unknown one it is collected
}
"""The groups in the order of the machine `restore`; each is one state of it."""

CLUSTER_API = (CLUSTERS, AWS_CLUSTERS, MACHINE_DEPLOYMENTS, MACHINE_SETS, MACHINES, AWS_MACHINES)
"""What Cluster API acts on once it is unpaused. Templates it only reads, and the operator renews them."""

ALL: tuple[Resource, ...] = tuple(resource for group in GROUPS.values() for resource in group)
"""All kinds that `restore` creates before the HostedCluster."""
