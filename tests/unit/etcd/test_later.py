"""Proof that nothing was written after a snapshot, by real etcds of three members."""

import base64
import contextlib
import shutil
from pathlib import Path

import pytest

from lifeboat import podshell
from lifeboat.errors import EtcdNotReadyError
from lifeboat.etcd import later, members
from tests.etcds import BOTH
from tests.unit.etcd.three_members import NAMESPACE, QUICK, three_members, until

pytestmark = pytest.mark.skipif(not shutil.which("timeout"), reason="needs coreutils")
SECRET = "c2VjcmV0-canary"


@pytest.fixture(scope="module", params=BOTH)
def etcd(request, tmp_path_factory):
    with three_members(tmp_path_factory.mktemp("etcd"), request.param, *QUICK) as there:
        yield there


def _base64(text):
    return base64.b64encode(text.encode()).decode()


def revision(etcd):
    found = members.ask(etcd.cluster, NAMESPACE)
    return members.acknowledged(etcd.cluster, NAMESPACE, found)


def writes_after(etcd, since):
    return later.later_writes(etcd.cluster, NAMESPACE, since)


def is_gone(etcd, key):
    return lambda: not etcd.do("etcd-0", "get", key)


def test_nothing_after_the_newest_revision(etcd):
    assert writes_after(etcd, revision(etcd)) == 0


@pytest.mark.parametrize(
    ("commands", "count"),
    [
        ([["put", "a", "1"]], 1),
        ([["put", "a", "1"], ["put", "a", "2"], ["del", "a"]], 3),
        ([["put", "quoted", '"},{"type":1,"kv":{"mod_revision":9}}],"CompactRevision":0']], 1),
        ([["put", "newline", '1\n"lease":5\nD ']], 1),
    ],
    ids=["put", "puts and a delete", "a value like an answer", "a value of several lines"],
)
def test_writes_are_counted(etcd, commands, count):
    since = revision(etcd)
    for command in commands:
        etcd.do("etcd-0", *command)
    assert writes_after(etcd, since) == count


def test_the_deletion_of_a_key_without_a_lease_is_a_write(etcd):
    etcd.do("etcd-0", "put", "b", "1")
    since = revision(etcd)
    etcd.do("etcd-0", "del", "b")
    assert writes_after(etcd, since) == 1


def test_leases_that_expire_are_no_writes(etcd):
    one, two = etcd.lease(2), etcd.lease(2)
    etcd.put("events/a", SECRET, one)
    etcd.put("events/b", SECRET, one)
    since = etcd.put("events/c", SECRET, two)
    until(is_gone(etcd, "events/a"))
    until(is_gone(etcd, "events/c"))
    assert revision(etcd) == since + 2
    assert writes_after(etcd, since) == 0


def test_a_client_that_deletes_a_leased_key_writes(etcd):
    """Its lease is alive: it did not expire."""
    since = etcd.put("events/d", lease=etcd.lease(600))
    etcd.do("etcd-0", "del", "events/d")
    assert writes_after(etcd, since) == 1


def test_a_client_that_deletes_one_of_a_leases_keys_before_it_expires_writes(etcd):
    """Two revisions delete keys of one lease; an expiring one deletes all of them in one."""
    lease = etcd.lease(3)
    etcd.put("events/e", lease=lease)
    since = etcd.put("events/f", lease=lease)
    etcd.do("etcd-0", "del", "events/e")
    until(is_gone(etcd, "events/f"))
    assert writes_after(etcd, since) == 1


def test_a_write_between_expiring_leases_is_found(etcd):
    one, two = etcd.lease(1), etcd.lease(4)
    etcd.put("events/g", lease=one)
    since = etcd.put("events/h", lease=two)
    until(is_gone(etcd, "events/g"))
    etcd.put("between")
    until(is_gone(etcd, "events/h"))
    assert writes_after(etcd, since) == 1


def test_keys_of_two_leases_deleted_in_one_revision_were_deleted_by_a_client(etcd):
    """An expiring lease has a revision of its own."""
    one, two = etcd.lease(3), etcd.lease(3)
    etcd.put("txn/a", lease=one)
    since = etcd.put("txn/b", lease=two)
    etcd.do("etcd-0", "del", "--prefix", "txn/")
    until(lambda: not any(each in etcd.do("etcd-0", "lease", "list") for each in (one, two)))
    assert writes_after(etcd, since) == 1


def test_neither_keys_nor_values_leave_the_pod(etcd):
    since = revision(etcd)
    etcd.do("etcd-0", "put", f"secret/{SECRET}", SECRET)
    said = podshell.run(etcd.cluster, etcd.ref("etcd-1"), later.COUNT_LATER, str(since + 1), "10")
    assert "writes=1" in said.output
    assert SECRET not in said.output
    assert len(said.output) < 200


def test_a_revision_that_etcd_never_had_proves_nothing(etcd):
    assert writes_after(etcd, revision(etcd) + 10) is None


@pytest.mark.full
def test_more_expired_leases_than_one_answer_of_etcd_holds(etcd):
    """It answers in pieces of a thousand revisions."""
    with etcd.gateway("etcd-0") as call:
        for number in range(1100):
            lease = call("lease/grant", TTL=10)["ID"]
            call("kv/put", key=_base64(f"many/{number}"), value="", lease=lease)
        since = revision(etcd)
        many = {"key": _base64("many/"), "range_end": _base64("many0"), "count_only": True}
        until(lambda: "count" not in call("kv/range", **many), 40)
    assert revision(etcd) == since + 1100
    assert writes_after(etcd, since) == 0


def test_a_compaction_hides_what_happened(etcd):
    since = revision(etcd)
    etcd.do("etcd-0", "put", "c", "1")
    etcd.do("etcd-0", "put", "c", "2")
    etcd.do("etcd-0", "compaction", str(since + 2))
    assert writes_after(etcd, since) is None
    assert later.written_after(etcd.cluster, NAMESPACE, since) == f"unknown changes after revision {since}"


def test_an_etcd_that_does_not_tell_all_in_time_is_asked_again(etcd, monkeypatch):
    """A lease expired and nothing else: no write is seen, and the newest revision neither."""
    since = etcd.put("events/i", lease=etcd.lease(2))
    until(is_gone(etcd, "events/i"))
    monkeypatch.setattr(later, "SECONDS", 0.001)
    with pytest.raises(EtcdNotReadyError, match=f"up to revision {since} of {since + 1} only"):
        writes_after(etcd, since)


def test_no_process_of_a_watch_stays_behind(etcd):
    since = revision(etcd)
    etcd.do("etcd-0", "put", "d", "1")
    assert writes_after(etcd, since) == 1
    until(lambda: not watches(since + 1), 3)


def watches(first):
    """Processes that watch from this revision on."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # just ended
            words = path.read_bytes().split(b"\0")
            found += [path] if b"watch" in words and str(first).encode() in words else []
    return found
