"""`lifeboat verify`: a table of a backup's parts and one verdict."""

from __future__ import annotations

import datetime
import json

from lifeboat import catalog, examining
from lifeboat.errors import BackupUnprovenError
from lifeboat.examining import Examination
from lifeboat.model import HostedClusterRef
from lifeboat.ports import ObjectStore, Signer
from lifeboat_cli.stack import Stack


def verify(stack: Stack, hosted: HostedClusterRef, backup_id: str | None, *, deep: bool, as_json: bool) -> int:
    """Print what was found; 1 when the backup is not proven.

    The catalog is told of a proof by reading all of it, and of a backup that could not be proven.
    """
    store, signer = stack.store(), stack.signer()
    code, text, found = told(store, signer, hosted, backup_id, deep=deep, as_json=as_json)
    print(text)
    note = _noted(store, hosted, backup_id, found, deep=deep)
    if note and not as_json:
        print(note)
    return code


def told(
    store: ObjectStore, signer: Signer, hosted: HostedClusterRef, backup_id: str | None, *, deep: bool, as_json: bool
) -> tuple[int, str, Examination | None]:
    """Exit code, what to print, and what was found where the record could be proven."""
    try:
        found = examining.examine(store, signer, hosted, backup_id, deep=deep)
    except BackupUnprovenError as error:
        text = json.dumps({"proven": False, "reason": str(error)}) if as_json else f"NOT PROVEN: {error}"
        return 1, text, None
    return 0 if found.is_proven else 1, _json(found) if as_json else _table(found), found


def _table(found: Examination) -> str:
    record = found.record
    width = max(len(each.name) for each in found.rows)
    good = "read and proven" if found.deep else "as recorded"
    lines = [f"{each.name:<{width}}  {each.size:>14,}  {each.problem or good}" for each in found.rows]
    lines += [f"{each:<{width}}  {'':>14}  ADDED after the record: not part of the backup" for each in found.added]
    lines += [f"{each:<{width}}  {'':>14}  left by an earlier attempt: means nothing" for each in found.leftovers]
    wrong = sum(each.problem is not None for each in found.rows)
    what = f"{record.backup_id} of {record.hosted_cluster} ({record.infra_id}), revision {record.snapshot.revision}"
    if found.is_proven:
        how = "every byte was read" if found.deep else "by S3's versions, sizes and checksums; --deep reads every byte"
        verdict = f"PROVEN: {what}: signed, {len(found.rows)} parts, {record.size:,} bytes; {how}"
    else:
        added = f", added {len(found.added)}" if found.added else ""
        verdict = f"NOT PROVEN: {what}: parts that are wrong: {wrong} of {len(found.rows)}{added}"
    notes = [f"note: {record.snapshot.note}"] if record.snapshot.note else []
    alarms = [f"etcd had alarms: {', '.join(record.snapshot.alarms)}"] if record.snapshot.alarms else []
    return "\n".join([*lines, *notes, *alarms, verdict])


def _json(found: Examination) -> str:
    document = {
        "proven": found.is_proven,
        "deep": found.deep,
        "backupId": found.record.backup_id,
        "infraId": found.record.infra_id,
        "recordSha256": found.record_sha256,
        "revision": found.record.snapshot.revision,
        "parts": [{"name": each.name, "size": each.size, "problem": each.problem} for each in found.rows],
        "added": list(found.added),
        "leftovers": list(found.leftovers),
    }
    return json.dumps(document, indent=1)


def _noted(
    store: ObjectStore, hosted: HostedClusterRef, backup_id: str | None, found: Examination | None, *, deep: bool
) -> str | None:
    """Tell the catalog what it should know of; returns what to say about that."""
    from botocore.exceptions import ClientError  # noqa: PLC0415 - loaded by now

    now = datetime.datetime.now(datetime.UTC)
    try:
        if found and found.is_proven:
            if not deep:
                return None
            catalog.note_verified(store, found.record, now)
        elif found:
            catalog.note_refuted(store, catalog.cluster_of(found.record), found.record.backup_id, now)
        else:  # its record is gone or forged: what the catalog tells of it is the only trace
            there = [each for each in catalog.entries(store, hosted) if each.backup_id == backup_id]
            for each in there:
                catalog.note_refuted(store, each.cluster, each.backup_id, now)
            if not there:
                return None
    except ClientError:
        return "the catalog could not be told (no right to write there); the verdict stands"
    return "the catalog tells it from now on"
