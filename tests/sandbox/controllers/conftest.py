"""One management cluster without HyperShift for all tests of this folder."""

import pytest

from sandbox.client import NAMESPACES, STORAGE_CLASSES
from sandbox.controllers.volumes import PROVISIONER
from tests.sandbox.controllers.management import ManagementCluster


@pytest.fixture(scope="session")
def management(tmp_path_factory):
    management = ManagementCluster(tmp_path_factory.mktemp("run"), aws=False).start()
    storage_class = {"provisioner": PROVISIONER, "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer"}
    management.client.create(STORAGE_CLASSES, {"metadata": {"name": "gp3-csi"}, **storage_class})
    yield management
    management.stop()


@pytest.fixture
def namespace(management, request):
    name = request.node.name.replace("_", "-")[:60].rstrip("-")
    management.client.create(NAMESPACES, {"metadata": {"name": name}})
    return name
