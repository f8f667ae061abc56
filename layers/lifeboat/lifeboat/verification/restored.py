"""The whole look at a restored hosted cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lifeboat.backups import BackupRecord
from lifeboat.errors import LifeboatError
from lifeboat.ports import Dns, Documents, Instances, ManagementCluster
from lifeboat.source_state import SourceState
from lifeboat.verification import Finding, control_plane, endpoints, etcd, guest, identity, instances, names
from lifeboat.vpc_endpoints import VpcEndpoints


@dataclass(frozen=True)
class Restored:
    """A restored hosted cluster, and what it is compared with."""

    destination: ManagementCluster
    guest: Callable[[], ManagementCluster]
    """The hosted API by its public name; called last, since the Secret to connect with comes late."""
    dns: Dns
    instances: Instances
    endpoints: VpcEndpoints
    documents: Documents
    record: BackupRecord
    state: SourceState
    operation_id: str


def verify(restored: Restored) -> Finding:
    """Look at everything once. Raises VerificationError for what waiting cannot mend.

    The cheap looks that refuse for good come first: they tell at once when instances or etcd went wrong.
    """
    destination, hosted, state = restored.destination, restored.record.hosted_cluster, restored.state
    public = names.recorded(state.hostnames, state.dns)
    ways = endpoints.look(destination, hosted, restored.endpoints)
    looks = [
        instances.verify(restored.instances, restored.record.infra_id, state.instances),
        control_plane.verify_machines(destination, hosted, state.provider_ids),
        etcd.verify(destination, hosted, restored.record.snapshot),
        control_plane.verify_available(
            destination, hosted, with_nodes=bool(state.provider_ids), recorded=state.node_pools
        ),
        control_plane.verify_owners(destination, hosted),
        endpoints.verify(destination, hosted, restored.dns, ways),
        names.verify(destination, hosted, restored.dns, public, ways.hosts),
        identity.verify(destination, hosted, restored.documents),
    ]
    looks.append(_guest(restored))
    facts: dict[str, Any] = {}
    for look in looks:
        facts |= look.facts
    return Finding(facts, [line for look in looks for line in look.not_yet])


def _guest(restored: Restored) -> Finding:
    try:
        hosted_api = restored.guest()
    except LifeboatError:
        return Finding(not_yet=["the hosted API's admin kubeconfig"])
    return guest.verify(hosted_api, restored.destination, restored.record.hosted_cluster, restored.operation_id)
