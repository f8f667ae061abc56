"""`python -m sandbox.controllers PLAN CLUSTER [OPTION]`: every controller of one management cluster, in one process.

`--bare`: without HyperShift's and Cluster API's, and without AWS. `--without-aws`: with them, where no AWS answers.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from sandbox.client import Client
from sandbox.controllers.context import Context
from sandbox.controllers.deployment import deployment_controller, replica_set_controller
from sandbox.controllers.job import job_controller
from sandbox.controllers.load_balancer import load_balancer_controller
from sandbox.controllers.provisioner import provisioner_controllers
from sandbox.controllers.scheduler import scheduler
from sandbox.controllers.stateful_set import stateful_set_controller
from sandbox.controllers.volume_binder import volume_binder_controllers
from sandbox.hypershift import Startable, hypershift_controllers
from sandbox.hypershift.cloud import Cloud
from sandbox.informer import Controller, Informers
from sandbox.plan import Plan
from sandbox.process import run_until_terminated


def manager_controllers(context: Context) -> list[Controller]:
    """What a kube-controller-manager runs (its garbage collector and namespaces are in the emulated API)."""
    return [
        stateful_set_controller(context),
        deployment_controller(context),
        replica_set_controller(context),
        job_controller(context),
        *volume_binder_controllers(context),
    ]


def cloud_controllers(context: Context) -> list[Controller]:
    """Scheduler, volume provisioner and load balancers: no part of kube-controller-manager."""
    cloud = None if {"--bare", "--without-aws"}.intersection(sys.argv) else Cloud(context.plan)
    return [scheduler(context), *provisioner_controllers(context), load_balancer_controller(context, cloud)]


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(threadName)s %(message)s")
    plan = Plan.load(Path(sys.argv[1]))
    cluster = plan.management_cluster(sys.argv[2])
    client = Client(cluster.controllers_kubeconfig)
    context = Context(plan, cluster, client, Informers(client))
    controllers: list[Startable] = [
        *(manager_controllers(context) if plan.kube == "emulated" else []),
        *cloud_controllers(context),
        *(hypershift_controllers(context) if "--bare" not in sys.argv else []),
    ]
    context.informers.wait_synced()
    for controller in controllers:
        controller.start()
    (cluster.folder / "controllers.ready").touch()
    run_until_terminated()


if __name__ == "__main__":
    main()
