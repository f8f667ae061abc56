"""HyperShift simulated: its operator, control-plane-operator, Cluster API with its AWS provider, and ExternalDNS."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from sandbox.hypershift.aws_provider import aws_provider
from sandbox.hypershift.carriers import Carriers
from sandbox.hypershift.cloud import Cloud
from sandbox.hypershift.cluster_api import cluster_api_controllers
from sandbox.hypershift.control_plane_operator import control_plane_operator
from sandbox.hypershift.external_dns import ExternalDns
from sandbox.hypershift.guest import Guests
from sandbox.hypershift.machine import machine_controller
from sandbox.hypershift.machine_health import machine_health_controller
from sandbox.hypershift.machine_set import machine_set_controller
from sandbox.hypershift.node_pool import node_pool_controller
from sandbox.hypershift.operator import hosted_cluster_controller
from sandbox.hypershift.private_link import private_link_controllers
from sandbox.hypershift.webhooks import webhook_server
from sandbox.hypershift.writer import Writer

if TYPE_CHECKING:
    from sandbox.controllers.context import Context


class Startable(Protocol):
    """What a process starts and stops."""

    def start(self) -> object: ...

    def stop(self) -> None: ...


def hypershift_controllers(context: Context) -> list[Startable]:
    """All of them for one management cluster; each is alive only while its carrier pod is ready."""
    carriers, cloud = Carriers(context), Cloud(context.plan)
    writer, guests = Writer(context), Guests(context)
    return [
        hosted_cluster_controller(context, carriers, writer, cloud, guests),
        node_pool_controller(context, carriers, writer, guests),
        control_plane_operator(context, carriers, writer),
        *cluster_api_controllers(context, carriers),
        machine_set_controller(context, carriers),
        machine_controller(context, carriers, guests),
        machine_health_controller(context, carriers, guests),
        aws_provider(context, carriers, cloud),
        *private_link_controllers(context, carriers, writer, cloud),
        ExternalDns(context, carriers, cloud),
        *([webhook_server(context, carriers)] if context.cluster.cluster_api == "v1beta2" else []),
    ]
