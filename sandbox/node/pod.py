"""One pod on a node: from its volumes and init containers to the end of its last process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sandbox.node import images, probes, volumes
from sandbox.node.container import Container, ContainerSpec, StartError, make_root
from sandbox.node.environment import ConfigError, Object, Sources, contents, environment, expand
from sandbox.node.status import ContainerState, PodState
from sandbox.plan import RELEASE_REGISTRY

_log = logging.getLogger(__name__)

_RETRY = 0.5  # seconds until a missing Secret, claim or pull secret is looked for again
_FIRST_BACKOFF, _LONGEST_BACKOFF = 0.5, 5.0  # seconds; a real kubelet's are 10 and 300
_MESSAGE_BYTES = 4096
_PULL_FAILURES = ("ErrImagePull", "ImagePullBackOff")


@dataclass(frozen=True)
class Node:
    """What a pod needs from its node. `report` is called with the new status whenever it changed."""

    folder: Path
    image_root: Path
    isolation: str
    host_ip: str
    sources: Sources
    hosts: Callable[[Object, str], str]
    names: Callable[[Object, str], dict[str, str]]  # for rewriting: what `hosts` cannot tell in time
    report: Callable[[Object, Object], None]


class PodWorker:
    """Runs one pod until it ended by itself or `terminate` was called."""

    def __init__(self, node: Node, pod: Object, pod_ip: str) -> None:
        self.pod = pod
        self.pod_ip = pod_ip
        self._node = node
        self._spec = pod["spec"]
        self._folder = node.folder / "pods" / pod["metadata"]["uid"]
        self._seen_by_containers = pod | {"status": {"podIP": pod_ip, "hostIP": node.host_ip}}
        self._containers: dict[str, Container] = {}
        self._reported: Object | None = None
        self._folders: dict[str, Path] = {}
        self.state = PodState(
            pod_ip=pod_ip,
            host_ip=node.host_ip,
            init={each["name"]: _state(each) for each in self._spec.get("initContainers") or []},
            main={each["name"]: _state(each) for each in self._spec["containers"]},
        )
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def name(self) -> str:
        return f"{self.pod['metadata']['namespace']}/{self.pod['metadata']['name']}"

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"pod {self.name}")

    def container(self, name: str) -> Container | None:
        """The container of that name, if it was ever started."""
        return self._containers.get(name)

    def refresh_hosts(self) -> None:
        """Bring /etc/hosts of every container up to date."""
        text = self._node.hosts(self.pod, self.pod_ip)
        for container in self._containers.values():
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile
                container.write_hosts(text)

    async def terminate(self, grace: float) -> None:
        """Ask every container to end, kill what is left after `grace` seconds, and clear the pod's folder."""
        self._stopping = True
        with contextlib.suppress(TimeoutError):
            if grace > 0:
                async with asyncio.timeout(grace):
                    await asyncio.gather(*(self._end(each) for each in self._spec["containers"]))
        if self._task is not None:
            self._task.cancel()
        await asyncio.gather(*(container.kill() for container in self._containers.values()))
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
        for state in self.state.main.values():
            if state.running:
                container = self._containers.get(state.name)
                code = await container.wait() if container and container.spec.argv else 0
                state.set_terminated(code)
        if self.state.phase not in ("Succeeded", "Failed"):  # a kubelet tells how a pod ended before it is deleted
            succeeded = all(each.exit_code == 0 for each in self.state.main.values())
            self.state.phase = "Succeeded" if succeeded else "Failed"
        self._publish()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _end(self, spec: Object) -> None:
        container = self._containers.get(spec["name"])
        if container is None or not container.runs:
            return
        hook = (spec.get("lifecycle") or {}).get("preStop", {}).get("exec")
        if hook and container.spec.argv:
            with contextlib.suppress(StartError):
                await (await container.execute(hook["command"])).communicate(b"")
        container.signal()
        await container.wait()

    async def _run(self) -> None:
        try:
            self._publish()
            await self._wait_for_images()
            await self._wait_for_volumes()
            for spec in self._spec.get("initContainers") or []:
                if not await self._initialize(spec):
                    self.state.phase = "Failed"
                    self._publish()
                    return
            self.state.initialized = True
            async with asyncio.TaskGroup() as tasks:
                for spec in self._spec["containers"]:
                    tasks.create_task(self._keep(spec))
            codes = [each.exit_code for each in self.state.main.values()]
            self.state.phase = "Failed" if any(codes) else "Succeeded"
            self._publish()
        except asyncio.CancelledError:
            raise
        except Exception:
            _log.exception("pod %s", self.name)
            self.state.phase = "Failed"
            self._publish()

    async def _wait_for_images(self) -> None:
        attempt = 0
        while missing := await asyncio.to_thread(self._refused_images):
            for state in (*self.state.init.values(), *self.state.main.values()):
                if state.image in missing:
                    message = f'pull access denied for "{state.image}": unauthorized: authentication required'
                    state.set_waiting(_PULL_FAILURES[attempt % 2], message)
            self._publish()
            attempt += 1
            await asyncio.sleep(2 * _RETRY)
        for state in (*self.state.init.values(), *self.state.main.values()):
            state.image_id = images.image(state.image).identifier
            state.set_waiting("PodInitializing" if self.state.init else "ContainerCreating")

    def _refused_images(self) -> set[str]:
        wanted = {each["image"] for each in (*self._spec.get("initContainers", ()), *self._spec["containers"])}
        private = {each for each in wanted if images.image(each).registry == RELEASE_REGISTRY}
        if not private:
            return set()
        for secret in self._node.sources.pull_secrets(self.pod):
            with contextlib.suppress(ValueError, KeyError):
                document = contents(secret | {"kind": "Secret"})[".dockerconfigjson"]
                if json.loads(document)["auths"].get(RELEASE_REGISTRY, {}).get("auth"):
                    return set()
        return private

    async def _wait_for_volumes(self) -> None:
        while True:
            try:
                self._folders = await asyncio.to_thread(
                    volumes.prepare, self._seen_by_containers, self._folder / "volumes", self._node.sources
                )
            except ConfigError as error:
                _log.info("pod %s: %s", self.name, error)
                await asyncio.sleep(_RETRY)
            else:
                return

    async def _initialize(self, spec: Object) -> bool:
        """Run one init container until it succeeded; False when it failed and may not be repeated."""
        state = self.state.init[spec["name"]]
        backoff = _FIRST_BACKOFF
        while True:
            code = await self._run_once(spec, state)
            if code == 0:
                state.ready = True
                self._publish()
                return True
            if self._spec.get("restartPolicy") == "Never":
                return False
            backoff = await self._back_off(state, backoff)

    async def _keep(self, spec: Object) -> None:
        """Run one container and start it again as the pod's restart policy says."""
        state = self.state.main[spec["name"]]
        policy = self._spec.get("restartPolicy") or "Always"
        backoff = _FIRST_BACKOFF
        while True:
            code = await self._run_once(spec, state)
            if self._stopping or policy == "Never" or (policy == "OnFailure" and code == 0):
                return
            backoff = await self._back_off(state, backoff)

    async def _back_off(self, state: ContainerState, backoff: float) -> float:
        message = f"back-off {backoff:g}s restarting failed container={state.name} pod={self.pod['metadata']['name']}"
        state.set_waiting("CrashLoopBackOff", message)
        self._publish()
        await asyncio.sleep(backoff)
        state.restarts += 1
        return min(2 * backoff, _LONGEST_BACKOFF)

    async def _run_once(self, spec: Object, state: ContainerState) -> int:
        container = await self._create(spec, state)
        init = spec["name"] in self.state.init
        if not container.spec.argv:
            return await self._pretend(state, init=init)
        try:
            await container.start()
        except StartError as error:
            state.set_terminated(128, str(error))
            self._publish()
            return 128
        self._running(state, init=init)
        probe = None if init else asyncio.create_task(self._probe(spec, state, container))
        try:
            code = await container.wait()
        finally:
            if probe:
                probe.cancel()
        state.set_terminated(code, self._message(spec, container, code))
        self._publish()
        return code

    async def _pretend(self, state: ContainerState, *, init: bool) -> int:
        """An image without a program: an init container is done at once, any other is up until the pod ends."""
        self._running(state, init=init)
        if not init:
            state.ready = True
            self._publish()
            await asyncio.Event().wait()
        state.set_terminated(0)
        return 0

    def _running(self, state: ContainerState, *, init: bool) -> None:
        state.set_running(f"sandbox://{uuid.uuid4().hex}")
        if not init:
            self.state.phase = "Running"
        self._publish()

    async def _create(self, spec: Object, state: ContainerState) -> Container:
        while True:
            try:
                made = await asyncio.to_thread(self._make, spec)
            except ConfigError as error:
                state.set_waiting("CreateContainerConfigError", str(error))
                self._publish()
                await asyncio.sleep(_RETRY)
            else:
                self._containers[spec["name"]] = made
                return made

    def _make(self, spec: Object) -> Container:
        image = images.image(spec["image"])
        env = environment(self._seen_by_containers, spec, self._node.sources)
        if image.python:
            env |= images.python_environment()
        argv = [expand(word, env) for word in (*(spec.get("command") or image.entrypoint), *(spec.get("args") or ()))]
        folder = self._folder / spec["name"]
        root = folder / "root"
        hostname = self.pod["metadata"]["name"]
        make_root(root, hostname)
        bound = images.binds(self._node.image_root, image) + volumes.binds(spec, self._folders, env)
        made = Container(
            folder,
            ContainerSpec(
                root=str(root),
                hostname=hostname[:63],
                binds=bound,
                argv=argv if image.runs else [],
                env=env,
                cwd=spec.get("workingDir") or "/",
                names=self._node.names(self.pod, self.pod_ip) if image.runs and not image.python else {},
            ),
            self._node.isolation,
        )
        made.write_hosts(self._node.hosts(self.pod, self.pod_ip))
        return made

    async def _probe(self, spec: Object, state: ContainerState, container: Container) -> None:
        probe = spec.get("readinessProbe")
        if not probe:
            state.ready = True
            self._publish()
            return
        ports = probes.port_names(self.pod)
        await asyncio.sleep(min(float(probe.get("initialDelaySeconds") or 0), 1.0))
        failures = 0
        while True:
            if await probes.check(probe, container, self.pod_ip, ports):
                failures, ready = 0, True
            else:
                failures += 1
                ready = state.ready and failures < int(probe.get("failureThreshold") or 3)
            if ready != state.ready:
                state.ready = ready
                self._publish()
            await asyncio.sleep(probes.pause(probe, ready=ready and failures == 0))

    def _message(self, spec: Object, container: Container, code: int) -> str:
        path = Path(container.spec.root + (spec.get("terminationMessagePath") or "/dev/termination-log"))
        text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        if not text and code != 0 and spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            text = container.log.read_text(encoding="utf-8", errors="replace")
        return text[-_MESSAGE_BYTES:]

    def _publish(self) -> None:
        status = self.state.to_status()
        if status != self._reported:
            self._reported = status
            self._node.report(self.pod, status)


def _state(spec: Object) -> ContainerState:
    return ContainerState(name=spec["name"], image=spec["image"])
