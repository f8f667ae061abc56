"""The life of a pod on a node."""

from __future__ import annotations

import os
import time

from .conftest import ETCD_IMAGE, Workbench


def test_private_image_needs_a_pull_secret(workbench: Workbench) -> None:
    """A pod waits with ErrImagePull or ImagePullBackOff until a Secret lets its node into the registry."""

    async def scenario() -> None:
        secret = workbench.sources.secrets.pop("pull-secret")
        worker = workbench.start("p", {"containers": [{"name": "c", "image": ETCD_IMAGE, "command": ["sleep", "9"]}]})
        refused = {"ErrImagePull", "ImagePullBackOff"}
        await workbench.until(lambda: worker.state.main["c"].state.get("waiting", {}).get("reason") in refused)
        assert workbench.status["p"]["phase"] == "Pending"
        workbench.sources.secrets["pull-secret"] = secret
        await workbench.until_ready(worker)

    workbench.play(scenario())


def test_failing_init_container_is_repeated_and_tells_why(workbench: Workbench) -> None:
    """An init container that fails holds the pod back; its exit code and its last words are in the status."""

    async def scenario() -> None:
        script = "[ -f /d/second ] && exit 0; touch /d/second; echo no; exit 7"
        mount = [{"name": "d", "mountPath": "/d"}]
        spec = {
            "initContainers": [
                {"name": "i", "image": ETCD_IMAGE, "command": ["sh", "-c", script], "volumeMounts": mount,
                 "terminationMessagePolicy": "FallbackToLogsOnError"},
            ],
            "containers": [{"name": "c", "image": "quay.io/some/program:1"}],
            "volumes": [{"name": "d", "emptyDir": {}}],
        }  # fmt: skip
        worker = workbench.start("p", spec)
        await workbench.until(lambda: worker.state.init["i"].restarts == 1)
        terminated = worker.state.init["i"].last["terminated"]
        assert (terminated["exitCode"], terminated["message"].strip()) == (7, "no")
        await workbench.until_ready(worker)

    workbench.play(scenario())


def test_nothing_outlives_its_pod(workbench: Workbench) -> None:
    """A detached process that an exec left behind dies with the container."""

    async def scenario() -> None:
        worker = workbench.start("p", {"containers": [{"name": "c", "image": ETCD_IMAGE, "command": ["sleep", "99"]}]})
        await workbench.until_ready(worker)
        token = f"98{time.monotonic_ns() % 10**6:06}"
        script = f"setsid sleep {token} </dev/null >/dev/null 2>&1 & echo $!"
        code, _, err = await workbench.run(worker, "sh", "-c", script)
        assert (code, err) == (0, "")

        def alive() -> bool:
            return os.system(f"ps -eo args | grep -q '[s]leep {token}'") == 0

        await workbench.until(alive)
        await worker.terminate(0)
        assert not alive()

    workbench.play(scenario())


def test_pod_of_a_job_ends_with_its_command(workbench: Workbench) -> None:
    """With restartPolicy Never a pod is Succeeded or Failed by its exit code."""

    async def scenario() -> None:
        for name, code, phase in (("good", 0, "Succeeded"), ("bad", 3, "Failed")):
            container = {"name": "c", "image": ETCD_IMAGE, "command": ["sh", "-c"], "args": [f"exit {code}"]}
            workbench.start(name, {"restartPolicy": "Never", "containers": [container]})
            await workbench.until(lambda n=name, p=phase: workbench.status.get(n, {}).get("phase") == p)  # type: ignore[misc]

    workbench.play(scenario())


def test_container_reads_its_service_account(workbench: Workbench) -> None:
    """The token is where every client library looks for it."""

    async def scenario() -> None:
        sources = [{"serviceAccountToken": {"path": "token", "audience": "a"}}]
        mount = {"name": "access", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": True}
        container = {"name": "c", "image": ETCD_IMAGE, "command": ["sleep", "9"], "volumeMounts": [mount]}
        spec = {"containers": [container], "volumes": [{"name": "access", "projected": {"sources": sources}}]}
        worker = workbench.start("p", spec)
        await workbench.until_ready(worker)
        code, out, err = await workbench.run(worker, "cat", f"{mount['mountPath']}/token")
        assert (code, out, err) == (0, "token of p for a", "")

    workbench.play(scenario())
