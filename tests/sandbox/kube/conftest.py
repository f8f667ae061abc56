"""One API server for all tests of this folder, in a thread, reached with the ordinary client."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import threading
from collections.abc import Iterator

import pytest
import urllib3
from kubernetes import client, config, dynamic

from sandbox.kube.server import ApiServer
from sandbox.plan import AWS_PORT, ManagementClusterPlan, Plan


class RunningServer:
    """The server, its plan and its loop: what is to happen in the loop is called through `call`."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.cluster: ManagementClusterPlan = plan.management_clusters[0]
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()
        self.server: ApiServer = self.wait(self._start())

    async def _start(self) -> ApiServer:
        server = ApiServer(self.plan, self.cluster)
        await server.start()
        return server

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def call(self, function):
        async def run():
            return function()

        return self.wait(run())

    def stop(self) -> None:
        self.wait(self.server.stop())
        self.wait(asyncio.sleep(0.5))  # connections that a client left open are let go
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()


@pytest.fixture(scope="session")
def running(tmp_path_factory) -> Iterator[RunningServer]:
    plan = Plan.create(tmp_path_factory.mktemp("run"), isolation="rewrite")
    with socket.socket() as reserved:  # another run must not choose the same network
        reserved.bind((plan.aws_address, AWS_PORT))
        running = RunningServer(plan)
        yield running
        running.stop()


@pytest.fixture
def api(running) -> Iterator[client.ApiClient]:
    with config.new_client_from_config(str(running.cluster.kubeconfig)) as api:
        yield api
        api.rest_client.pool_manager.clear()  # the client itself keeps its connections


@pytest.fixture
def raw(running) -> Iterator:
    """Requests as a client that builds them by hand: (method, path, body, content type) -> the decoded answer."""
    pool = urllib3.PoolManager(ca_certs=str(running.cluster.pki / "ca.crt"))

    def request(method: str, path: str, body, content_type: str = "application/json"):
        answer = pool.request(
            method,
            running.cluster.api_url + path,
            body=json.dumps(body),
            headers={"Content-Type": content_type, "Authorization": f"Bearer {running.cluster.admin_token}"},
        )
        if answer.status >= 400:
            error = client.ApiException(status=answer.status)
            error.body = answer.data
            raise error
        return json.loads(answer.data)

    yield request
    pool.clear()


@pytest.fixture
def core(api) -> client.CoreV1Api:
    return client.CoreV1Api(api)


@pytest.fixture
def resources(api, tmp_path) -> dynamic.DynamicClient:
    return dynamic.DynamicClient(api, cache_file=str(tmp_path / "discovery.json"))


_numbers = itertools.count(1)


@pytest.fixture
def namespace(core) -> str:
    name = f"test-{next(_numbers)}"
    core.create_namespace({"metadata": {"name": name}})
    return name
