"""The status of a pod, as a kubelet reports it (core/v1 PodStatus)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]


def now() -> str:
    """The time as the API writes it, to the second."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def waiting(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, **({"message": message} if message else {})}}


@dataclass
class ContainerState:
    """What is known of one container."""

    name: str
    image: str
    image_id: str = ""
    container_id: str = ""
    ready: bool = False
    started: bool = False
    restarts: int = 0
    state: Object = field(default_factory=lambda: waiting("PodInitializing"))
    last: Object = field(default_factory=dict)

    @property
    def running(self) -> bool:
        return "running" in self.state

    @property
    def exit_code(self) -> int | None:
        terminated = self.state.get("terminated")
        return terminated["exitCode"] if terminated else None

    def set_running(self, container_id: str) -> None:
        self.container_id = container_id
        self.started = True
        self.state = {"running": {"startedAt": now()}}

    def set_terminated(self, code: int, message: str = "") -> None:
        started = self.state.get("running", {}).get("startedAt", now())
        self.ready = self.started = False
        self.state = {
            "terminated": {
                "exitCode": code,
                "reason": "Completed" if code == 0 else "Error",
                "startedAt": started,
                "finishedAt": now(),
                "containerID": self.container_id,
                **({"message": message} if message else {}),
            }
        }

    def set_waiting(self, reason: str, message: str = "") -> None:
        if "terminated" in self.state:
            self.last = self.state
        self.ready = self.started = False
        self.state = waiting(reason, message)

    def to_status(self) -> Object:
        return {
            "name": self.name,
            "image": self.image,
            "imageID": self.image_id,
            "containerID": self.container_id,
            "ready": self.ready,
            "started": self.started,
            "restartCount": self.restarts,
            "state": self.state,
            "lastState": self.last,
        }


@dataclass
class PodState:
    """The parts of a pod's status; `to_status` puts them together."""

    pod_ip: str
    host_ip: str
    init: dict[str, ContainerState]
    main: dict[str, ContainerState]
    start_time: str = field(default_factory=now)
    initialized: bool = False
    phase: str = "Pending"
    transitions: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        return self.phase == "Running" and all(each.ready for each in self.main.values())

    def to_status(self) -> Object:
        finished = self.phase in {"Succeeded", "Failed"}
        reason = "PodCompleted" if self.phase == "Succeeded" else "ContainersNotReady"
        return {
            "phase": self.phase,
            "podIP": self.pod_ip,
            "podIPs": [{"ip": self.pod_ip}],
            "hostIP": self.host_ip,
            "hostIPs": [{"ip": self.host_ip}],
            "startTime": self.start_time,
            "conditions": [
                self._condition("PodScheduled", holds=True),
                self._condition("Initialized", holds=self.initialized or finished, reason="ContainersNotInitialized"),
                self._condition("ContainersReady", holds=self.ready, reason=reason),
                self._condition("Ready", holds=self.ready, reason=reason),
            ],
            "initContainerStatuses": [each.to_status() for each in self.init.values()],
            "containerStatuses": [each.to_status() for each in self.main.values()],
        }

    def _condition(self, kind: str, *, holds: bool, reason: str = "") -> Object:
        status = "True" if holds else "False"
        if self.transitions.get(kind, ("",))[0] != status:
            self.transitions[kind] = (status, now())
        condition = {"type": kind, "status": status, "lastProbeTime": None,
                     "lastTransitionTime": self.transitions[kind][1]}  # fmt: skip
        return condition if holds or not reason else condition | {"reason": reason}
