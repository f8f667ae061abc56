"""The first state of every machine: check the input, take or inherit the lease, lay out the machine's data.

Nothing is changed before the whole input is accepted and the management clusters that it names are registered.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from lifeboat import lease, requests
from lifeboat.errors import InvalidInputError, PreflightError
from lifeboat.model import HostedClusterRef, Operation
from lifeboat.ports import Clock, Executions, Leases, Registry

_LONGEST_NAME = 70
"""Step Functions allows 80; a nested execution is `<name>-teardown`, so that a start repeated by a retry is one."""


def backup(
    event: Mapping[str, Any], registry: Registry, leases: Leases, executions: Executions, clock: Clock
) -> dict[str, Any]:
    """Accept `backup`; a quiesced one with a parent is the first half of a move and leaves the source stopped."""
    request = requests.backup(event["input"])
    _refuse_unregistered(registry, request)
    if not request.inherited:
        lease.refuse_another_owner(leases, request.hosted_cluster, request.extra["source"])
    data = _data(event, request, _own(event, request, leases, executions, clock))
    return {**data, "firstHalfOfMove": bool(request.inherited) and request.extra["kind"] == "quiesced"}


def restore(
    event: Mapping[str, Any], registry: Registry, leases: Leases, executions: Executions, clock: Clock
) -> dict[str, Any]:
    """Accept `restore`; which backup `latest` is, and what its source was, the next state finds."""
    request = requests.restore(event["input"])
    _refuse_unregistered(registry, request)
    data = _data(event, request, _own(event, request, leases, executions, clock))
    return {**data, "backup": {"backupId": data.pop("backupId")}}


def teardown(
    event: Mapping[str, Any], registry: Registry, leases: Leases, executions: Executions, clock: Clock
) -> dict[str, Any]:
    """Accept `teardown`."""
    request = requests.teardown(event["input"])
    _refuse_unregistered(registry, request)
    lease.refuse_owner(leases, request.hosted_cluster, request.extra["source"])
    return _data(event, request, _own(event, request, leases, executions, clock))


def recover(event: Mapping[str, Any], registry: Registry) -> dict[str, Any]:
    """Accept `recover` without its lease: an approval may take a day, and waiting for one holds none."""
    request = requests.recover(event["input"])
    if request.inherited:
        raise InvalidInputError("operation: recover has no parent; leave it out")
    if len(event["execution"]["name"]) > _LONGEST_NAME:
        msg = f"the execution's name is longer than {_LONGEST_NAME} characters: nested executions are named after it"
        raise InvalidInputError(msg)
    _refuse_unregistered(registry, request)
    return _data(event, request, Operation(_operation_id(event, request), 0, event["execution"]["id"]))


def take_lease(data: Mapping[str, Any], leases: Leases, executions: Executions, clock: Clock) -> dict[str, Any]:
    """Take the lease for accepted data; answers the operation with its epoch."""
    operation = data["operation"]
    hosted = HostedClusterRef(data["hostedCluster"]["namespace"], data["hostedCluster"]["name"])
    lease.refuse_another_owner(leases, hosted, data.get("source"), data.get("destination"))
    return lease.acquire(
        leases,
        executions,
        hosted,
        operation["id"],
        operation["execution"],
        clock.now().timestamp(),
    ).to_event()


def _refuse_unregistered(registry: Registry, request: requests.Request) -> None:
    named = {field: request.extra[field] for field in ("source", "destination") if field in request.extra}
    if strangers := [f"{field}: {name}" for field, name in named.items() if not registry.knows(name)]:
        msg = (
            f"no management cluster of that name is registered, nothing was changed: {'; '.join(strangers)}. "
            "`lifeboat clusters add` registers one"
        )
        raise PreflightError(msg)


def _own(
    event: Mapping[str, Any], request: requests.Request, leases: Leases, executions: Executions, clock: Clock
) -> Operation:
    execution = event["execution"]["id"]
    if request.inherited:
        inherited = request.inherited
        operation = Operation(inherited.id, inherited.epoch, execution, inherited.parent_execution)
        return lease.inherit(leases, executions, request.hosted_cluster, operation)
    return lease.acquire(
        leases,
        executions,
        request.hosted_cluster,
        _operation_id(event, request),
        execution,
        clock.now().timestamp(),
    )


def _operation_id(event: Mapping[str, Any], request: requests.Request) -> str:
    return request.operation_id or requests.check_operation_id(event["execution"]["name"])


def _data(event: Mapping[str, Any], request: requests.Request, operation: Operation) -> dict[str, Any]:
    started = datetime.datetime.fromisoformat(event["execution"]["startTime"])
    return {
        "operation": operation.to_event(),
        "hostedCluster": {"namespace": request.hosted_cluster.namespace, "name": request.hosted_cluster.name},
        "startedAt": started.astimezone(datetime.UTC).isoformat(timespec="seconds"),
        **request.extra,
    }
