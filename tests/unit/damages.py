"""Every way in which a stored backup is damaged here: what becomes of its bytes, and who notices at once.

A damage to bytes is placed `honestly` (S3 tells the size and the checksums of what is there now) or `behind S3's back`
(S3 still tells what was written: a rotten disk, a server that lies). S3 itself refuses the latter; it is here because
nothing may hang on that.
"""

from __future__ import annotations

import base64
import copy
import dataclasses
import datetime
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from lifeboat import signed
from lifeboat.backups import BackupRecord
from lifeboat.model import HostedClusterRef
from lifeboat.ports import StoredObject, composite_of
from tests.unit.memory import NOW, MemorySigner, MemoryStore
from tests.unit.stored_backups import PART, a_committed_backup, a_database, backup_id_at, upload

ID = backup_id_at(NOW)
OTHER_ID = backup_id_at(NOW - datetime.timedelta(days=1))
FORMER_ID = backup_id_at(NOW - datetime.timedelta(days=9))
GREEN = HostedClusterRef("clusters", "blue-green")
XML = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>'
HTML = b"<!DOCTYPE html><html><head><title>503</title></head><body>Service Unavailable</body></html>"
TRUE_KEY, FALSE_KEY = MemorySigner(), MemorySigner(b"somebody else")


class DamagedStore(MemoryStore):
    """`claims`: what S3 tells of a key, whatever its bytes are."""

    def __init__(self) -> None:
        super().__init__()
        self.claims: dict[str, StoredObject] = {}

    def head(self, key: str, version_id: str | None = None) -> StoredObject | None:
        there = super().head(key, version_id)
        return self.claims.get(key, there) if there else None

    def twin(self) -> DamagedStore:
        """A copy to be damaged."""
        twin = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, (dict, set, list)):
                setattr(twin, name, copy.copy(value))
        return twin

    def lie(self, key: str, body: bytes) -> None:
        """Other bytes, and S3 does not notice."""
        told = self.head(key)
        assert told is not None
        self.claims[key] = told
        self.objects[key] = body

    def replace(self, key: str, body: bytes) -> None:
        """Other bytes under the same version id, as S3 would tell of them; in parts what was in parts."""
        in_parts = key in self.composites
        for held in (self.objects, self.composites):
            held.pop(key, None)
        if in_parts and body:
            upload(self, key, body)
        else:
            self.put(key, body)


def a_world() -> tuple[DamagedStore, BackupRecord, list[BackupRecord]]:
    """A store with a backup, and the others beside it: an older one, another infraID's and another cluster's."""
    store = DamagedStore()
    record = a_committed_backup(store, TRUE_KEY, ID)
    others = [
        a_committed_backup(store, TRUE_KEY, OTHER_ID, snapshot=a_database(5, b"older")),
        a_committed_backup(store, TRUE_KEY, FORMER_ID, infra_id="blue-old", snapshot=a_database(4, b"former")),
        a_committed_backup(store, TRUE_KEY, ID, hosted=GREEN, infra_id="green-y", snapshot=a_database(3, b"neighbour")),
    ]
    return store, record, others


Damage = tuple[str, Callable[[DamagedStore, random.Random], None]]
"""What it is called, and what does it."""


def all_damages(store: DamagedStore, record: BackupRecord, others: list[BackupRecord]) -> Iterator[Damage]:
    yield from _of_bytes(store, record, others)
    yield from _of_objects(record, others)
    yield from _of_parts(record, others)
    yield from _of_the_record(store, record, others)


