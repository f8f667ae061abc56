"""Both backends, and the table of what each of them did."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import backends
from tests.contract.backends import Backend
from tests.contract.client import Api, at
from tests.contract.lifeboats import close_all

_numbers = itertools.count(1)


@pytest.fixture(scope="package", params=backends.here())
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A management cluster on each kind of API; the real one only where its programs are."""
    with running(request.param, tmp_path_factory.mktemp(request.param)) as backend:
        yield backend


@contextmanager
def running(name: str, folder: Path, *, cluster_api: str = "v1beta1") -> Iterator[Backend]:
    """A management cluster that stores Cluster API so."""
    backend = Backend(name, folder, cluster_api=cluster_api)
    try:
        yield backend.start()
    finally:
        close_all()
        backend.stop()


@pytest.fixture(scope="package")
def api(backend: Backend) -> Iterator[Api]:
    """The administrator's requests."""
    api = Api(backend)
    yield api
    api.close()


@pytest.fixture
def viewer(backend: Backend) -> Iterator[Api]:
    """Requests of a user who may do what somebody granted."""
    api = Api(backend, backend.cluster.viewer_token)
    yield api
    api.close()


@pytest.fixture
def home(api: Api) -> str:
    """A namespace of the test's own."""
    name = f"home-{next(_numbers)}"
    api.post(at("namespaces"), {"metadata": {"name": name}}).ok()
    return name


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    backends.record(item, (yield).get_result())  # type: ignore[misc]


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Each contract test with what it came to on either backend; among other tests, only those that did not pass."""
    found = backends.outcomes(config, ("contract",))
    if not found:
        return
    rows: dict[str, dict[str, str]] = {}
    for column, outcomes in found.items():
        for test, outcome in outcomes.items():
            rows.setdefault(_name(test, column), {})[column] = outcome
    alone = all("tests/contract" in each for each in config.args)
    listed = {name: cells for name, cells in rows.items() if alone or set(cells.values()) != {"passed"}}
    terminalreporter.section("contract of the Kubernetes API (`make contract` lists it)")
    width = max(map(len, listed), default=0)
    if listed:
        terminalreporter.write_line(f"{'':{width}}  {'emulated':8}  real")
    for name, cells in listed.items():
        emulated, real = (cells.get(column, "not run") for column in backends.NAMES)
        terminalreporter.write_line(f"{name:{width}}  {emulated:8}  {real}")
    terminalreporter.write_line(f"{len(rows)} contract tests; {backends.told(found)}")


def _name(test: str, column: str) -> str:
    """File, test and its other parameters: the same in both columns."""
    name, _, parameters = test.removeprefix("tests/contract/").removesuffix("]").partition("[")
    others = "-".join(each for each in parameters.split("-") if each != column)
    return name + (f"[{others}]" if others else "")
