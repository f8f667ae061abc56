"""`python -m sandbox.node PLAN MANAGEMENT_CLUSTER`: the kubelet, until SIGTERM or the end of the parent process."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from sandbox.node.kubelet import Kubelet
from sandbox.plan import ManagementClusterPlan, Plan
from sandbox.process import die_with_parent

_POLL = 0.1
_THREADS = 24


async def _main(plan: Plan, cluster: ManagementClusterPlan) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="api"))
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    while not (cluster.folder / "api.ready").exists():  # noqa: ASYNC110  another process makes it
        await asyncio.sleep(_POLL)
    kubelet = Kubelet(plan, cluster)
    await kubelet.start()
    (cluster.folder / "kubelet.ready").touch()
    ending, watching = asyncio.create_task(ended.wait()), asyncio.create_task(kubelet.watch())
    await asyncio.wait((ending, watching), return_when=asyncio.FIRST_COMPLETED)
    if watching.done():
        await kubelet.stop()
        watching.result()
    watching.cancel()
    await kubelet.stop()


def main() -> None:
    die_with_parent()
    parser = argparse.ArgumentParser(prog="python -m sandbox.node", description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("cluster")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    plan = Plan.load(arguments.plan)
    asyncio.run(_main(plan, plan.management_cluster(arguments.cluster)))


if __name__ == "__main__":
    main()
