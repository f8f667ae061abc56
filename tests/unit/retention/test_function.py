"""The function that the schedule starts: parameters in, figures out."""

import pytest

from functions.retain_backups import app
from lifeboat.errors import ConfigurationError
from tests.unit.memory import MemoryClock, MemoryExecutions, MemoryLeases, MemorySigner, MemoryStore
from tests.unit.retention.test_running import IDS, MACHINE
from tests.unit.stored_backups import BLUE, a_committed_backup

GIVEN = {
    "RETENTION_KEEP_NEWEST": "3",
    "RETENTION_KEEP_DAILY_DAYS": "0",
    "RETENTION_KEEP_WEEKLY_DAYS": "0",
    "RETENTION_MINIMUM_AGE_DAYS": "1",
    "STATE_MACHINES": MACHINE,
}


@pytest.fixture
def store(monkeypatch):
    there = MemoryStore()
    for backup_id in IDS:
        a_committed_backup(there, MemorySigner(), backup_id)
    ports = {
        "store": there,
        "signer": MemorySigner(),
        "leases": MemoryLeases(),
        "executions": MemoryExecutions(),
        "clock": MemoryClock(),
    }
    for name, port in ports.items():
        monkeypatch.setitem(vars(app.services), name, port)
    return there


def test_it_deletes_by_the_stacks_parameters_and_logs_what(store, monkeypatch, caplog):
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)
    report = app.handler({}, None)
    assert (report["deleted"], report["kept"], report["complete"]) == (2, 3, True)
    told = next(each for each in caplog.records if each.getMessage() == "retention has run")
    assert sorted(vars(told)["deletedIds"]) == sorted(IDS[3:])


def test_without_its_parameters_it_deletes_nothing(store, monkeypatch):
    for name in GIVEN:
        monkeypatch.delenv(name, raising=False)
    before = store.keys("")
    with pytest.raises(ConfigurationError):
        app.handler({}, None)
    assert store.keys("") == before
    assert BLUE.name in before[0]
