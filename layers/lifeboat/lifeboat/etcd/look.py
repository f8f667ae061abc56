r"""One look at the worker: a short exec that tells what is there, and what of it is under way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lifeboat.errors import ExecIncompleteError
from lifeboat.etcd.scripts import ALIVE, STAGING, THERE
from lifeboat.ports import StoredPart

WINDOW = 64
"""Parts that a look tells at most: its output is short, and two rounds of all lanes are enough to go on with."""

# $3 parts that need not be told, $4 parts that are told at most
LOOK = (
    STAGING
    + THERE
    + ALIVE
    + r"""
: > "$dir/seen"
now=$(date +%s)
if [ -f "$dir/rc" ]; then
  echo "rc=$(cat "$dir/rc")"
  echo "log=$(tail -n 1 "$dir/log" 2>/dev/null)"
elif alive "$dir" || [ $((now - $(stat -c %Y "$dir/epoch"))) -lt 5 ]; then
  echo alive=yes
fi
command -v curl >/dev/null 2>&1 && echo curl=yes
if [ -f "$dir/data" ]; then echo "bytes=$(stat -c %s "$dir/data")"; fi
if [ -f "$dir/parts" ]; then
  echo "digested=$(($(wc -l < "$dir/parts")))"
  tail -n "+$(($3 + 1))" "$dir/parts" | head -n "$4" | sed 's/^/part=/'
fi
# A claim whose owner died before it wrote is given up.
for lane in "$dir"/lane.*; do
  if [ -d "$lane/busy" ] && [ ! -f "$lane/busy/at" ]; then
    [ $((now - $(stat -c %Y "$lane/busy" || echo "$now"))) -lt 20 ] || rm -rf "$lane/busy"
  fi
  if [ -d "$lane/busy" ]; then
    left=
    { read -r left < "$lane/left"; } 2>/dev/null
    echo "flying=$left"
  elif [ -d "$lane" ]; then echo idle=yes; fi
done
for each in "$dir"/failed.*; do
  [ -f "$each" ] && echo "failed=${each##*.} $(wc -l < "$each" | tr -d ' ') $(tail -n 1 "$each")"
done
[ -f "$dir/noroute" ] && echo "noroute=$(wc -l < "$dir/noroute" | tr -d ' ')"
[ -f "$dir/facts" ] && cat "$dir/facts"
[ -f "$dir/status" ] && echo "status=$(cat "$dir/status")"
exit 0
"""
)


@dataclass(frozen=True)
class Whole:
    """The complete file: `size` in bytes, hex digests of all of it and of all but its last 32 bytes, and those 32."""

    size: int
    sha256: str
    body: str
    tail: str


@dataclass(frozen=True)
class Failed:
    """Tries of one part that failed, and how the last one did: HTTP's code (000: none), curl's, S3's own word."""

    tries: int
    http: str
    curl: str
    word: str


@dataclass(frozen=True)
class Look:
    """What a pod told. Sizes in bytes."""

    curl: bool
    alive: bool
    code: str | None
    """`rc` of the worker, once it is there."""
    log: str
    size: int
    """Of the file as far as it is there."""
    digested: int
    parts: tuple[StoredPart, ...]
    flying: frozenset[int]
    idle: int
    """Lanes that wait for parts."""
    failed: dict[int, Failed]
    no_route: int
    """Tries since the last that reached S3."""
    whole: Whole | None
    revision: int | None
    """What `snapshot status` tells, where a tool can."""


def read(output: str) -> Look:
    """Read what `LOOK` printed; ExecIncompleteError when it is none of that."""
    told: dict[str, list[str]] = {}
    for line in output.splitlines():
        name, _, value = line.partition("=")
        told.setdefault(name, []).append(value)
    one = {name: values[0] for name, values in told.items()}
    try:
        return Look(
            curl="curl" in one,
            alive="alive" in one,
            code=one.get("rc"),
            log=one.get("log", "")[:300],
            size=int(one.get("bytes") or 0),
            digested=int(one.get("digested") or 0),
            parts=tuple(map(_part, told.get("part", ()))),
            flying=frozenset(int(number) for each in told.get("flying", ()) for number in each.split()),
            idle=len(told.get("idle", ())),
            failed=dict(map(_failed, told.get("failed", ()))),
            no_route=int(one.get("noroute") or 0),
            whole=Whole(int(one["size"]), one["sha256"], one["body"], one["tail"]) if "size" in one else None,
            revision=_revision(one.get("status")),
        )
    except (KeyError, ValueError, IndexError):
        msg = f"a look at a snapshot told {output[:200]!r}"
        raise ExecIncompleteError(msg) from None


def next_to(parts: Sequence[StoredPart], stored: Sequence[StoredPart], after: int) -> int:
    """The number up to which S3 has every part that the worker read, beginning behind `after`."""
    there = {each.number: each.sha256 for each in stored}
    for each in parts:
        if there.get(each.number) != each.sha256:
            break
        after = each.number
    return after


def _part(line: str) -> StoredPart:
    number, size, sha256 = line.split()
    return StoredPart(int(number), int(size), sha256)


def _failed(line: str) -> tuple[int, Failed]:
    number, tries, *how = line.split()
    http, curl, word = [*how, "", "", ""][:3]
    return int(number), Failed(int(tries), http, curl, word)


def _revision(status: str | None) -> int | None:
    try:
        answer: Any = json.loads(status or "null")
    except ValueError:
        return None
    return int(answer["revision"]) if isinstance(answer, dict) and "revision" in answer else None
