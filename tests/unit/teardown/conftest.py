"""A source that is fenced, and the execution that restored its hosted cluster."""

import pytest

from lifeboat import writers
from lifeboat.resources import ROUTES
from lifeboat.restore.serving import wanted
from tests.unit.backed_up import a_backup, set_conditions
from tests.unit.builders import blue
from tests.unit.memory import MemoryExecutions
from tests.unit.teardown.steps import INNER, RESTORE

GOOD = wanted(blue().hosted_cluster())


@pytest.fixture
def world():
    """Paused, stopped, without Routes; the destination serves."""
    world = a_backup()
    writers.stop(world.source, INNER, writers.ALL)
    for deployment in world.source.objects("Deployment"):
        if deployment["metadata"]["namespace"] == INNER:
            world.source._objects["Deployment", INNER, deployment["metadata"]["name"]]["status"] = {}
    for route in world.source.list_objects(ROUTES, INNER):
        world.source.remove("Route", INNER, route["metadata"]["name"])
    world.destination.add(blue().hosted_cluster())
    set_conditions(world.destination, "HostedCluster", "clusters", "blue", **dict.fromkeys(GOOD, "True"))
    return world


@pytest.fixture
def executions():
    held = MemoryExecutions()
    output = {"destination": "mgmt-2", "infraId": "blue-x7k2p", "recordSha256": "ab"}
    held.add(RESTORE, "SUCCEEDED", {"hostedCluster": {"namespace": "clusters", "name": "blue"}}, output)
    return held
