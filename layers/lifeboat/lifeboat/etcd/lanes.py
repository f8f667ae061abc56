r"""Uploads from the pod: a few lanes, children of the worker, each with parts to send one after the other by `curl`.

A part's URL is a bearer token. It comes by stdin of an exec, goes on through a named pipe to the lane and through
another pipe to `curl`, and stands in no argument, environment or file. Kept of a try are HTTP's and curl's codes:

    lane.*/in        the pipe: number, URL, header, a line each; at the end of what is handed over, a dot
    lane.*/busy      made by who hands over, which claims the lane; removed by the lane after the dot
    lane.*/left      numbers that it was given and has not sent yet
    failed.<number>  a line `http curl word` per try of this part that failed
    noroute          a line per try that did not reach S3 since the last one that did
"""

from __future__ import annotations

from collections.abc import Sequence

from lifeboat.etcd.scripts import STAGING, THERE
from lifeboat.ports import StoredPart

LANES = 4
"""Uploads at a time."""
PER_LANE = 16
"""Parts that one lane is given at a time: their URLs (up to 2 KiB each) must fit into a pipe (64 KiB)."""

# The numbers of one lane each, as one argument. stdin: URL and header of each of them, a line each. `nocreat`: where
# the pipe is gone, nothing is written.
HAND_OVER = (
    STAGING
    + THERE
    + r"""
shift 2
for numbers; do
  given=
  for number in $numbers; do
    IFS= read -r url && IFS= read -r header || exit 8
    given=$given$number'
'$url'
'$header'
'
  done
  for lane in "$dir"/lane.*; do
    [ -p "$lane/in" ] && mkdir "$lane/busy" 2>/dev/null || continue
    echo "$numbers" > "$lane/left"
    printf '%s.\n' "$given" | timeout 5 dd of="$lane/in" bs=64K iflag=fullblock conv=nocreat,notrunc 2>/dev/null ||
      rm -rf "$lane/busy"
    break
  done
done
exit 0
"""
)

# $1 the lane's folder, $2 bytes of a part, $3 bytes per second (0: unpaced). After a part that fails the rest of what
# was handed over is let be: the next look hands it over anew, freshly signed.
LANE = r"""
lane=$1 part=$2 rate=$3
dir=${lane%/*}
umask 077
limit=
[ "$rate" -eq 0 ] || limit="--limit-rate $rate"
ended=
exec 8<> "$lane/in"
failed=
while IFS= read -r number <&8; do
  [ -d "$lane/busy" ] && : > "$lane/busy/at"
  if [ "$number" = . ]; then failed=; rm -rf "$lane/left" "$lane/busy"; continue; fi
  IFS= read -r url <&8 && IFS= read -r header <&8 || exit 1
  [ -z "$failed" ] || continue
  trap 'ended=yes' TERM
  # One copy after the other in the same pages, which is cheaper than new ones; the last part may be a short one.
  [ "$(stat -c %s "$dir/data")" -ge $((number * part)) ] || rm -f "$lane/cut"
  count=$((part / 1048576))
  dd if="$dir/data" of="$lane/cut" bs=1M skip=$(((number - 1) * count)) count=$count conv=notrunc 2>/dev/null ||
    : > "$lane/cut"  # which S3 refuses
  answer=$(printf 'url = "%s"\nheader = "%s"\n' "$url" "$header" |
    curl -q -s -K - -T "$lane/cut" $limit --retry 2 --connect-timeout 5 --speed-limit 1024 --speed-time 60 \
      --max-time 900 -o - -w ' %{http_code}' 2>/dev/null)
  code=$?
  [ -z "$ended" ] || exit 0
  trap - TERM
  [ "$rate" -eq 0 ] || rm -f "$lane/cut"  # before it is written to the disk, which etcd waits for
  http=${answer##* }
  if [ "$code" = 0 ] && [ "$http" = 200 ]; then
    for each in "$dir/noroute" "$dir/failed.$number"; do [ ! -f "$each" ] || rm -f "$each"; done
    read -r numbers < "$lane/left"
    echo "${numbers#"$number"}" > "$lane/left.new" && mv "$lane/left.new" "$lane/left"
    continue
  fi
  failed=yes
  word=${answer#*<Code>}; word=${word%%</Code>*}
  case $word in *[!A-Za-z]*) word= ;; esac
  echo "${http:-000} $code $word" >> "$dir/failed.$number"
  case $http-$code in 000-5 | 000-6 | 000-7 | 000-28 | 000-35) echo "$code" >> "$dir/noroute" ;; esac
done
"""


def deal(parts: Sequence[StoredPart], idle: int) -> list[list[StoredPart]]:
    """Give parts to idle lanes by turns, so that the first ones go out at once; what is too much waits."""
    hands: list[list[StoredPart]] = [[] for _ in range(idle)]
    for index, each in enumerate(parts[: idle * PER_LANE]):
        hands[index % idle].append(each)
    return [hand for hand in hands if hand]
