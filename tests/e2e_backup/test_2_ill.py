"""Sources whose etcd is ill: full, one member lost, the quorum lost."""

import pytest

from sandbox.breaking import members, space
from tests.operations import lifeboat, wait_until
from tests.stored import left_behind, listed, of_snapshot, record


@pytest.fixture
def full(home, green):
    """blue-green's etcd takes no more writes."""
    space.fill(home, green.plane)
    assert space.alarms(home, green.plane) == ["NOSPACE"]
    yield
    space.make_room(home, green.plane)
    wait_until(lambda: green.write() == "")


def test_a_full_etcd_is_saved_and_its_alarm_recorded(full, green):
    """Its API reads and refuses writes; the alarm travels inside the snapshot, so the record tells it."""
    assert green.read() == ""
    assert "space exceeded" in green.write()
    ended = green.run("backup", source="mgmt-1")
    assert ended.status == "SUCCEEDED", ended.cause
    seen = of_snapshot(green, ended.output["backupId"])
    assert [each for each in seen["alarms"] if "NOSPACE" in str(each)]
    assert seen["size"] > 16 << 20
    assert len(seen["parts"]) == -(-seen["size"] // seen["partSize"]) > 1
    assert left_behind(green) == []


@pytest.fixture
def one_lost(home, blue):
    members.lose(home, blue.plane, ["etcd-2"])
    yield
    members.bring_back(home, blue.plane, ["etcd-2"])


def test_one_of_three_members_lost(one_lost, blue):
    """Two make a quorum: the backup is made of one of them, unasked, and says that one is missing."""
    assert blue.serves()
    ended = blue.run("backup", source="mgmt-1")
    assert ended.status == "SUCCEEDED", ended.cause
    seen = of_snapshot(blue, ended.output["backupId"])
    assert seen["member"] in {"etcd-0", "etcd-1"}
    assert seen["quorum"] is True
    assert "etcd-2" in seen["note"]
    assert left_behind(blue) == []


@pytest.fixture
def two_lost(home, blue):
    """No quorum: `blue`'s API answers no write any more."""
    before = blue.source()
    members.lose(home, blue.plane, ["etcd-1", "etcd-2"])
    assert blue.write() != ""
    yield
    members.bring_back(home, blue.plane, ["etcd-1", "etcd-2"])
    assert blue.serves()
    assert blue.source() == before


def answer(sandbox, *words):
    """Say so by the CLI, as soon as it is asked for."""

    def answered():
        return lifeboat(sandbox, *words, check=False) is not None

    wait_until(answered)


def test_without_a_quorum_people_are_asked(two_lost, blue, sandbox):
    """Rejected, nothing is saved. Approved, the one member that answers is, and the record says what that means."""
    had = listed(blue)
    rejected = blue.start("backup", source="mgmt-1")
    answer(sandbox, "reject", rejected)
    ended = blue.end_of(rejected)
    assert ended.status == "FAILED"
    assert "\n" not in ended.cause
    assert listed(blue) == had
    approved = blue.start("backup", source="mgmt-1")
    answer(sandbox, "approve", approved, "--reason", "two zones are gone")
    ended = blue.end_of(approved)
    assert ended.status == "SUCCEEDED", ended.cause
    seen = of_snapshot(blue, ended.output["backupId"])
    assert (seen["member"], seen["quorum"]) == ("etcd-0", False)
    assert "no quorum" in seen["note"]
    assert "two zones are gone" in seen["note"]
    assert record(blue, ended.output["backupId"])["snapshot"]["quorum"] is False
    assert left_behind(blue) == []


@pytest.mark.full
def test_a_quiesced_backup_without_a_quorum_puts_its_source_back(two_lost, blue, sandbox):
    """Nobody can prove that nothing was written afterwards, but for that nobody can write at all."""
    before = blue.source()
    arn = blue.start("backup", source="mgmt-1", kind="quiesced")
    answer(sandbox, "approve", arn, "--reason", "two zones are gone")
    ended = blue.end_of(arn)
    assert ended.status == "SUCCEEDED", ended.cause
    assert of_snapshot(blue, ended.output["backupId"])["quorum"] is False
    assert blue.source() == before
    assert left_behind(blue) == []
