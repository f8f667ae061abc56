"""One sandbox per backend for all tests of this folder, in the order of their files; it ends before others start."""

import pytest

from sandbox.running import Sandbox
from tests import backends
from tests.operations import Operations

ALWAYS_ON_BOTH = {"test_the_whole_move"}
"""What runs on a real API even without `make test-full`, if its programs are there."""


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        marks = () if metafunc.function.__name__ in ALWAYS_ON_BOTH else pytest.mark.full
        columns = [each if each == "emulated" else pytest.param(each, marks=marks) for each in backends.here()]
        metafunc.parametrize("backend", columns, indirect=True, scope="package")


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


def pytest_terminal_summary(terminalreporter, config):
    if found := backends.outcomes(config, ("e2e", "e2e_v1beta2", "e2e_shapes")):
        terminalreporter.section("whole operations, by the Kubernetes API they ran on")
        terminalreporter.write_line(backends.told(found))
