"""Inputs of the four machines, as `docs/` promises them: every field checked, unknown ones refused, told in one line.

All problems are told at once, each as `field: what is wrong`. What is checked here needs no cluster and no AWS call.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lifeboat.errors import InvalidInputError
from lifeboat.model import BACKUP_ID, BackupKind, HostedClusterRef

_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_OPERATION_ID = re.compile(r"[a-z0-9-]{1,64}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ARN = re.compile(r"arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:execution:[^:\s]+:[^:\s]+")
_STARTED_BY = "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID"
"""The key by which the Step Functions console links a nested execution to its parent; it carries nothing for us."""

_PARENTS_ONLY = "is given by a parent execution only; leave it out"
_DATA_LOSS = "data-loss"
"""What somebody who recovers from an unreachable source has to accept, word for word."""


@dataclass(frozen=True)
class Inherited:
    """The operation that a parent execution hands down."""

    id: str
    epoch: int
    parent_execution: str


@dataclass(frozen=True)
class Request:
    """What every machine is asked: whom, by which operation, and the machine's own fields (`extra`, camelCase)."""

    hosted_cluster: HostedClusterRef
    operation_id: str | None
    inherited: Inherited | None
    extra: Mapping[str, Any]


class _Form:
    """Reads one input field by field and collects what is wrong."""

    def __init__(self, given: Any) -> None:
        self.problems: list[str] = []
        if not isinstance(given, Mapping):
            raise InvalidInputError('the input is not a JSON object: give {"hostedCluster": {...}, ...}')
        self._given = {key: value for key, value in given.items() if key != _STARTED_BY}

    def take(self, field: str, check: Callable[[Any], str | None], *, default: Any = ..., present: bool = True) -> Any:
        """The field's value (removed), or its default; `check` answers what is wrong or None."""
        if field not in self._given:
            if default is ... and present:
                self.problems.append(f"{field}: missing")
            return None if default is ... else default
        value = self._given.pop(field)
        if wrong := check(value):
            self.problems.append(f"{field}: {wrong}")
        return value

    def has(self, field: str) -> bool:
        return field in self._given

    def finish(self) -> None:
        """Raises InvalidInputError with all that is wrong, unknown fields too."""
        self.problems += [f"{field}: unknown field" for field in sorted(self._given)]
        if self.problems:
            raise InvalidInputError("wrong input, nothing was changed: " + "; ".join(self.problems))


def backup(given: Any) -> Request:
    """`source`, `kind` (`online` by default)."""
    form = _Form(given)
    return _finish(
        form,
        {
            "source": form.take("source", _name),
            "kind": form.take("kind", _one_of(*(kind.value for kind in BackupKind)), default=BackupKind.ONLINE.value),
        },
    )


def restore(given: Any) -> Request:
    """`destination`, `backupId` (or `latest`), `etcdRestore`, and from a parent `prepareOnly`."""
    form = _Form(given)
    extra = {
        "destination": form.take("destination", _name),
        "backupId": form.take("backupId", _backup_id),
        "etcdRestore": form.take("etcdRestore", _etcd_restore, default="volumes"),
    }
    if form.has("prepareOnly"):  # all but what makes the destination the owner: before an unreachable source is cut
        has_parent = form.has("operation")
        if form.take("prepareOnly", lambda value: None if has_parent and value is True else _PARENTS_ONLY):
            extra["prepareOnly"] = True
        if extra["etcdRestore"] == "snapshotUrl":
            form.problems.append("etcdRestore: `snapshotUrl` leaves nothing to prepare, use `volumes`")
    return _finish(form, extra)


def teardown(given: Any) -> Request:
    """`source`, and `restoreExecution` or `override: {reason, approvedBy}`."""
    form = _Form(given)
    if form.has("restoreExecution") == form.has("override"):
        form.problems.append("give either restoreExecution (ARN of the verified restore) or override")
    extra: dict[str, Any] = {"source": form.take("source", _name)}
    if form.has("restoreExecution"):
        extra["restoreExecution"] = form.take("restoreExecution", _arn)
    if form.has("override"):
        extra["override"] = form.take("override", _fields("reason", "approvedBy"))
    return _finish(form, extra)


