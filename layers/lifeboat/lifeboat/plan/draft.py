"""A source that cannot be backed up as it is: what the destination lacks is told for a draft of a backup."""

from __future__ import annotations

import hashlib
from typing import Any

from lifeboat import export, inventory, preflight_source, signed
from lifeboat.errors import LifeboatError, TransientError
from lifeboat.etcd import members
from lifeboat.layout import ClusterLayout
from lifeboat.model import BackupKind
from lifeboat.plan import steps_of_restore as restoring
from lifeboat.plan.world import World
from lifeboat.record import BackupRecord, Part, SnapshotPart
from lifeboat.resources import HOSTED_CLUSTERS
from lifeboat.settling import is_settled
from lifeboat.source_state import NAME, record_source_state

_ID = "00010101t000000z-quiesced-00000000"


def findings(world: World) -> list[tuple[str, str]]:
    """What the preflight of the destination finds; [] where the source does not even tell what would come."""
    try:
        with world.log.silent():
            world.data["backup"] = _lay_down(world)
            return restoring.findings(world)
    except TransientError:
        raise
    except (LifeboatError, LookupError, TypeError):  # the source is too ill to be described; that was told before
        return []


def _lay_down(world: World) -> dict[str, Any]:
    """A record over what is there, in memory, with a snapshot that is none."""
    hosted, source = world.hosted, world.source
    live = source.get(HOSTED_CLUSTERS, hosted.namespace, hosted.name)
    if live is None:
        raise LookupError(str(hosted))
    measured_by = preflight_source.World(source, world.store, world.signer, world.dns, world.instances, world.clock)
    machines = preflight_source._machines(source, hosted, live["spec"]["infraID"])  # noqa: SLF001
    settled = [each for each in machines if is_settled(each)]
    etcd = _etcd(world)
    state = preflight_source._measure(measured_by, world.task(), live, settled, etcd)  # noqa: SLF001
    layout = ClusterLayout(hosted, state.infra_id)
    backup = layout.backup(_ID)
    record_source_state(world.store, layout, _ID, state)
    exported = export.export(world.store, backup, inventory.collect(source, hosted))
    stored, recorded = world.store.put(backup.snapshot("draft"), b""), world.store.head(backup.evidence(NAME))
    assert recorded is not None
    digest = hashlib.sha256(b"").hexdigest()
    part = Part.of(stored, digest)
    record = BackupRecord(
        backup_id=_ID,
        kind=BackupKind.QUIESCED,
        hosted_cluster=hosted,
        infra_id=state.infra_id,
        source=source.name,
        operation_id=world.operation.id,
        created_at="",
        snapshot=SnapshotPart(part, 0, 0, "", int(etcd["members"]), "", "", 1, (digest,)),
        manifests=exported.manifests,
        evidence={NAME: Part.of(recorded, str(recorded.sha256)), **exported.evidence},
    )
    document = signed.seal(record.to_payload(), world.signer)
    world.store.put(backup.record, document)
    told = {"backupId": _ID, "infraId": state.infra_id}
    return {**told, "recordSha256": hashlib.sha256(document).hexdigest()}


def _etcd(world: World) -> dict[str, Any]:
    """By its StatefulSet alone: its members may not answer."""
    sets = members.stateful_sets(world.source, world.hosted.control_plane_namespace)
    spec = next(each["spec"] for each in sets if each["metadata"]["name"] == members.STATEFUL_SET)
    claim = preflight_source._claim(spec)  # noqa: SLF001
    return {
        "members": int(spec.get("replicas", 1)),
        "image": preflight_source._image(spec),  # noqa: SLF001
        "storageClass": claim.get("storageClassName"),
        "size": ((claim.get("resources") or {}).get("requests") or {}).get("storage"),
        "dbSize": 0,
    }
