"""The proof against an etcdctl that says what a real one should not, or not yet: it then proves nothing."""

import json
import os
import subprocess

import pytest

from lifeboat.errors import EtcdNotReadyError
from lifeboat.etcd import later
from lifeboat.ports import ExecResult
from tests.unit.builders import a_management_cluster, blue
from tests.unit.memory import MemoryDns, MemoryInstances
from tests.unit.pods import EtcdPods

SAVED, NEWEST = 10, 12
_ETCDCTL = """#!/bin/sh
case "$*" in
  *" get "*) echo '"Revision" : {newest}' ;;
  *" watch "*) printf '%s' "$WATCH"; exec sleep {lasts} ;;
  *" lease list "*) printf '%s' "$LEASES" ;;
esac
"""


def deleted(at, lease=5, **changed):
    before = {"key": "aw==", "mod_revision": 3, **({"lease": lease} if lease else {})}
    return {"type": 1, "kv": {"key": "aw==", "mod_revision": at}, "prev_kv": before, **changed}


def put(at, **changed):
    return {**changed, "kv": {"key": "aw==", "create_revision": at, "mod_revision": at, "value": "dg==", "lease": 5}}


def response(*events, **changed):
    head = {"Header": {"revision": 99}, "Events": list(events)}
    return json.dumps({**head, "CompactRevision": 0, "Canceled": False, **changed}, separators=(",", ":")) + "\n"


class Pod:
    """`blue` with an etcdctl of ours in each pod."""

    def __init__(self, folder):
        self.folder = folder
        self.watch, self.leases, self.lasts = "", '{"leases":[]}', 30
        self.cluster = a_management_cluster()
        blue().on(self.cluster, MemoryDns(), MemoryInstances())
        self.cluster.exec_handler = self._exec

    def _exec(self, namespace, pod, container, command, stdin):
        if command[4] != later.COUNT_LATER:
            return EtcdPods()(namespace, pod, container, command, stdin)
        tool = self.folder / "etcdctl"
        tool.write_text(_ETCDCTL.format(newest=NEWEST, lasts=self.lasts))
        tool.chmod(0o755)
        path = f"{self.folder}:{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "WATCH": self.watch, "LEASES": self.leases}
        done = subprocess.run(
            list(command), input=stdin, capture_output=True, text=True, check=False, timeout=40, env=environment
        )
        return ExecResult(done.stdout, done.stderr, done.returncode)

    def later(self, *responses):
        self.watch = "".join(responses)
        return later.later_writes(self.cluster, "clusters-blue", SAVED)


@pytest.fixture
def pod(tmp_path):
    return Pod(tmp_path)


@pytest.mark.parametrize(
    "responses",
    [
        [response(deleted(11, 5), deleted(12, 6))],
        [response(deleted(11, 5)), response(), response(deleted(12, 6), deleted(12, 6))],
        [response(deleted(11, 5), deleted(12, 6), deleted(13, 7))],
    ],
    ids=["one answer", "several", "more than was asked for"],
)
def test_every_revision_is_seen(pod, responses):
    assert pod.later(*responses) == 0


@pytest.mark.parametrize(
    ("responses", "found"),
    [
        ([response(deleted(12, 6))], None),
        ([response(deleted(11, 5), deleted(13, 6))], None),
        ([response(deleted(11, 5)), response(CompactRevision=12, Canceled=True)], None),
        ([response(put(11), deleted(12, 6))], 1),
        ([response(put(11, type=0), deleted(12, 6))], 1),
        ([response(put(11, type=7), deleted(12, 6))], 1),
        ([response(deleted(11, None), deleted(12, 6))], 1),
        ([response({"type": 1, "kv": {"key": "aw==", "mod_revision": 11}}, deleted(12, 6))], 1),
        ([response(deleted(11, 5), deleted(12, 6), put(12))], 1),
        ([response(deleted(11, 5), put(12), deleted(12, 6))], 2),
        ([response(deleted(11, 5), {"type": "DELETE", "mod_revision": 12})], "told"),
        ([response(deleted(11, 5), deleted(12, 6)).replace('"CompactRevision"', '"compactRevision"')], "told"),
        ([response(deleted(11, 5)), response(deleted(12, 6))[:-40]], "told"),
        ([response(deleted(11, 5))], "told"),
        ([], "told"),
    ],
    ids=[
        "the first is missing",
        "one in between is missing",
        "compacted under way",
        "a put without a type",
        "a put with its type",
        "an event of an unknown type",
        "a deletion of a key without a lease",
        "a deletion of which nothing is told",
        "a put in the revision of an expiry, after it",
        "a put in the revision of an expiry, before it",
        "an event in another form",
        "an answer in another form",
        "an answer that was cut",
        "the last is missing",
        "nothing",
    ],
)
def test_anything_else_is_no_proof(pod, responses, found):
    if found == "told":
        pod.lasts = 0  # it ends by itself; etcd would go on until the time is up
        with pytest.raises(EtcdNotReadyError, match=r"told its changes up to revision 1\d of 12 only"):
            pod.later(*responses)
    else:
        assert pod.later(*responses) == found


@pytest.mark.parametrize("leases", ['{"leases":[{"id":4},{"id":6}]}', '{"leases":[{"ID":6,"ttl":3}]}'])
def test_a_lease_that_is_alive_did_not_expire(pod, leases):
    pod.leases = leases
    assert pod.later(response(deleted(11, 5), deleted(12, 6))) == 1


def test_a_lease_whose_id_is_part_of_a_living_ones_expired(pod):
    pod.leases = '{"leases":[{"id":56},{"id":65}]}'
    assert pod.later(response(deleted(11, 5), deleted(12, 6))) == 0