def recover(given: Any) -> Request:
    """`source`, `destination`, `approval`, `onConflict`, `etcdRestore`, `unreachableSource: {accept, reason}`.

    And `planDigest`: the plan that somebody has read; another one is refused.
    """
    form = _Form(given)
    extra = {
        "source": form.take("source", _name),
        "destination": form.take("destination", _name),
        "approval": form.take("approval", _one_of("required", "none"), default="required"),
        "onConflict": form.take("onConflict", _one_of("fail", "wait"), default="fail"),
        "etcdRestore": form.take("etcdRestore", _etcd_restore, default="volumes"),
    }
    if form.has("planDigest"):
        extra["planDigest"] = form.take("planDigest", _digest)
    if extra["source"] is not None and extra["source"] == extra["destination"]:
        form.problems.append("destination: is the source")
    if form.has("unreachableSource"):
        extra["unreachableSource"] = form.take("unreachableSource", _unreachable)
        if extra["etcdRestore"] == "snapshotUrl":
            form.problems.append("etcdRestore: `snapshotUrl` cannot raise the revision, as unreachableSource needs it")
    return _finish(form, extra)


def _finish(form: _Form, extra: dict[str, Any]) -> Request:
    hosted = form.take("hostedCluster", _hosted_cluster)
    operation_id = form.take("operationId", _operation_id, present=False)
    operation = form.take("operation", _inherited, present=False)
    if operation_id and isinstance(operation, Mapping) and operation.get("id") != operation_id:
        form.problems.append("operationId: differs from operation.id")
    form.finish()
    inherited = Inherited(operation["id"], operation["epoch"], operation["parentExecution"]) if operation else None
    return Request(HostedClusterRef(hosted["namespace"], hosted["name"]), operation_id, inherited, extra)


def check_operation_id(name: str) -> str:
    """An execution's name as operation id; InvalidInputError when it cannot be one."""
    if _operation_id(name):
        msg = f"the execution's name {name!r} cannot be an operation id ([a-z0-9-], 64 at most): give operationId"
        raise InvalidInputError(msg)
    return name


def _name(value: Any) -> str | None:
    good = isinstance(value, str) and _DNS_LABEL.fullmatch(value)
    return None if good else "not a management cluster's name (lower-case letters, digits, '-')"


def _hosted_cluster(value: Any) -> str | None:
    if not isinstance(value, Mapping) or set(value) != {"namespace", "name"}:
        return 'not {"namespace": ..., "name": ...}'
    namespace, name = value["namespace"], value["name"]
    if not isinstance(namespace, str) or not _DNS_LABEL.fullmatch(namespace):
        return "namespace is not a Kubernetes namespace's name"
    if not isinstance(name, str) or not _DNS_SUBDOMAIN.fullmatch(name):
        return "name is not a HostedCluster's name"
    return None


def _operation_id(value: Any) -> str | None:
    good = isinstance(value, str) and _OPERATION_ID.fullmatch(value)
    return None if good else "not 1 to 64 of a-z, 0-9, '-'"


def _backup_id(value: Any) -> str | None:
    good = isinstance(value, str) and (value == "latest" or BACKUP_ID.fullmatch(value))
    return None if good else "neither `latest` nor a backup's id (`lifeboat backups` lists them)"


def _arn(value: Any) -> str | None:
    good = isinstance(value, str) and _ARN.fullmatch(value)
    return None if good else "not the ARN of an execution"


def _digest(value: Any) -> str | None:
    good = isinstance(value, str) and _SHA256.fullmatch(value)
    return None if good else "not the digest of a plan (64 of 0-9, a-f; `lifeboat plan` tells it)"


def _etcd_restore(value: Any) -> str | None:
    return _one_of("volumes", "snapshotUrl")(value)


def _unreachable(value: Any) -> str | None:
    reason = value.get("reason") if isinstance(value, Mapping) else None
    good = (
        isinstance(value, Mapping)
        and set(value) == {"accept", "reason"}
        and value["accept"] == _DATA_LOSS
        and isinstance(reason, str)
        and reason.strip()
    )
    return None if good else f'not {{"accept": "{_DATA_LOSS}", "reason": "why the source cannot be reached"}}'


def _inherited(value: Any) -> str | None:
    if not isinstance(value, Mapping) or set(value) != {"id", "epoch", "parentExecution"}:
        return _PARENTS_ONLY
    if _operation_id(value["id"]) or _arn(value["parentExecution"]) or type(value["epoch"]) is not int:
        return _PARENTS_ONLY
    return None


def _one_of(*choices: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        return None if isinstance(value, str) and value in choices else f"not one of {', '.join(choices)}"

    return check


def _fields(*names: str) -> Callable[[Any], str | None]:
    def check(value: Any) -> str | None:
        good = (
            isinstance(value, Mapping)
            and set(value) == set(names)
            and all(isinstance(each, str) and each.strip() for each in value.values())
        )
        return None if good else f"not an object of the texts {', '.join(names)}"

    return check
