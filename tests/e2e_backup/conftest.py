"""One sandbox per backend for all tests of this folder, in the order of their files. `blue-green`'s etcd is small."""

import pytest

from sandbox.aws.functions import faults
from sandbox.proof import secrecy
from sandbox.proof.sampling import Sampler
from sandbox.running import Sandbox
from tests import backends
from tests.operations import Operations

QUOTA = 32 << 20


def pytest_generate_tests(metafunc):
    if "backend" in metafunc.fixturenames:
        columns = [
            each if each == "emulated" else pytest.param(each, marks=pytest.mark.full) for each in backends.here()
        ]
        metafunc.parametrize("backend", columns, indirect=True, scope="package")


@pytest.fixture(scope="package")
def backend(request):
    """The management clusters' API: emulated with etcd 3.5 in the hosted clusters, or real with 3.6."""
    return request.param


@pytest.fixture(scope="package")
def sandbox(backend, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sandbox") / "run"
    with Sandbox(folder, kube=backend, keys=1500, etcd_quotas={"blue-green": QUOTA}) as running:
        yield running


@pytest.fixture
def home(sandbox):
    return sandbox.plan.management_cluster("mgmt-1")


@pytest.fixture
def blue(sandbox):
    """Operations on the hosted cluster of three etcd members."""
    return Operations(sandbox, "blue")


@pytest.fixture
def green(sandbox):
    """Operations on its neighbour of one member."""
    return Operations(sandbox, "blue-green")


@pytest.fixture
def sampler(sandbox):
    """Looks at every process and small file while the test runs; the test fails when it met a secret."""
    with Sampler(sandbox.plan, secrecy.needles(sandbox.plan)) as looking:
        yield looking
    assert looking.found == set()
    assert looking.looks > 10


@pytest.fixture(autouse=True)
def no_fault_is_left(sandbox):
    yield
    faults.clear(sandbox.plan)
    faults.release(sandbox.plan)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    backends.record(item, (yield).get_result())
