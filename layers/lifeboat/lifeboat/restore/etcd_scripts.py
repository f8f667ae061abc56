"""What runs in the helper pod of one etcd volume. POSIX sh; all state is kept on the volume itself.

    <root>/lifeboat/epoch       the execution that may act: an older one stops before its next step
    <root>/lifeboat/start.<n>   a link to `<epoch>:<pid>` of the START that may act; the next one takes the next number
    <root>/lifeboat/pid         the process that works
    <root>/lifeboat/state       one line: `downloading` | `restoring` | `done <sha256>` | `failed <why>`
    <root>/lifeboat/restored    SHA-256 of the snapshot that `<root>/data` came from; written before the rename
    <root>/lifeboat/revisions   `<before> <after>` of a restore that had to tell or raise its revision
    <root>/restore.<pid>        the member while it is made
    <root>/data                 the member, renamed into place whole: etcd never meets a part of one

A data folder without our mark is another's and is refused. START runs WORK detached, because an exec ends with its
connection; the URL goes to WORK through a pipe, so it stands neither in a command line nor in an environment.
"""

STATUS = r"""
home=$1/lifeboat; digest=$2 must=$3
pid=$(cat "$home/pid" 2>/dev/null)
alive=; [ -n "$pid" ] && grep -qs lifeboat-etcd-restore "/proc/$pid/cmdline" && alive=yes
# The process is looked at first: one that ends from here on has written its last state before.
if [ -e "$1/data" ]; then
  if [ "$(cat "$home/restored" 2>/dev/null)" = "$digest" ] && [ -d "$1/data/member" ]; then
    revisions=$(cat "$home/revisions" 2>/dev/null)
    [ "$must" = bump ] && [ "${revisions#* }" -lt 1000000000 ] 2>/dev/null && revisions=
    [ "$must" = bump ] && [ -z "$revisions" ] && { echo unraised; exit 0; }
    echo "done $digest${revisions:+ $revisions}"; exit 0
  fi
  echo foreign; exit 0
fi
state=$(cat "$home/state" 2>/dev/null)
case $state in
  "") echo absent ;;
  failed*) echo "$state" ;;
  *) part=$home/snapshot.$pid.part; bytes=0
     case $state in done*) state=restoring ;; esac  # data tell what is done, and they were not there yet
     [ -f "$part" ] && bytes=$({ wc -c < "$part"; } 2>/dev/null | tr -d ' ')  # it may go in this moment
     if [ -n "$alive" ]; then echo "$state $bytes"; else echo lost; fi ;;
esac
"""
"""`$1` root, `$2` SHA-256 of the snapshot, `$3` as WORK's last.

Prints `done SHA256 [BEFORE AFTER]`, `unraised` (done, but not with the revision that must be raised), `foreign`,
`absent`, `failed ...`, `lost` or progress.
"""

