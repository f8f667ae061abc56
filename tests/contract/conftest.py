"""Both backends, and the table of what each of them did."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox import assets
from tests.contract.backends import NAMES, Backend
from tests.contract.client import Api, at
from tests.contract.lifeboats import close_all

_OUTCOMES = pytest.StashKey[dict[tuple[str, str], str]]()
_numbers = itertools.count(1)


@pytest.fixture(scope="session", params=NAMES)
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A management cluster on each kind of API; the real one only where its programs are."""
    with running(request.param, tmp_path_factory.mktemp(request.param)) as backend:
        yield backend


@contextmanager
def running(name: str, folder: Path, *, cluster_api: str = "v1beta1") -> Iterator[Backend]:
    """A management cluster that stores Cluster API so; skips the test where its programs are not."""
    if name == "real":
        try:
            assets.find()
        except assets.AssetsError as error:
            pytest.skip(f"no real Kubernetes API here: {error}")
    backend = Backend(name, folder, cluster_api=cluster_api)
    try:
        yield backend.start()
    finally:
        close_all()
        backend.stop()


@pytest.fixture(scope="session")
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
    report = (yield).get_result()  # type: ignore[misc]
    call = getattr(item, "callspec", None)
    column = call.params.get("backend") if call is not None else None
    if column is None or (report.when != "call" and not report.failed and not report.skipped):
        return
    outcomes = item.config.stash.setdefault(_OUTCOMES, {})
    others = "-".join(each for each in call.id.split("-") if each != column)
    name = item.nodeid.partition("[")[0].rpartition("tests/contract/")[2] + (f"[{others}]" if others else "")
    if outcomes.get((name, column)) != "failed":
        outcomes[name, column] = "not run" if report.skipped else report.outcome


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Each contract test with what it came to on either backend."""
    outcomes = config.stash.get(_OUTCOMES, {})
    names = list(dict.fromkeys(name for name, _ in outcomes))
    if not names:
        return
    counts = {column: _counts(outcomes, column) for column in NAMES}
    width = max(map(len, names))
    terminalreporter.section("contract of the Kubernetes API")
    terminalreporter.write_line(f"{'':{width}}  {'emulated':8}  real")
    for name in names:
        cells = [outcomes.get((name, column), "not run") for column in NAMES]
        terminalreporter.write_line(f"{name:{width}}  {cells[0]:8}  {cells[1]}")
    told = "; ".join(f"{column}: {counts[column]}" for column in NAMES)
    terminalreporter.write_line(f"{len(names)} contract tests; {told}")


def _counts(outcomes: dict[tuple[str, str], str], column: str) -> str:
    results = [result for (_, where), result in outcomes.items() if where == column]
    kinds = [f"{results.count(each)} {each}" for each in ("passed", "failed", "not run") if each in results]
    return ", ".join(kinds) or "not run"
