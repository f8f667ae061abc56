r"""The shell that runs in etcd pods: POSIX sh and coreutils, plus etcdctl and (where there is one) curl.

Long work runs detached, because an exec must be short: a start script launches it and returns, a look reads what it
wrote. Everything lies in `/tmp/lifeboat/<staging id>/` (ephemeral storage; never the data volume, which etcd may fill
by itself). The id holds the epoch of the execution that works there; it is used once, so its files are of one snapshot:

    epoch            that number; a script of an older execution stops (exit code 3)
    known            `revision acknowledged` of etcd before it was begun (0: not told)
    pid              of the worker
    seen             touched by every look: when none comes any more, the work ends by itself
    data             the snapshot, from its first byte on; complete once `saved` says 0
    saved            exit code of etcdctl
    parts            a line `number size sha256` per part whose bytes are all there
    facts            `key=value` lines about the whole, once all of it was read
    status           what `snapshot status` tells of it
    rc               0: all is told; 1: failed for good; 2: another try may succeed
    log              last words
    lane.*/          uploads at work: see `lanes`
"""

# The paths are those of HyperShift's etcd StatefulSet; up to 4.11 the CA lay elsewhere.
TLS = r"""
ca=/etc/etcd/tls/etcd-ca/ca.crt
[ -f "$ca" ] || ca=/etc/etcd/tls/client/etcd-client-ca.crt
etcd_ctl() {
  ETCDCTL_API=3 etcdctl --cacert "$ca" --cert /etc/etcd/tls/client/etcd-client.crt \
    --key /etc/etcd/tls/client/etcd-client.key --endpoints=https://localhost:2379 "$@"
}
"""

# Output is etcdctl's stdout alone; its warnings on stderr count only when it failed.
ETCDCTL = (
    TLS
    + r"""
exec 3>&1
err=$(etcd_ctl "$@" 2>&1 >&3 3>&-)
code=$?
[ "$code" -eq 0 ] || printf '%s' "$err"
exit "$code"
"""
)

# $1 id, $2 epoch: of every script below
STAGING = r"""
umask 077
dir=/tmp/lifeboat/$1
for each in /tmp/lifeboat/*/epoch; do
  held=$(cat "$each" 2>/dev/null)
  if [ "${held:-0}" -gt "$2" ]; then echo "execution $held works here"; exit 3; fi
done
"""

THERE = r"""
[ -f "$dir/epoch" ] || { echo "the staging folder is gone"; exit 7; }
"""

# A process counts by its command line: its number may belong to another program by now, and nobody reaps the dead in
# these containers (a zombie keeps its folder in /proc, but no command line).
ALIVE = r"""
alive() {
  pid=$(cat "$1/pid" 2>/dev/null) || return 1
  tr '\0' ' ' 2>/dev/null < "/proc/$pid/cmdline" | grep -q 'lifeboat-work'
} 2>/dev/null
"""

# Everything at work in a staging folder names it among its arguments: the worker, etcdctl, dd, curl. The worker is
# asked to end first, for it waits for its children (nobody else would reap them); KILL then, which what is stopped
# hears as well. Again until none is left, for one may have been forked meanwhile.
END = r"""
end_work() {
  if alive "$1"; then
    kill -TERM "$pid" 2>/dev/null
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do alive "$1" || break; sleep 0.1; done
  fi
  for _ in 1 2 3 4 5 6 7 8; do
    found=
    for process in $(grep -lzsE "${1}(/|\$)" /proc/[0-9]*/cmdline 2>/dev/null); do
      process=${process#/proc/} process=${process%/cmdline}
      [ "$process" = $$ ] || found="$found $process"
    done
    [ "$found" ] || break
    kill -KILL $found 2>/dev/null
  done
}
"""

# What executions of lower epochs and earlier rounds left in this pod: nobody comes back for it. The id ends in both.
SWEEP_OLDER = r"""
for each in /tmp/lifeboat/*/; do
  each=${each%/}
  [ -d "$each" ] && [ "$each" != "$dir" ] || continue
  held=$(cat "$each/epoch" 2>/dev/null)
  [ "${held:-0}" -lt "$2" ] || [ "${each##*-}" -lt "${dir##*-}" ] || continue
  end_work "$each"
  rm -rf "$each"
done
"""

SWEEP = (
    STAGING
    + ALIVE
    + END
    + SWEEP_OLDER
    + r"""
rmdir /tmp/lifeboat 2>/dev/null
exit 0
"""
)

# $3 bytes of room needed, $4 what `known` is to say, $5 the worker, then its arguments. The folder is made once: who
# comes later finds it at work, and is told what was known then.
# A node whose disk gets full evicts pods, first of all the one that filled it: kubelet's threshold for images is 15 %.
# A tmpfs of its own under /tmp is the pod's memory; one that holds the whole container is the node's affair.
START = (
    STAGING
    + ALIVE
    + END
    + SWEEP_OLDER
    + r"""
for tool in date dd grep head mkfifo nice od setsid sha256sum sort stat tail timeout tr wc; do
  command -v "$tool" >/dev/null 2>&1 || { echo "$tool is not in this image"; exit 6; }
done
if [ -d "$dir" ]; then echo "there $(cat "$dir/known" 2>/dev/null)"; exit 0; fi
needed=$3 known=$4 work=$5 epoch=$2
shift 5
case $(stat -f -c %T /tmp) in tmpfs | ramfs)
  [ "$(stat -c %d /tmp)" = "$(stat -c %d /)" ] || {
    echo "/tmp is memory (tmpfs), which counts against the pod: mount it from the node's disk"; exit 10; } ;;
esac
disk() { free=$((${1:-0} * ${3:-0})) kept=$((${2:-0} * ${3:-0} / 100 * 16)); }
disk $(stat -f -c '%a %b %S' /tmp)
[ "$kept" -gt 0 ] || { echo "the disk under /tmp does not tell its size: mount an emptyDir there"; exit 10; }
if [ "$free" -lt $((needed + kept)) ]; then
  echo "/tmp has $((free / 1048576)) MiB free, $((needed / 1048576)) MiB and 16 % of the disk are needed"; exit 4
fi
mkdir -p /tmp/lifeboat 2>/dev/null && [ -w /tmp/lifeboat ] ||
  { echo "/tmp cannot be written to: mount an emptyDir there"; exit 10; }
mkdir "$dir" || exit 5
echo "$known" > "$dir/known"
echo "$epoch" > "$dir/epoch"
: > "$dir/seen"
setsid sh -c "$work" lifeboat-work "$dir" "$@" < /dev/null > /dev/null 2>&1 &
echo $! > "$dir/pid"
echo started
"""
)

# $1 backup id: all its stagings but those of newer executions
DISCARD = (
    ALIVE
    + END
    + r"""
case $1 in '' | */* | .*) exit 9 ;; esac
for dir in "/tmp/lifeboat/$1"*; do
  [ -d "$dir" ] || continue
  held=$(cat "$dir/epoch" 2>/dev/null)
  [ "${held:-0}" -le "$2" ] || continue
  end_work "$dir"
  rm -rf "$dir"
done
rmdir /tmp/lifeboat 2>/dev/null
exit 0
"""
)
