"""What tests of a teardown do, in the order of its machine."""

from lifeboat.model import HostedClusterRef
from lifeboat.resources import PODS
from lifeboat.teardown import control_plane, deletion, operator, plan
from lifeboat.teardown.preflight import preflight
from tests.unit.backed_up import OPERATION
from tests.unit.memory import NOW

INNER = "clusters-blue"
RESTORE = "arn:aws:states:us-east-2:123456789012:execution:lifeboat-restore:one"
BLUE = HostedClusterRef("clusters", "blue")


def check(world, executions, operation_id=OPERATION, **data):
    clusters = {each.name: each for each in (world.source, world.destination)}
    given = data or {"restoreExecution": RESTORE}
    task = world.task(operation_id, **given)
    return preflight(task, world.source, clusters.__getitem__, executions, world.store, world.signer, NOW)


def hold(world):
    """Hold the operator; its Deployment then reports that nothing runs."""
    operator.hold(world.source, OPERATION)
    world.source._objects["Deployment", "hypershift", "operator"]["status"] = {}


def stop_all(world):
    """Hold the operator, stop the control plane; the pods then end, as a kubelet would let them."""
    hold(world)
    control_plane.stop(world.source, BLUE)
    for pod in world.source.list_objects(PODS, INNER):
        world.source.remove("Pod", INNER, pod["metadata"]["name"])


def tear_down(world, executions):
    check(world, executions)
    stop_all(world)
    planned = plan.read_or_refuse(world.store, world.signer, BLUE, OPERATION)
    deletion.remove_finalizers(world.source, planned)
    return planned, deletion.delete_objects(world.source, planned)


def told(objects, of):
    return sorted(
        (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"], each["metadata"]["uid"])
        for each in objects
        if of(each)
    )
