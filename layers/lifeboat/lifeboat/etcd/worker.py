r"""The worker in the pod: saves a snapshot and reads it, part by part, while it grows.

`etcdctl` writes the file from front to end, so a part's bytes never change once they are there. They are read three
times side by side, from the page cache: by the part's digest, by the digest of the whole, and by the digest of the
body (all but the last 32 bytes, where etcd puts that digest itself). A part's digest is taken of a copy, which is
written over by the next: that costs less processor time than a pipe. The other two grow with the file, and only pipes
wait for more.

It stays until it is told to end, because it is the parent of all that works here (lanes, watch, etcdctl): in an etcd
container nobody else reaps the dead, and what is not reaped counts against the pod's limit of processes.
"""

from lifeboat.etcd.lanes import LANE, LANES
from lifeboat.etcd.scripts import ALIVE, END, TLS

# $1 the staging folder, $2 the worker's process, $3 bytes that the database may grow by while it is saved (0: any),
# $4 its size before. Ends what nobody looks at any more, and gives up a save that does harm: etcd cannot use pages
# again behind a snapshot's read transaction, and a defragmentation waits for that transaction with everything locked.
WATCH = (
    r"""
dir=$1 worker=$2 may=$3 before=$4
umask 077
trap 'exit 0' TERM
"""
    + ALIVE
    + END
    + TLS
    + r"""
give_up() {  # $1 code, $2 why
  [ -f "$dir/gave" ] || { echo "$1 $2" > "$dir/gave.new"; mv "$dir/gave.new" "$dir/gave"; }
  for process in $(grep -lzsE "^$dir/saving\$" /proc/[0-9]*/cmdline 2>/dev/null); do
    process=${process#/proc/}; kill -KILL "${process%/cmdline}" 2>/dev/null
  done
}
disk() {  # a percent of -1: it does not tell its size
  free=$((${1:-0} * ${3:-0})) percent=-1
  [ "${2:-0}" -le 0 ] || percent=$(($1 * 100 / $2))
}
data=${ETCD_DATA_DIR:-/var/lib/data} percent=-1
[ ! -d "$data" ] || disk $(stat -f -c '%a %b %S' "$data")
if [ "$percent" -ge 0 ]; then  # else the quota alone is a bound
  room=$(((free - 134217728) / 4)); [ "$room" -gt 0 ] || room=1
  if [ "$may" -eq 0 ] || [ "$may" -gt "$room" ]; then may=$room; fi
fi
size=0 still=0 silent=0 turn=0
while sleep 2; do
  if ! grep -qs lifeboat-work "/proc/$worker/cmdline" ||
    [ $(($(date +%s) - $(stat -c %Y "$dir/seen" 2>/dev/null || echo 0))) -gt 600 ]; then
    trap '' TERM; end_work "$dir"; rm -rf "$dir"; exit 0
  fi
  disk $(stat -f -c '%a %b %S' /tmp)
  [ "$percent" -ge 15 ] ||
    give_up 1 "less than 15 % of the disk under /tmp are free: the node would evict this pod; free ephemeral storage"
  [ -f "$dir/saved" ] && continue
  now=$(stat -c %s "$dir/data" 2>/dev/null || echo 0)
  if [ "$now" -gt "$size" ]; then size=$now still=0; else still=$((still + 1)); fi
  [ "$still" -lt 45 ] || give_up 2 "etcd sent no byte for 90 s"
  turn=$(((turn + 1) % 2)); [ "$turn" = 1 ] || continue
  if [ "$may" -gt 0 ]; then
    now=$(etcd_ctl endpoint status -w json 2>/dev/null | grep -o '"dbSize":[0-9]*' | head -n 1)
    now=${now#*:}
    [ $((${now:-0} - before)) -le "$may" ] || give_up 1 "etcd's database grew from $((before / 1048576)) to \
$((now / 1048576)) MiB while it was saved, which keeps etcd from using pages again, and its quota or disk come near: \
compact and defragment etcd, or let the snapshot be read faster"
  fi
  if etcd_ctl --command-timeout=3s get x --consistency=s --limit=1 --keys-only >/dev/null 2>&1; then silent=0
  else silent=$((silent + 1)); fi
  [ "$silent" -lt 2 ] || : > "$dir/unpaced"
  [ "$silent" -lt 4 ] || give_up 2 "etcd answered nothing while it was saved: is it being defragmented?"
done
"""
)