WORK = r"""
set -u
root=$1 epoch=$2 digest=$3 size=$4 member=$5 peers=$6 token=$7 url_of_member=$8 must=$9
home=$root/lifeboat
part=$home/snapshot.$$.part made=$root/restore.$$
IFS= read -r url
say() { printf '%s\n' "$*" > "$home/state.$$" && mv -f "$home/state.$$" "$home/state"; }
fail() { rm -rf "$part" "$made"; [ "$(cat "$home/epoch")" = "$epoch" ] && say "failed $*"; exit 1; }
current() { [ "$(cat "$home/epoch")" = "$epoch" ] || { rm -rf "$part" "$made"; exit 9; }; }
free=$(df -Pk "$root" | { read -r _; read -r _ _ _ kib _; echo "$kib"; })
[ -z "$free" ] || [ "$free" -gt $((size / 1024 * 2 + 131072)) ] || fail "no room: $free KiB free on the volume"
try=1
while :; do
  current
  printf 'url = "%s"\n' "$url" | curl -K - -f -s -S -o "$part" 2> "$home/log"
  code=$?
  [ $code -eq 0 ] && break
  [ $try -ge 5 ] && fail "download (curl ended with $code)"
  sleep $try; try=$((try + 1))
done
got=$(wc -c < "$part" | tr -d ' ')
[ "$got" = "$size" ] || fail "download: $got of $size bytes"
sum=$(sha256sum "$part"); sum=${sum%% *}
[ "$sum" = "$digest" ] || fail "download: another SHA-256 than the backup's"
current
say restoring
if command -v etcdutl > /dev/null 2>&1; then tool=etcdutl; else tool=etcdctl; export ETCDCTL_API=3; fi
bump=
if $tool snapshot restore --help 2>&1 | grep -q -- --bump-revision
then bump="--bump-revision 1000000000 --mark-compacted"; fi
[ "$must" != bump ] || [ -n "$bump" ] || fail "$tool of this image cannot raise the revision, and it has to be raised"
revision() {
  told=$($tool snapshot status -w json "$1" 2>> "$home/log"); told=${told#*\"revision\":}; told=${told%%[!0-9]*}
  [ -n "$told" ] && echo "$told"
}
$tool snapshot restore "$part" --data-dir "$made" --name "$member" --initial-cluster "$peers" \
  --initial-cluster-token "$token" --initial-advertise-peer-urls "$url_of_member" $bump >> "$home/log" 2>&1 \
  || fail "$tool snapshot restore ended with $?"
[ -s "$made/member/snap/db" ] || fail "$tool made no database"
if [ -n "$must" ]; then
  before=$(revision "$part") && after=$(revision "$made/member/snap/db") || fail "$tool tells no revision"
  [ "$must" != bump ] || [ "$after" -ge $((before + 1000000000)) ] || fail "the revision is $after, it was not raised"
  printf '%s %s\n' "$before" "$after" > "$home/revisions"
fi
current
rm -f "$part"
printf '%s\n' "$digest" > "$home/restored.$$" && mv -f "$home/restored.$$" "$home/restored" && sync
[ ! -e "$root/data" ] && mv -T "$made" "$root/data" && sync || fail "another data folder is in the way"
say "done $digest"
"""
"""Download, prove, restore, rename. Stdin: the presigned URL. A newer epoch makes it stop and clean up after itself.

Where etcd knows it, the revision is raised by 1e9 and marked compacted: clients that saw later revisions than the
snapshot's must not take what they remember for the future. The last argument: `bump`, it has to be raised, and proven;
`tell`, it may stay, and is told; empty otherwise, since telling reads the database twice more.
"""

START = r"""
work=$1 root=$2 epoch=$3 digest=$4
home=$root/lifeboat
umask 077
mkdir -p "$home" || exit 1
if [ -e "$root/data" ]; then
  [ "$(cat "$home/restored" 2>/dev/null)" = "$digest" ] && { echo "done $digest"; exit 0; }
  echo foreign; exit 0
fi
works() { [ -n "$1" ] && [ "$1" != $$ ] && grep -qs lifeboat-etcd-restore "/proc/$1/cmdline"; }
stop() { kill -9 "-$1" 2>/dev/null || kill -9 "$1" 2>/dev/null; }  # dash's kill knows no `--`
# Making a link is one step: of two STARTs at a time one gets the number, the other looks again.
number=0
while :; do
  while [ -L "$home/start.$number" ]; do number=$((number + 1)); done
  last=$(readlink "$home/start.$((number - 1))" 2>/dev/null)
  starter=${last#*:} held=$(cat "$home/epoch" 2>/dev/null)
  for each in "${last%%:*}" "$held"; do
    [ -n "$each" ] && [ "$each" -gt "$epoch" ] && { echo "newer $each"; exit 0; }
  done
  if works "$starter"; then
    [ "${last%%:*}" = "$epoch" ] && { echo running; exit 0; }
    kill -9 "$starter" 2>/dev/null
  fi
  pid=$(cat "$home/pid" 2>/dev/null)
  works "$pid" && [ "$held" = "$epoch" ] && { echo running; exit 0; }
  ln -s "$epoch:$$" "$home/start.$number" 2>/dev/null && break
  [ -L "$home/start.$number" ] || exit 1
done
works "$pid" && stop "$pid"
IFS= read -r url
rm -rf "$root"/restore.* "$home"/snapshot.*.part "$home/restored" "$home/revisions" "$home/pid"
printf '%s\n' "$epoch" > "$home/epoch"
echo downloading > "$home/state"
shift
{ printf '%s\n' "$url" | setsid sh -c 'echo $$ > "$1/lifeboat/pid"; eval "$0"' "$work" "$@" lifeboat-etcd-restore; } \
  > /dev/null 2>&1 &
tries=0
while [ ! -s "$home/pid" ] && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
echo started
"""
"""`$1` WORK, then WORK's arguments; stdin: the presigned URL.

Prints `started`, `running`, `done ...`, `foreign` or `newer EPOCH`.
"""
