"""`make demo`: the main job, live, with proof."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from lifeboat_cli.follow import follow
from lifeboat_cli.progress import Progress
from sandbox.proof import eye, planned, verdict
from sandbox.proof.observation import BLUE, NAMESPACE, observe
from sandbox.proof.rows import Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.running import Sandbox

RECOVER = {
    "hostedCluster": {"namespace": NAMESPACE, "name": BLUE},
    "source": "mgmt-1",
    "destination": "mgmt-2",
    "approval": "none",
}


def run(sandbox: Sandbox, progress: Callable[[str], None]) -> int:
    """Start the sandbox, recover `blue`, print the table; 0 only if every line of it is right."""
    console = Console(emoji=False)  # ARNs hold what looks like one
    with sandbox:
        before, seen, logged = observe(sandbox, "mgmt-1"), eye.look(sandbox), planned.sizes(sandbox.plan)
        stepfunctions = sandbox.client("stepfunctions")
        progress(f"recover {NAMESPACE}/{BLUE} from mgmt-1 to mgmt-2: {before.writes} writes acknowledged so far")
        started = time.monotonic()
        execution = stepfunctions.start_execution(
            stateMachineArn=sandbox.stack.state_machines["recover"], name="demo", input=json.dumps(RECOVER)
        )["executionArn"]
        outcome = follow(stepfunctions, execution, Progress(), poll_seconds=0.5)
        took = time.monotonic() - started
        if not outcome.succeeded:
            console.print(f"recover {outcome.status}: {outcome.error}: {outcome.cause}", style="red", markup=False)
            return 1
        progress(f"recover took {took:.0f} s; looking at what came out")
        time.sleep(2)  # a few more writes through the destination
        rows = verdict.of_move(sandbox, before, observe(sandbox, "mgmt-2"))
        rows += planned.rows(sandbox, planned.kept(sandbox, "demo"), logged)
        if seen and (now := eye.look(sandbox)):
            rows += eye.rows_of(seen, now)
        console.print(_table(rows))
        wrong = [row for row in rows if row.problem]
        console.print(f"{len(wrong)} of {len(rows)} lines are wrong" if wrong else "all of it is right")
        return 1 if wrong else 0


def _table(rows: list[Row]) -> Table:
    table = Table(title="blue: mgmt-1 → mgmt-2")
    for column in ("", "before", "after", ""):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(row.subject, row.before, row.after, f"[red]{row.problem}" if row.problem else "[green]ok")
    return table
