"""Backups by the deployed state machine, and how long their parts took by the execution's own history."""

from __future__ import annotations

import datetime
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.running import Sandbox

_PACE = ("SNAPSHOT_READ_MIB_PER_SECOND", "SNAPSHOT_UPLOAD_MIB_PER_SECOND")
_LOOK, _VERIFY, _LAST = "TransferSnapshot", "VerifySnapshot", "DiscardSnapshot"
_STATES = {"StartSnapshot", _LOOK, _VERIFY, _LAST}
_IN_S3 = "complete in S3"
_SECONDS = 1200


@dataclass(frozen=True)
class Backup:
    """One backup. Seconds count from the moment in which the state that starts the snapshot was entered."""

    size: int
    """Bytes of the snapshot."""
    to_s3: float
    """Until a look knew the object to be complete in S3."""
    steps: Mapping[str, float] = field(default_factory=dict)
    """When what was reached, as looks saw it: the first part stored, all saved, complete in S3, described, proven."""
    in_states: Mapping[str, float] = field(default_factory=dict)
    """Seconds in which a function ran, by state; what is left are the machine's waits."""
    looks: int = 0


class Backups:
    """Online backups of one hosted cluster of a sandbox."""

    def __init__(self, sandbox: Sandbox, hosted_cluster: str) -> None:
        self._sandbox = sandbox
        self._hosted_cluster = hosted_cluster
        self._machine = sandbox.client("stepfunctions")
        self._lambda = sandbox.client("lambda")
        self._paces: dict[str, dict[str, str]] = {}

    def unpace(self) -> None:
        """Let snapshots go as fast as they can."""
        for function in self._lambda.list_functions()["Functions"]:
            variables = function.get("Environment", {}).get("Variables", {})
            if not any(each in variables for each in _PACE):
                continue
            self._paces.setdefault(function["FunctionName"], variables)  # the template's, also when asked twice
            self._set(function["FunctionName"], {**variables, **dict.fromkeys(_PACE, "0")})
        if not self._paces:
            raise RuntimeError(f"no function has {_PACE[0]}: is the pace set in another way now?")

    def pace(self) -> dict[str, str]:
        """Set the paces of the template again, and tell them."""
        told: dict[str, str] = {}
        for name, variables in self._paces.items():
            self._set(name, variables)
            told |= {each: variables[each] for each in _PACE if each in variables}
        return told

    def _set(self, name: str, variables: dict[str, str]) -> None:
        self._lambda.update_function_configuration(FunctionName=name, Environment={"Variables": variables})

    def run(self) -> Backup:
        """Back up. Raises RuntimeError when it fails."""
        given = {
            "hostedCluster": {"namespace": "clusters", "name": self._hosted_cluster},
            "source": "mgmt-1",
            "kind": "online",
        }
        execution = self._machine.start_execution(
            stateMachineArn=self._sandbox.stack.state_machines["backup"],
            name=f"bench-{uuid.uuid4().hex[:12]}",
            input=json.dumps(given),
        )["executionArn"]
        deadline = time.monotonic() + _SECONDS
        while (seen := self._machine.describe_execution(executionArn=execution))["status"] == "RUNNING":
            if time.monotonic() > deadline:
                raise RuntimeError(f"{execution} still runs after {_SECONDS} s")
            self._sandbox.check()
            time.sleep(0.5)
        if seen["status"] != "SUCCEEDED":
            raise RuntimeError(f"the backup failed: {seen.get('error')}: {str(seen.get('cause'))[:600]}")
        return _read(self._events(execution))

    def _events(self, execution: str) -> list[dict[str, Any]]:
        pages = self._machine.get_paginator("get_execution_history").paginate(executionArn=execution)
        return [event for page in pages for event in page["events"]]

    def remove_snapshots(self) -> None:
        """Delete all stored snapshots, every version: benchmarks repeat, disks end."""
        s3, bucket = self._sandbox.client("s3"), self._sandbox.stack.bucket
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for each in page.get("Versions", ()):
                if "/etcd/" in each["Key"]:  # the name that `layout` gives to snapshots
                    s3.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])


def _read(events: list[dict[str, Any]]) -> Backup:
    began: datetime.datetime | None = None
    entered: datetime.datetime | None = None
    reached: dict[str, float] = {}
    in_states: dict[str, float] = {}
    looks, size = 0, 0
    for event in events:
        at, name = event["timestamp"], event.get("stateEnteredEventDetails", {}).get("name")
        if name in _STATES:
            entered = at
            began = began or at
        left = event.get("stateExitedEventDetails", {})
        if left.get("name") not in _STATES or began is None or entered is None:
            continue
        now, output = round((at - began).total_seconds(), 3), json.loads(left["output"])
        spent = in_states.get(left["name"], 0.0) + (at - entered).total_seconds()
        in_states[left["name"]] = round(spent, 3)
        if left["name"] == _LOOK:
            looks += 1
            _note(reached, output["transfer"], now)
        elif left["name"] == _VERIFY:
            reached["proven"], size = now, output["verified"]["size"]
        elif left["name"] == _LAST:
            reached["ended"] = now
    if _IN_S3 not in reached or "ended" not in reached:
        raise RuntimeError("the execution's history does not tell when its snapshot was complete in S3")
    reached.pop("bytes", None)
    return Backup(size, reached[_IN_S3], reached, in_states, looks)


def _note(reached: dict[str, float], transfer: dict[str, Any], now: float) -> None:
    progress = transfer["progress"]
    if progress["stored"]:
        reached.setdefault("first part stored", now)
    if reached.get("bytes") != progress["size"]:
        reached.update({"bytes": progress["size"], "saved": now})
    if progress["is_complete"]:
        reached.setdefault(_IN_S3, now)
    if transfer["done"]:
        reached["described"] = now
