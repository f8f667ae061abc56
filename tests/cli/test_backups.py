"""`lifeboat backups` and `lifeboat verify`: what people read."""

import datetime
import json
import subprocess
import sys

import pytest

from lifeboat.model import HostedClusterRef
from lifeboat_cli import listing, main, verifying
from lifeboat_cli.stack import Stack
from tests.unit.memory import NOW, MemorySigner, MemoryStore
from tests.unit.stored_backups import BLUE, a_committed_backup, a_stored_backup, backup_id_at

GREEN = HostedClusterRef("clusters", "blue-green")
OLD, NEW = backup_id_at(NOW), backup_id_at(NOW + datetime.timedelta(hours=1))


class Counting(MemoryStore):
    """Tells whether an object was read."""

    reads = 0

    def get(self, key, version_id=None):
        self.reads += 1
        return super().get(key, version_id)

    def head(self, key, version_id=None):
        self.reads += 1
        return super().head(key, version_id)


@pytest.fixture
def store(monkeypatch):
    there = Counting()
    monkeypatch.setattr(Stack, "store", lambda _: there)
    monkeypatch.setattr(Stack, "signer", lambda _: MemorySigner())
    for hosted, backup_id in ((BLUE, OLD), (BLUE, NEW), (GREEN, OLD)):
        a_committed_backup(there, MemorySigner(), backup_id, hosted=hosted)
    there.reads = 0
    return there


def run(*arguments: str) -> int:
    return main.main(arguments)


def test_a_fleet_is_listed_without_reading_an_object(store, capsys, monkeypatch):
    monkeypatch.setattr(store, "_stored", None)
    assert run("backups") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [
        ["clusters/blue", NEW],
        ["clusters/blue", OLD],
        ["clusters/blue-green", OLD],
    ]


def test_one_hosted_cluster_is_told_with_revision_size_and_state(store, capsys):
    store.put(f"catalog/clusters/blue/blue-x/{OLD}/verified.20261104t120000z", b"")
    store.reads = 0
    assert run("backups", "clusters/blue", "--json") == 0
    new, old = json.loads(capsys.readouterr().out)
    assert (new["backupId"], new["state"], new["revision"], new["objects"]) == (NEW, "committed", 42, 4)
    assert new["size"] > 2000
    assert (old["state"], old["verifiedAt"]) == ("verified 2026-11-04 12:00", "2026-11-04T12:00:00+00:00")
    assert store.reads == 0


def test_what_the_catalog_does_not_know_is_told_and_made_up(store, capsys):
    for key in store.keys("catalog/"):
        store.delete(key)
    a_stored_backup(store, backup_id_at(NOW + datetime.timedelta(hours=2)))
    assert run("backups", "clusters/blue") == 0
    never, new, _ = capsys.readouterr().out.splitlines()[1:]
    assert never.endswith("not committed (under way, or cut off)")
    assert new.endswith("not in the catalog: --rebuild")
    assert run("backups") == 1
    capsys.readouterr()
    assert run("backups", "--rebuild") == 0
    told = [line.split()[8:] for line in capsys.readouterr().out.splitlines()[1:]]
    assert told == [["not", "committed", "(under", "way,", "or", "cut", "off)"], *3 * [["committed"]]]


def test_a_record_that_does_not_verify_stays_out_of_the_catalog(store, capsys):
    key = next(each for each in store.keys("hosted-clusters/clusters/blue/") if each.endswith("backup.json"))
    store.objects[key] = store.objects[key].replace(b"mgmt-1", b"mgmt-9")
    run("backups", "--rebuild")
    told = capsys.readouterr()
    assert "not proven: clusters/blue" in told.err
    assert "not proven" not in told.out


