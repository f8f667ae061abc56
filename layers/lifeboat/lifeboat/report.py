"""What a recovery did, signed: for the one who was called at night, and for the one who asks later."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from lifeboat import dns as names
from lifeboat import runs, signed
from lifeboat.moved import Move
from lifeboat.ports import Clock, Dns, Instances, ObjectStore, Signer

SCHEMA = 1


def compose(data: Mapping[str, Any], move: Move, dns: Dns, instances: Instances, clock: Clock) -> dict[str, Any]:
    """The report of one recovery, from the machine's data and from looking at AWS once more."""
    record, state = move.record, move.state
    now = clock.now().astimezone(datetime.UTC).isoformat(timespec="seconds")
    verified = data.get("verified", {}).get("facts", {})
    after = names.records_of(dns, state.hostnames)
    return {
        "schema": SCHEMA,
        "operationId": data["operation"]["id"],
        "execution": data["operation"]["execution"],
        "hostedCluster": dict(data["hostedCluster"]),
        "infraId": record.infra_id,
        "source": data["source"],
        "destination": data["destination"],
        "backupId": record.backup_id,
        "recordSha256": move.record_sha256,
        "startedAt": runs.beginning(data, record.backup_id),
        "finishedAt": now,
        "steps": [
            {"step": step, **runs.nested(data.get(key))}
            for step, key in (("backup", "backup"), ("restore", "restored"), ("teardown", "tornDown"))
        ],
        "fence": data.get("fence"),
        **_without_source(data),
        "etcd": {
            "revisionBefore": record.snapshot.revision,
            "revisionAfter": verified.get("revision"),
            "keysInSnapshot": record.snapshot.total_keys,
            "keysAfter": verified.get("keys"),
            "membersBefore": record.snapshot.members,
            "membersAfter": verified.get("members"),
            "clusterId": verified.get("clusterId"),
        },
        "objects": {each.plural: each.count for each in record.manifests},
        "deleted": (data.get("tornDown") or {}).get("deleted"),
        "instances": {"before": dict(state.instances), "after": instances.of(record.infra_id)},
        "dns": {"before": list(state.dns), "after": [names.to_json(each) for each in after]},
    }


def _without_source(data: Mapping[str, Any]) -> dict[str, Any]:
    """What was accepted of a source that did not answer, and what stays to be done."""
    if "unreachableSource" not in data:
        return {}
    source = data["source"]
    return {
        "unreachableSource": {
            "reason": data["unreachableSource"]["reason"],
            "approved": data.get("approved"),
            "backupAgeSeconds": data["backup"].get("ageSeconds"),
            "cut": data.get("cut"),
            "revisions": (data.get("prepared") or {}).get("revisions"),
            "left": [
                f"{source} must not come back for this hosted cluster: its data are older or other",
                f"its remains at {source} are deleted by `teardown` with an override, once it can be reached",
                f"while Cluster API may live at {source}, termination protection keeps the instances: lift it last",
            ],
        }
    }


def write(report: Mapping[str, Any], move: Move, store: ObjectStore, signer: Signer) -> str:
    """Store the signed report; returns its key. One that is there (the task ran twice) is kept."""
    key = move.layout.operation(report["operationId"], "report.json")
    signed.put_first(store, signer, key, report)
    return key
