"""A sandbox per backend and shape, one after the other."""

import pytest

from sandbox.running import Sandbox
from tests import backends
from tests.operations import Operations

COLUMNS = [each if each == "emulated" else pytest.param(each, marks=pytest.mark.full) for each in backends.here()]


@pytest.fixture(scope="module", params=COLUMNS)
def backend(request):
    """The management clusters' API."""
    return request.param


@pytest.fixture(scope="module")
def sandbox(backend, request, tmp_path_factory):
    """Of the kind that the module's `SHAPE` says."""
    folder = tmp_path_factory.mktemp("sandbox") / "run"
    with Sandbox(folder, kube=backend, keys=1500, shape=request.module.SHAPE) as running:
        yield running


@pytest.fixture
def operations(sandbox):
    return Operations(sandbox)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    backends.record(item, (yield).get_result())