def _flipped(body: bytes, rng: random.Random, bits: int) -> bytes:
    changed = bytearray(body)
    for _ in range(bits):
        changed[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _without_middle(body: bytes, rng: random.Random) -> bytes:
    start = rng.randrange(len(body))
    return body[:start] + body[rng.randrange(start + 1, len(body) + 1) :]


def _swapped(body: bytes, rng: random.Random) -> bytes:
    size = max(1, len(body) // 8)
    first, second = sorted(rng.sample(range(len(body) // size), 2))
    blocks = [body[at : at + size] for at in range(0, len(body), size)]
    blocks[first], blocks[second] = blocks[second], blocks[first]
    return b"".join(blocks)


BYTES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "a bit": lambda body, rng: _flipped(body, rng, 1),
    "some bits": lambda body, rng: _flipped(body, rng, 9),
    "its last bit": lambda body, _: body[:-1] + bytes([body[-1] ^ 1]),
    "cut short": lambda body, rng: body[: rng.randrange(1, len(body))],
    "without its head": lambda body, rng: body[rng.randrange(1, len(body)) :],
    "without its middle": _without_middle,
    "two blocks swapped": _swapped,
    "twice": lambda body, _: body * 2,
    "longer": lambda body, rng: body + rng.randbytes(rng.randrange(1, 600)),
    "empty": lambda _, __: b"",
    "nothing but zeros": lambda body, _: bytes(len(body)),
    "noise": lambda body, rng: rng.randbytes(len(body)),
    "an error of S3": lambda _, __: XML,
    "a proxy's page": lambda _, __: HTML,
    "null": lambda _, __: b"null",
    "an empty object": lambda _, __: b"{}",
    "an empty list": lambda _, __: b"[]",
    "no text": lambda body, _: b"\xff\xfe" + body,
}


def _of_bytes(store: DamagedStore, record: BackupRecord, others: list[BackupRecord]) -> Iterator[Damage]:
    """Of each artefact, the record too: its bytes changed, or another artefact's in its place."""
    keys = [record.layout.record, *(each.key for each in record.parts())]
    foreign = [each for other in others for each in (other.layout.record, *(part.key for part in other.parts()))]
    for key in keys:
        bodies = {each: store.objects[each] for each in [*keys, *foreign] if store.objects[each] != store.objects[key]}
        for place in ("replace", "lie"):
            for what, change in BYTES.items():
                yield f"{key}: {what} ({place})", _changing(key, place, change, is_record=key == record.layout.record)
            for other, body in bodies.items():
                yield f"{key}: {other} ({place})", _changing(key, place, lambda _, __, body=body: body)


def _changing(
    key: str, place: str, change: Callable[[bytes, random.Random], bytes], *, is_record: bool = False
) -> Callable[[DamagedStore, random.Random], None]:
    def do(store: DamagedStore, rng: random.Random) -> None:
        before = store.objects[key]
        after = change(before, rng)
        while after == before or (is_record and _says_the_same(after, before)):
            after = change(before, rng)
        getattr(store, place)(key, after)

    return do


def _says_the_same(document: bytes, other: bytes) -> bool:
    """Whether two signed documents differ in nothing that is signed: spaces, and under which name the key is known."""
    try:
        read = [json.loads(each) for each in (document, other)]
        told = [
            (
                each.keys(),
                each["payload"],
                base64.b64decode(each["signature"]["value"], validate=True),
                {name: value for name, value in each["signature"].items() if name not in {"value", "keyId"}},
                isinstance(each["signature"]["keyId"], str),
            )
            for each in read
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
    return told[0] == told[1]


def _of_objects(record: BackupRecord, others: list[BackupRecord]) -> Iterator[Damage]:
    """Objects lost, hidden, overwritten, added, and bodies that changed places."""
    keys = [record.layout.record, *(each.key for each in record.parts())]
    for key in keys:
        yield f"{key}: lost", lambda store, _, key=key: store.objects.pop(key)
        yield f"{key}: hidden by a delete marker", lambda store, _, key=key: store.delete(key)
    for part in record.parts():
        yield f"{part.key}: overwritten", lambda store, _, key=part.key: (store.delete(key), store.put(key, XML))
    for folder in ("manifests", "etcd", "evidence", "more"):
        yield f"{folder}: an object added", lambda store, rng, folder=folder: _add(store, record, folder, rng)
    for first in keys:
        for second in keys:
            if first < second:
                yield f"{first} and {second}: swapped", lambda store, _, a=first, b=second: _swap(store, a, b)
    for other in others:
        pairs = zip(
            [record.layout.record, *(each.key for each in record.parts())],
            [other.layout.record, *(each.key for each in other.parts())],
            strict=True,
        )
        for mine, theirs in pairs:
            yield f"{mine} and {theirs}: swapped", lambda store, _, a=mine, b=theirs: _swap_if_other(store, a, b)


def _of_parts(record: BackupRecord, others: list[BackupRecord]) -> Iterator[Damage]:
    """The snapshot put together of its parts in another way; S3 tells of it what it is."""
    key = record.snapshot.part.key

    def together(change: Callable[[list[bytes], random.Random], list[bytes]]) -> Callable[..., None]:
        def do(store: DamagedStore, rng: random.Random) -> None:
            body = store.objects[key]
            pieces = [body[at : at + PART] for at in range(0, len(body), PART)]
            changed = b"".join(change(list(pieces), rng))
            assert changed != body
            store.replace(key, changed)

        return do

    for first in range(3):
        yield f"part {first} lost", together(lambda pieces, _, n=first: pieces[:n] + pieces[n + 1 :])
        yield f"part {first} twice", together(lambda pieces, _, n=first: pieces[: n + 1] + pieces[n:])
        yield f"part {first} empty", together(lambda pieces, _, n=first: [*pieces[:n], b"", *pieces[n + 1 :]])
        yield (
            f"part {first} other",
            together(lambda pieces, rng, n=first: [*pieces[:n], rng.randbytes(len(pieces[n])), *pieces[n + 1 :]]),
        )
        for other in others:
            yield (
                f"part {first} of {other.layout.prefix}",
                lambda store, rng, n=first, of=other: together(
                    lambda pieces, _: [*pieces[:n], store.objects[of.snapshot.part.key][:PART], *pieces[n + 1 :]]
                )(store, rng),
            )
    yield "parts turned round", together(lambda pieces, _: pieces[::-1])
    yield "parts rotated", together(lambda pieces, _: [*pieces[1:], pieces[0]])


def _of_the_record(store: DamagedStore, record: BackupRecord, others: list[BackupRecord]) -> Iterator[Damage]:
    """What it says changed: under the old signature, under a foreign key, under another record's signature; and by the
    true key where the parts themselves tell otherwise."""
    key = record.layout.record
    payload, signature = _read(store, key)
    for path in [*_paths(payload)]:
        for word in ("gone", "other", "null", "list"):
            yield f"record {path} {word}", _rewriting(key, signature, path, word)
    for name in ("value", "algorithm", "sha256"):
        for word in ("gone", "other", "null", "list"):
            yield f"signature {name} {word}", _resigning(key, name, word)
    for other in others:
        yield f"signature of {other.layout.prefix}", _with_signature(key, _read(store, other.layout.record)[1])
        yield f"record of {other.layout.prefix}", _with_payload(key, _read(store, other.layout.record)[0])
    yield "signed by somebody else", lambda held, _: held.replace(key, signed.seal(payload, FALSE_KEY))
    for schema in (0, 1, 3, "2", None):
        yield f"schema {schema}", _signed_anew(key, {**payload, "schema": schema})
    for what, changed in _inconsistent(record, others):
        yield f"signed, {what}", _signed_anew(key, changed.to_payload())


def _inconsistent(record: BackupRecord, others: list[BackupRecord]) -> Iterator[tuple[str, BackupRecord]]:
    """Records that nobody here would sign: the true key does not help them."""
    manifests, snapshot, evidence = record.manifests, record.snapshot, dict(record.evidence)
    for number, each in enumerate(manifests):
        for what, part in _wrong_parts(each.part, others[0].manifests[number].part):
            changed = dataclasses.replace(each, part=part)
            yield f"manifest {number} {what}", _with(record, manifests=_put(manifests, number, changed))
        recounted = dataclasses.replace(each, count=each.count + 1)
        yield f"manifest {number} count", _with(record, manifests=_put(manifests, number, recounted))
    for name, part in evidence.items():
        for what, wrong in _wrong_parts(part, others[0].evidence[name]):
            yield f"evidence {name} {what}", _with(record, evidence={**evidence, name: wrong})
    for what, wrong in _wrong_parts(snapshot.part, others[0].snapshot.part):
        yield f"snapshot {what}", _with(record, snapshot=dataclasses.replace(snapshot, part=wrong))
    digests = snapshot.part_digests
    for what, changed in {
        "reordered": digests[::-1],
        "short": digests[:-1],
        "long": (*digests, digests[0]),
        "empty": (),
        "other": others[0].snapshot.part_digests,
        "no digests": ("x",) * len(digests),
    }.items():
        yield f"part list {what}", _with(record, snapshot=dataclasses.replace(snapshot, part_digests=changed))
    for size in (0, 1, PART - 1, PART * 2, -PART):
        yield f"part size {size}", _with(record, snapshot=dataclasses.replace(snapshot, part_size=size))
    for name, value in (("revision", 41), ("total_keys", 0)):
        yield f"snapshot {name}", _with(record, snapshot=dataclasses.replace(snapshot, **{name: value}))
    yield "infraID", _with(record, infra_id="blue-old")
    yield "hosted cluster", _with(record, hosted_cluster=GREEN)
    yield "backup id", _with(record, backup_id=OTHER_ID)


def _wrong_parts(part: Any, other: Any) -> Iterator[tuple[str, Any]]:
    yield "another backup's", other
    yield "its key", dataclasses.replace(part, key=other.key)
    yield "version", dataclasses.replace(part, version_id="v2")
    yield "no version", dataclasses.replace(part, version_id=None)
    yield "size", dataclasses.replace(part, size=part.size + 1)
    yield "digest", dataclasses.replace(part, sha256="0" * 64)
    yield "composite", dataclasses.replace(part, composite=composite_of([part.sha256]))


def _with(record: BackupRecord, **changes: Any) -> BackupRecord:
    return dataclasses.replace(record, **changes)


def _put(items: tuple[Any, ...], number: int, item: Any) -> tuple[Any, ...]:
    return (*items[:number], item, *items[number + 1 :])


def _read(store: DamagedStore, key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    document = json.loads(store.objects[key])
    return document["payload"], document["signature"]


def _write(store: DamagedStore, key: str, payload: Any, signature: Any) -> None:
    store.replace(key, json.dumps({"payload": payload, "signature": signature}).encode())


def _paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document, itself excepted."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield (*at, name)
        yield from _paths(each, (*at, name))


def _changed(document: Any, path: tuple[Any, ...], word: str) -> Any:
    result = copy.deepcopy(document)
    holder = result
    for name in path[:-1]:
        holder = holder[name]
    if word == "gone":
        del holder[path[-1]]
    elif word == "other":
        old = holder[path[-1]]
        holder[path[-1]] = old + 1 if isinstance(old, int) and not isinstance(old, bool) else f"{old}x"
    else:
        wanted: Any = None if word == "null" else []
        holder[path[-1]] = {"other": 1} if holder[path[-1]] == wanted else wanted
    return result


def _rewriting(key: str, signature: Any, path: tuple[Any, ...], word: str) -> Callable[..., None]:
    return lambda store, _: _write(store, key, _changed(_read(store, key)[0], path, word), signature)


def _resigning(key: str, name: str, word: str) -> Callable[..., None]:
    return lambda store, _: _write(store, key, _read(store, key)[0], _changed(_read(store, key)[1], (name,), word))


def _with_signature(key: str, signature: Any) -> Callable[..., None]:
    return lambda store, _: _write(store, key, _read(store, key)[0], signature)


def _with_payload(key: str, payload: Any) -> Callable[..., None]:
    return lambda store, _: _write(store, key, payload, _read(store, key)[1])


def _signed_anew(key: str, payload: Any) -> Callable[..., None]:
    return lambda store, _: store.replace(key, signed.seal(payload, TRUE_KEY))


def _add(store: DamagedStore, record: BackupRecord, folder: str, rng: random.Random) -> None:
    store.now = NOW + datetime.timedelta(hours=1)
    store.put(f"{record.layout.prefix}{folder}/clusters.secrets.{rng.getrandbits(48):012x}.yaml", b"kind: Secret\n")


def _swap(store: DamagedStore, first: str, second: str) -> None:
    bodies = store.objects[first], store.objects[second]
    store.replace(first, bodies[1])
    store.replace(second, bodies[0])


def _swap_if_other(store: DamagedStore, first: str, second: str) -> None:
    if store.objects[first] == store.objects[second]:  # evidence that says the same of both: then it is lost
        del store.objects[first]
    else:
        _swap(store, first, second)
