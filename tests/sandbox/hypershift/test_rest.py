"""What the simulated operator wants, stored in the other version of Cluster API, is nothing to write again."""

import copy

import pytest

from sandbox.client import CLUSTERS, MACHINE_HEALTH_CHECKS
from sandbox.hypershift.conversion import NEW, OLD, convert
from sandbox.hypershift.node_pool import health_check
from sandbox.hypershift.operator_objects import cluster_api_objects
from sandbox.objects import ensure

HOSTED = {
    "metadata": {"name": "blue", "namespace": "clusters"},
    "spec": {"infraID": "blue-x7k2p", "platform": {"aws": {"region": "us-east-2"}}, "services": []},
}
POOL = {"metadata": {"name": "workers", "namespace": "clusters"}}


class Recorder:
    """A writer that keeps what it shall write."""

    def __init__(self):
        self.wanted = {}

    def ensure(self, resource, desired):
        self.wanted[resource.kind] = desired
        return desired | {"status": {"ready": True}}


class Converting:
    """An API that stores one object in v1beta2 and shows it in v1beta1."""

    def __init__(self, resource, desired):
        written = {"apiVersion": OLD, "kind": resource.kind} | copy.deepcopy(desired)
        self.stored = convert(written, NEW)
        self.patches = []

    def get(self, *_):
        return convert(self.stored, OLD)

    def patch(self, _resource, _name, patch, _namespace):
        self.patches.append(patch)


def wanted():
    recorder = Recorder()
    cluster_api_objects(recorder, HOSTED, "clusters-blue", {"owner": "clusters/blue"})
    return {
        CLUSTERS: recorder.wanted["Cluster"],
        MACHINE_HEALTH_CHECKS: health_check(HOSTED, POOL, "clusters-blue", {}),
    }


@pytest.mark.parametrize("resource", [CLUSTERS, MACHINE_HEALTH_CHECKS], ids=lambda each: each.kind)
def test_a_second_look_writes_nothing(resource):
    desired = wanted()[resource]
    api = Converting(resource, desired)
    ensure(api, resource, desired)
    assert api.patches == []
    changed = copy.deepcopy(desired)
    changed["spec"]["clusterName" if "clusterName" in changed["spec"] else "paused"] = True
    ensure(api, resource, changed)
    assert len(api.patches) == 1
