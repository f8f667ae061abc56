"""What an execution's history and a prober's lines say of time."""

import datetime
import json

import pytest

from benchmarks import backups, online

BEGAN = datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)


def entered(seconds, name):
    return {"timestamp": at(seconds), "stateEnteredEventDetails": {"name": name}}


def left(seconds, name, **output):
    return {"timestamp": at(seconds), "stateExitedEventDetails": {"name": name, "output": json.dumps(output)}}


def look(seconds, size, stored, *, complete=False, done=False):
    progress = {"size": size, "stored": stored, "is_complete": complete}
    transfer = {"progress": progress, "done": done}
    return [entered(seconds - 1, "TransferSnapshot"), left(seconds, "TransferSnapshot", transfer=transfer)]


def at(seconds):
    return BEGAN + datetime.timedelta(seconds=seconds)


HISTORY = [
    entered(3, "PreflightSource"),
    left(9, "PreflightSource"),
    entered(10, "StartSnapshot"),
    entered(10, "ExportManifests"),
    left(12, "StartSnapshot"),
    *look(14, 100, 0),
    left(15, "ExportManifests"),
    *look(16, 200, 1),
    *look(18, 200, 2, complete=True),
    *look(20, 200, 2, complete=True, done=True),
    entered(20, "VerifySnapshot"),
    left(21, "VerifySnapshot", verified={"size": 200}),
    entered(21, "DiscardSnapshot"),
    left(22, "DiscardSnapshot"),
]


def test_seconds_count_from_the_start_of_the_snapshot_to_the_look_that_saw_it_complete():
    seen = backups._read(HISTORY)
    assert (seen.to_s3, seen.size, seen.looks) == (8.0, 200, 4)
    assert seen.steps == {
        "first part stored": 6.0,
        "saved": 6.0,
        "complete in S3": 8.0,
        "described": 10.0,
        "proven": 11.0,
        "ended": 12.0,
    }
    assert seen.in_states == {"StartSnapshot": 2, "TransferSnapshot": 4, "VerifySnapshot": 1, "DiscardSnapshot": 1}


def test_a_history_without_a_complete_object_is_refused():
    with pytest.raises(RuntimeError, match="complete in S3"):
        backups._read(HISTORY[:8])


@pytest.mark.parametrize(
    ("asked", "away"),
    [
        ([(1.0, 0.1, "ok"), (2.0, 0.1, "ok")], 0.0),
        ([(1.0, 0.1, "ok"), (2.0, 1.0, "timed out"), (3.0, 0.5, "ok"), (4.0, 0.1, "ok")], 1.5),
        ([(1.0, 0.1, "ok"), (2.0, 1.0, "503"), (3.0, 1.0, "503"), (4.0, 0.2, "ok")], 2.2),
        ([(2.0, 0.1, "ok"), (8.0, 1.0, "timed out")], 1.0),  # to the end of the backup: nobody saw it come back
        ([(0.1, 0.5, "503"), (0.6, 0.1, "ok"), (2.0, 0.1, "ok")], 0.0),  # before the backup began
    ],
)
def test_downtime_lasts_from_a_request_that_failed_to_the_next_answer(asked, away):
    assert online._downtime(asked, began=1.0, ended=9.0) == pytest.approx(away)


def test_a_prober_that_saw_nothing_is_no_proof_of_no_downtime():
    with pytest.raises(RuntimeError, match="no request"):
        online._downtime([(0.1, 0.1, "ok")], began=1.0, ended=9.0)
