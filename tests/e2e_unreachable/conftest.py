"""One sandbox per backend for all tests of this folder, in the order of their files; it ends before others start."""

import pytest

from sandbox.running import Sandbox
from tests import backends
from tests.operations import Operations


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        metafunc.parametrize("backend", backends.here(), indirect=True, scope="package")


@pytest.fixture(scope="package")
def backend(request):
    """The management clusters' API: emulated with etcd 3.5 in the hosted clusters, or real with 3.6."""
    return request.param


@pytest.fixture(scope="package")
def sandbox(backend, tmp_path_factory):
    with Sandbox(tmp_path_factory.mktemp("sandbox") / "run", kube=backend, keys=1500) as running:
        yield running


@pytest.fixture
def operations(sandbox):
    return Operations(sandbox)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    backends.record(item, (yield).get_result())
