"""The whole move, with the demo's table as its judge."""

import time

from sandbox.proof import eye, verdict
from sandbox.proof.observation import observe


def move(operations, sandbox):
    """Recover `blue` from mgmt-1 to mgmt-2; the lines of the table that are wrong."""
    before, seen = observe(sandbox, "mgmt-1"), eye.look(sandbox)
    ended = operations.run("recover", source="mgmt-1", destination="mgmt-2", approval="none")
    assert ended.status == "SUCCEEDED", ended.cause
    time.sleep(2)
    rows = verdict.of_move(sandbox, before, observe(sandbox, "mgmt-2"))
    if seen:
        rows += eye.rows_of(seen, eye.look(sandbox))
    return {row.subject: row.problem for row in rows if row.problem}
