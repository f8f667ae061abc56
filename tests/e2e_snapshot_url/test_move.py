"""The move with `etcdRestore: snapshotUrl`: etcd restores itself, and nothing else differs."""

import time

import pytest

from sandbox.proof import eye, verdict
from sandbox.proof.observation import observe

pytestmark = pytest.mark.full


@pytest.mark.timeout(1800)
def test_etcd_restores_itself_and_the_move_is_as_any_other(operations, sandbox):
    before, seen = observe(sandbox, "mgmt-1"), eye.look(sandbox)
    ended = operations.end_of(
        operations.start("recover", source="mgmt-1", destination="mgmt-2", approval="none", etcdRestore="snapshotUrl"),
        seconds=1500,
    )
    assert ended.status == "SUCCEEDED", ended.cause
    time.sleep(2)
    rows = verdict.of_move(sandbox, before, observe(sandbox, "mgmt-2"))
    if seen:
        rows += eye.rows_of(seen, eye.look(sandbox))
    assert {row.subject: row.problem for row in rows if row.problem} == {}
