"""One sandbox per backend and pair of stored versions, one after the other."""

import pytest

from sandbox.running import Sandbox
from tests import backends
from tests.operations import Operations


@pytest.fixture(scope="module", params=backends.here())
def backend(request):
    """The management clusters' API."""
    return request.param


@pytest.fixture(scope="module")
def sandbox(backend, request, tmp_path_factory):
    """Of the versions that the module's `STORED` names, for mgmt-1 and mgmt-2."""
    folder = tmp_path_factory.mktemp("sandbox") / "run"
    with Sandbox(folder, kube=backend, cluster_api=request.module.STORED, keys=1500) as running:
        yield running


@pytest.fixture
def operations(sandbox):
    return Operations(sandbox)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    backends.record(item, (yield).get_result())
