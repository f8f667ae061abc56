"""The world a sandbox starts with: AWS, two management clusters, the hosted clusters `blue` and `blue-green`."""

from sandbox.world.aws import prepare_aws
from sandbox.world.hosted import create_hosted_clusters
from sandbox.world.management import prepare_management_cluster
from sandbox.world.waiting import wait_until_available, wait_until_nodes_ready

__all__ = [
    "create_hosted_clusters",
    "prepare_aws",
    "prepare_management_cluster",
    "wait_until_available",
    "wait_until_nodes_ready",
]