# $1 the staging folder, $2 bytes of a part, $3 bytes per second to read and $4 to send by one lane (0: unpaced),
# $5 and $6 as $3 and $4 of the watch, $7 the lane, $8 the watch.
# A hard link gives the growing file one name for good: etcdctl calls it `.part` until it is complete.
SAVE = (
    r"""
dir=$1 part=$2 rate=$3 sending=$4 may=$5 before=$6 lane=$7 watch=$8
umask 077
ended=
trap 'ended=yes' TERM
nicely= nap=0.1 most=8
[ "$rate" -eq 0 ] || { nicely='nice -n 19' nap=0.2 most=1; }
end() {
  trap '' TERM
  exec 5>&- 6>&-
  kill -CONT 0; kill -TERM 0
  wait
  exit 0
}
finish() { echo "$1" > "$dir/rc.new" && mv "$dir/rc.new" "$dir/rc"; }
fail() { [ -z "$2" ] || echo "$2" > "$dir/log"; finish "$1"; end; }
case $(openssl dgst -sha256 -r < /dev/null 2>/dev/null) in
  e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855*) digest() { $nicely openssl dgst -sha256 -r; } ;;
  *) digest() { $nicely sha256sum; } ;;
esac
start_lane() {
  rm -rf "$dir/lane.$1"
  mkdir "$dir/lane.$1" && mkfifo "$dir/lane.$1/in" || fail 1 "no pipe can be made in $dir"
  $nicely sh -c "$lane" lifeboat-lane "$dir/lane.$1" "$part" "$sending" &
  eval "lane$1=\$!"
}
# Without a program: it is asked often. The dead are there until this shell, their parent, has noticed.
works() { read -r _ _ state parent _ < "/proc/$1/stat" && [ "$parent" = $$ ] && [ "$state" != Z ]; } 2>/dev/null
start_watch() { sh -c "$watch" lifeboat-watch "$dir" $$ "$may" "$before" & watching=$!; }
ticks=0
tend() {  # what died is begun anew; a stopped etcdctl does not outlive who stopped it
  [ -z "$ended" ] || end
  ticks=$((ticks + 1))
  [ $((ticks % 10)) = 0 ] || return 0
  works "$watching" || start_watch
  for each in $lanes; do
    eval "process=\$lane$each"
    works "$process" || start_lane "$each"
  done
  [ -z "$pacer" ] || works "$pacer" || { resume; pacer=; }
}
saver() {
  for process in $(grep -lzsE "^$dir/saving\$" /proc/[0-9]*/cmdline 2>/dev/null); do
    process=${process#/proc/}; echo "${process%/cmdline}"
  done
}
resume() { for process in $(saver); do kill -CONT "$process" 2>/dev/null; done; }
"""
    + TLS
    + r"""
lanes= pacer=
start_watch
if command -v curl >/dev/null 2>&1; then
  for each in """
    + " ".join(map(str, range(LANES)))
    + r"""; do start_lane "$each"; lanes="$lanes $each"; done
fi
mkfifo "$dir/whole" "$dir/body" || fail 1 "no pipe can be made in $dir"
digest < "$dir/whole" > "$dir/whole.sum" & whole=$!
digest < "$dir/body" > "$dir/body.sum" & body=$!
exec 5> "$dir/whole" 6> "$dir/body"
(
  exec 5>&- 6>&-
  trap : TERM
  etcdctl() { $nicely env ETCDCTL_API=3 GOMAXPROCS=1 etcdctl "$@"; }  # with more it looks for work that is not there
  etcd_ctl snapshot save "$dir/saving" > "$dir/log" 2>&1
  echo $? > "$dir/saved.new" && mv "$dir/saved.new" "$dir/saved"
) &
until ln "$dir/saving.part" "$dir/data" 2>/dev/null || ln "$dir/saving" "$dir/data" 2>/dev/null; do
  if [ -f "$dir/saved" ] && [ ! -f "$dir/saving" ]; then fail 1; fi
  tend; sleep 0.02
done
"""
    + r"""
size() { stat -c %s "$dir/data"; }
uptime() { read -r now _ < /proc/uptime; now=${now%.*}${now#*.}; }
# The read is paced by letting etcdctl run in bursts: etcd's stream then waits for its reader. Bursts are short, because
# it is their length that other clients of etcd feel, and steered by what the last ones gave, so that a stall is not
# made up for by a long one. This loop is not nice: it has to stop etcdctl in time.
if [ "$rate" -gt 0 ]; then
  (
    exec 5>&- 6>&-
    trap 'resume; exit 0' TERM
    process=$(saver)
    spin=0 turn=0 pause=1
    uptime; then=$now had=$(size)
    while [ ! -f "$dir/unpaced" ] && kill -CONT "$process" 2>/dev/null; do
      turns=0
      while [ "$turns" -lt "$spin" ]; do turns=$((turns + 1)); done
      kill -STOP "$process" 2>/dev/null || break
      sleep "0.0$pause"
      turn=$((turn + 1))
      [ $((turn % 8)) = 0 ] || continue
      uptime; has=$(size)
      [ "$now" -gt "$then" ] || continue
      got=$(((has - had) * 100 / (now - then))) then=$now had=$has
      if [ "$got" -gt "$rate" ]; then
        if [ "$spin" -gt 0 ]; then spin=$((spin * 3 / 4)); elif [ "$pause" -lt 9 ]; then pause=$((pause + 1)); fi
      elif [ "$pause" -gt 1 ]; then pause=$((pause - 1))
      else spin=$((spin + spin / 4 + 20)); [ "$spin" -lt 20000 ] || spin=20000
      fi
    done
    resume
  ) &
  pacer=$!
fi
number=0 offset=0
cut() {  # $2 bytes from $1 on; what else dd is told
  from=$1 long=$2
  shift 2
  $nicely dd if="$dir/data" bs=1M skip=$((from / 1048576)) count=$(((long + 1048575) / 1048576)) "$@" 2>/dev/null
}
read_parts() {  # $bytes from $offset on, of which $inner are of the body: some parts, and the last may be a short one
  cut "$offset" "$bytes" > "$dir/whole" & first=$!
  [ "$rate" -eq 0 ] || wait "$first"
  if [ "$inner" = "$bytes" ]; then cut "$offset" "$bytes" > "$dir/body" & second=$!
  else cut "$offset" "$bytes" | head -c "$inner" > "$dir/body" & second=$!; fi
  [ "$rate" -eq 0 ] || wait "$second"
  while [ "$bytes" -gt 0 ]; do
    one=$part
    [ "$bytes" -ge "$part" ] || { one=$bytes; rm -f "$dir/copy"; }
    cut "$offset" "$one" of="$dir/copy" conv=notrunc || fail 2 "a part could not be copied"
    sum=$(digest < "$dir/copy")
    [ "$rate" -eq 0 ] || rm -f "$dir/copy"  # before it is written to the disk, which etcd waits for
    [ "${#sum}" -ge 64 ] || fail 2 "a part could not be read"
    number=$((number + 1)) offset=$((offset + one)) bytes=$((bytes - one))
    echo "$number $one ${sum%% *}" >> "$dir/parts"
  done
  wait "$first"; wait "$second"
  tend
}
while :; do
  final=
  if [ -f "$dir/saved" ]; then
    if [ "$(cat "$dir/saved")" != 0 ]; then
      [ -f "$dir/gave" ] && read -r code why < "$dir/gave" && fail "$code" "$why"
      fail 1
    fi
    final=yes
  fi
  size=$(size) || fail 2 "the snapshot is gone"
  while there=$(((size - 32 - offset) / part)); [ "$there" -gt 0 ]; do
    [ "$there" -le "$most" ] || there=$most
    bytes=$((there * part)) inner=$bytes
    read_parts
  done
  [ -z "$final" ] || break
  tend; sleep "$nap"
done
rm -f "$dir/saving"
[ "$size" -gt 32 ] || fail 1 "the file has $size bytes"
while [ "$offset" -lt "$size" ]; do
  bytes=$((size - offset)); [ "$bytes" -le "$part" ] || bytes=$part
  inner=$((size - 32 - offset)); [ "$inner" -ge 0 ] || inner=0; [ "$inner" -le "$bytes" ] || inner=$bytes
  read_parts
done
rm -f "$dir/copy"
exec 5>&- 6>&-
wait "$whole"; wait "$body"
read -r whole _ < "$dir/whole.sum" && read -r body _ < "$dir/body.sum" || fail 2 "the whole could not be read"
tail=$(tail -c 32 "$dir/data" | od -An -v -tx1 | tr -d ' \n') || fail 2 "the end could not be read"
printf 'size=%s\nsha256=%s\nbody=%s\ntail=%s\n' "$size" "$whole" "$body" "$tail" > "$dir/facts.new" &&
  mv "$dir/facts.new" "$dir/facts" || fail 1 "there is no room for notes"
# etcdctl 3.6 prints its help instead of a status and still exits 0: what is no JSON is left out. It reads all keys, and
# the last parts are on their way meanwhile: they go first.
(
  trap : TERM
  for tool in etcdutl etcdctl; do
    command -v "$tool" >/dev/null 2>&1 || continue
    status=$(nice -n 19 env ETCDCTL_API=3 "$tool" snapshot status -w json "$dir/data" 2>/dev/null | tr -d '\n')
    case $status in '{'*'}') printf '%s\n' "$status" > "$dir/status"; break ;; esac
  done
  finish 0
) &
while [ -d "$dir" ]; do ticks=9; tend; sleep 0.5; done
end
"""
)
ARGUMENTS = (LANE, WATCH)
"""The worker's last two arguments."""
