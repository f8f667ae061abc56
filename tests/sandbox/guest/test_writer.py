"""The client that never stops writing, against a hosted API that goes away and comes back."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.message
import dns.rrset
import yaml

from sandbox.guest.writer import Writer, outages
from sandbox.plan import Plan
from tests.sandbox.node.conftest import ETCDCTL, Workbench, mode, workbench  # noqa: F401

from .test_apiserver import an_apiserver


@contextmanager
def dns_that_answers(plan: Plan, address: str) -> Iterator[None]:
    host, _, port = plan.resolver.partition(":")
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((host, int(port)))

    def serve() -> None:
        while True:
            data, client = server.recvfrom(4096)
            if not data:
                return
            query = dns.message.from_wire(data)
            answer = dns.message.make_response(query)
            answer.answer.append(dns.rrset.from_text(query.question[0].name, 1, "IN", "A", address))
            server.sendto(answer.to_wire(), client)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.sendto(b"", (host, int(port)))
        thread.join(5)
        server.close()


def write_kubeconfig(plan: Plan, folder: Path) -> None:
    def data(name: str) -> str:
        return base64.b64encode((folder / name).read_bytes()).decode()

    cluster = {"server": "https://api.test:6443", "certificate-authority-data": data("ca.crt")}
    user = {"client-certificate-data": data("admin.crt"), "client-key-data": data("admin.key")}
    path = plan.run / "hosted" / "blue" / "kubeconfig"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump({"clusters": [{"cluster": cluster}], "users": [{"user": user}]}))


def test_every_acknowledged_write_is_in_etcd(workbench: Workbench, tmp_path: Path) -> None:  # noqa: F811
    """GIVEN an API that is killed while a client writes WHEN it is back THEN etcd has every acknowledged write."""

    async def scenario() -> None:
        plan = workbench.plan
        (member,) = workbench.etcd(1)
        worker, _ = an_apiserver(workbench, tmp_path)
        write_kubeconfig(plan, tmp_path)
        await workbench.until_ready(member)
        await workbench.until_ready(worker)

        def acknowledged() -> list[dict[str, object]]:
            path = plan.acknowledged_writes
            return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

        with dns_that_answers(plan, worker.pod_ip):
            writer = Writer(plan, "blue")
            writer.start()
            await workbench.until(lambda: len(acknowledged()) > 10)
            before = len(acknowledged())
            state = worker.state.main["kube-apiserver"]
            for restarts in (0, 1):  # the second one while it starts: the back-off is then a second
                await workbench.until(lambda n=restarts: state.running and state.restarts == n)
                await worker.container("kube-apiserver").kill()
            await workbench.until(lambda: len(acknowledged()) > before + 10)
            writer.stop()
            await asyncio.to_thread(writer.join, 5)
        code, out, err = await workbench.run(member, *ETCDCTL, "get", "/kubernetes.io/", "--prefix", "-w", "json")
        assert code == 0, err
        stored = {base64.b64decode(each["key"]).decode(): each for each in json.loads(out)["kvs"]}
        for line in acknowledged():
            found = stored[str(line["key"])]
            assert base64.b64decode(found["value"]).decode() == line["value"]
            assert found["mod_revision"] == line["revision"]
        (outage,) = [json.loads(line) for line in outages(plan).read_text().splitlines()]
        assert outage["failures"] > 0

    workbench.play(scenario())