def test_words_that_nobody_here_wrote_change_nothing(store):
    before = listing.listed(store, None)
    for word in ("deleted.20269999t999999z", "deleted", "committed.rx.s1.n1", "../x"):
        store.put(f"catalog/clusters/blue/blue-x/{OLD}/{word}", b"")
    store.put("catalog/clusters/blue/blue-x/by-hand/committed.r1.s1.n1", b"")
    assert listing.listed(store, None) == before


def test_a_proven_backup_ends_with_nought_and_its_deep_proof_stands_in_the_catalog(store, capsys):
    assert run("verify", "clusters/blue") == 0
    told = capsys.readouterr().out
    assert told.splitlines()[-1].startswith(f"PROVEN: {NEW}")
    assert "--deep reads every byte" in told
    assert run("verify", "clusters/blue", OLD, "--deep") == 0
    assert run("backups", "clusters/blue") == 0
    assert capsys.readouterr().out.splitlines()[-1].split()[-3] == "verified"


@pytest.mark.parametrize("deep", [[], ["--deep"]])
def test_one_that_is_not_proven_ends_with_one(store, capsys, deep):
    key = next(each for each in store.keys(f"hosted-clusters/clusters/blue/blue-x/backups/{NEW}/manifests/"))
    store.delete(key)
    assert run("verify", "clusters/blue", *deep) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[-2].startswith(f"NOT PROVEN: {NEW}")
    assert run("backups") == 0
    assert "not proven" in next(line for line in capsys.readouterr().out.splitlines() if NEW in line)
    assert run("verify", "clusters/blue", "--json", *deep) == 1
    assert json.loads(capsys.readouterr().out)["proven"] is False


def test_without_a_record_there_is_nothing_to_prove(store, capsys):
    assert run("verify", "clusters/red") == 1
    assert "has no backup" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        run("verify", "clusters/blue", "latest")


def test_what_etcd_was_like_is_told(store):
    backup_id = backup_id_at(NOW + datetime.timedelta(hours=3))
    a_committed_backup(
        store, MemorySigner(), backup_id, alarms=("NOSPACE",), quorum=False, note="one of three answered"
    )
    code, text, _ = verifying.told(store, MemorySigner(), BLUE, backup_id, deep=True, as_json=False)
    assert code == 0
    assert "NOSPACE" in text
    assert "one of three answered" in text


def test_a_record_that_is_gone_is_told_where_a_fleet_is_compared(store, capsys):
    store.delete(
        next(each for each in store.keys("hosted-clusters/clusters/blue/") if each.endswith(f"{NEW}/backup.json"))
    )
    assert run("verify", "clusters/blue", NEW) == 1
    assert run("backups", "--rebuild", "--json") == 0
    told = json.loads(capsys.readouterr().out.partition("\n[")[2].join(["[", ""]))
    assert [each["state"] for each in told if each["backupId"] == NEW] == ["its record is gone"]


@pytest.mark.parametrize(
    "words", [["clusters/blue", OLD, "--deep"], ["clusters/blue", "--deep", OLD], ["--deep", "clusters/blue", OLD]]
)
def test_the_backup_may_stand_on_either_side_of_an_option(store, capsys, words):
    assert run("verify", *words) == 0
    assert f"PROVEN: {OLD}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["clusters/blue", OLD, NEW], ["clusters/blue", "--deep", "x"], ["clusters/blue", "--depth"]]
)
def test_more_than_one_backup_is_refused(store, capsys, words):
    with pytest.raises(SystemExit):
        run("verify", *words)
    assert "error: " in capsys.readouterr().err


def test_a_pipe_that_is_closed_is_no_traceback(tmp_path):
    """As `lifeboat ... | head` leaves it."""
    script = tmp_path / "closed.py"
    script.write_text(
        "import sys\n"
        "from lifeboat_cli import listing, main\n"
        "listing.print_backups = lambda *_, **__: [print('a line') for _ in range(100_000)]\n"
        "sys.exit(main.main(['backups']))\n"
    )
    command = f"{sys.executable} {script} | head -n 1; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (141, "a line\n", "")
