"""Brings the programs of one management cluster up, in order, and keeps them together."""

from __future__ import annotations

import asyncio
import http.client
import logging
import ssl
from typing import TYPE_CHECKING

from sandbox.breaking.api import AWAY, until_gone, until_there
from sandbox.envtest import commands, definitions, files
from sandbox.envtest.program import Program
from sandbox.plan import API_PORT

if TYPE_CHECKING:
    from sandbox.plan import ManagementClusterPlan, Plan

_log = logging.getLogger(__name__)
_POLL, _ANSWER_SECONDS = 0.1, 2.0
_END_SECONDS = 3.0  # nothing is lost when a sandbox ends: its data goes with it
_RESTART_SECONDS = 3.0  # it stops listening at once and then holds on to open watches for up to a minute


class Supervisor:
    """etcd, kube-apiserver, the definitions, kube-controller-manager."""

    def __init__(self, plan: Plan, cluster: ManagementClusterPlan) -> None:
        self._plan, self._cluster = plan, cluster
        self._ready = cluster.folder / "api.ready"

        def program(name: str, command: list[str]) -> Program:
            return Program(name, command, plan.logs / f"{cluster.name}-{name}.log")

        self._etcd = program("api-etcd", commands.etcd(plan, cluster))
        self._api = program("kube-apiserver", commands.api_server(plan, cluster))
        self._manager = program("kube-controller-manager", commands.controller_manager(plan, cluster))
        self._programs = (self._etcd, self._api, self._manager)

    async def run(self, until: asyncio.Event, again: asyncio.Event) -> None:
        """Serve until `until`; restart kube-apiserver at each `again`. Raises ProgramEndedError, ApiError."""
        tasks = [
            asyncio.create_task(until.wait()),
            asyncio.create_task(self._work(again)),
            *(asyncio.create_task(each.watch()) for each in self._programs),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for each in sorted(done, key=tasks.index, reverse=True):
                await each  # raises what ended it
        finally:
            for each in tasks:
                each.cancel()
            self._ready.unlink(missing_ok=True)
            for program in reversed(self._programs):  # each needs the one before it
                await program.stop(_END_SECONDS)

    async def _work(self, again: asyncio.Event) -> None:
        await asyncio.to_thread(files.prepare, self._cluster)
        await self._etcd.start()
        await self._api.start()
        await self._wait_until_ready()
        await asyncio.to_thread(definitions.install, self._plan, self._cluster)
        # Only now: the garbage collector looks for new kinds every thirty seconds.
        await self._manager.start()
        await asyncio.to_thread(definitions.wait_for_accounts, self._cluster)
        self._ready.touch()
        _log.info("serving at %s", self._cluster.api_url)
        while True:
            away = self._cluster.folder / AWAY
            leaving = asyncio.create_task(until_there(away))
            restarting = asyncio.create_task(again.wait())
            await asyncio.wait([leaving, restarting], return_when=asyncio.FIRST_COMPLETED)
            leaving.cancel()
            restarting.cancel()
            again.clear()
            self._ready.unlink()
            await self._api.stop(_RESTART_SECONDS)
            await until_gone(away)
            await self._api.start()
            await self._wait_until_ready()
            self._ready.touch()
            _log.info("kube-apiserver was restarted")

    async def _wait_until_ready(self) -> None:
        context = ssl.create_default_context(cafile=self._cluster.pki / "ca.crt")
        while not await asyncio.to_thread(self._is_ready, context):  # noqa: ASYNC110  another process is asked
            await asyncio.sleep(_POLL)

    def _is_ready(self, context: ssl.SSLContext) -> bool:
        connection = http.client.HTTPSConnection(
            self._cluster.api_address, API_PORT, timeout=_ANSWER_SECONDS, context=context
        )
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
