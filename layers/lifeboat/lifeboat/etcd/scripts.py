r"""The shell that runs in etcd pods: POSIX sh and coreutils, plus etcdctl and curl, which the image has.

Long work runs detached, because an exec must be short: a start script launches it and returns, a check script looks.
Everything lies in `/tmp/lifeboat/<id>/` (ephemeral storage; never the data volume, which etcd may fill by itself):

    epoch            number of the execution that works here; a script of an older one stops (exit code 3)
    pid              of the detached process
    rc               its exit code, written last
    log              its last words
    snapshot.db      complete, renamed at the end
    facts            `key=value` lines about it
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

_STAGING = r"""
umask 077
dir=/tmp/lifeboat/$1
"""

# A process counts by its command line: its number may belong to another program by now, and nobody reaps the dead in
# these containers (a zombie keeps its folder in /proc, but no command line).
_ALIVE = r"""
alive() {
  pid=$(cat "$1/pid" 2>/dev/null) || return 1
  tr '\0' ' ' 2>/dev/null < "/proc/$pid/cmdline" | grep -q 'lifeboat-work'
} 2>/dev/null
"""

_STOP = (
    _ALIVE
    + r"""
stop_work() {
  if alive "$1"; then kill -TERM "-$pid" 2>/dev/null || kill -TERM "$pid" 2>/dev/null; fi
  rm -f "$1/pid"
}
"""
)

# The work's standard input is descriptor 4: a background process of a script would otherwise read /dev/null.
_LAUNCH = r"""
launch() {
  if command -v setsid >/dev/null 2>&1; then
    setsid sh -c "$1" lifeboat-work "$dir" <&4 4<&- >/dev/null 2>&1 &
  else
    ( trap '' HUP; exec sh -c "$1" lifeboat-work "$dir" ) <&4 4<&- >/dev/null 2>&1 &
  fi
  echo $! > "$dir/pid"
}
"""

_EPOCH = r"""
mkdir -p "$dir" || exit 5
held=$(cat "$dir/epoch" 2>/dev/null || echo 0)
if [ "$held" -gt "$2" ]; then echo "execution $held works here"; exit 3; fi
if [ "$held" -lt "$2" ]; then
  stop_work "$dir"
  rm -f "$dir/rc"
  echo "$2" > "$dir/epoch.new" && mv "$dir/epoch.new" "$dir/epoch" || exit 5
fi
"""

# $1 id, $2 epoch, $3 bytes of room needed, $4 SAVE
START_SNAPSHOT = (
    _STAGING
    + _STOP
    + _LAUNCH
    + _EPOCH
    + r"""
for tool in sha256sum od head tail stat; do
  command -v "$tool" >/dev/null 2>&1 || { echo "$tool is not in this image"; exit 6; }
done
if [ -f "$dir/snapshot.db" ] && [ "$(cat "$dir/rc" 2>/dev/null)" = 0 ]; then echo done; exit 0; fi
if [ ! -f "$dir/rc" ] && alive "$dir"; then echo running; exit 0; fi
stop_work "$dir"
rm -f "$dir/rc" "$dir/facts"
needed=$3 work=$4
set -- $(stat -f -c '%a %S' "$dir")
free=$(($1 * $2))
if [ "$free" -lt "$needed" ]; then
  echo "/tmp has $((free / 1048576)) MiB free, $((needed / 1048576)) MiB are needed"; exit 4
fi
exec 4< /dev/null
launch "$work"
echo started
"""
)

# $1 the staging folder; detached
SAVE = (
    r"""
dir=$1
umask 077
finish() { echo "$1" > "$dir/rc.new" && mv "$dir/rc.new" "$dir/rc"; exit "$1"; }
"""
    + TLS
    + r"""
if [ ! -f "$dir/snapshot.db" ]; then
  rm -f "$dir/saving" "$dir/saving.part"
  etcd_ctl snapshot save "$dir/saving" > "$dir/log" 2>&1 || finish 1
  mv "$dir/saving" "$dir/snapshot.db" || finish 1
fi
size=$(wc -c < "$dir/snapshot.db" | tr -d ' ')
[ "$size" -gt 32 ] || { echo "the file has $size bytes" > "$dir/log"; finish 1; }
whole=$(sha256sum < "$dir/snapshot.db") || finish 1
body=$(head -c $((size - 32)) "$dir/snapshot.db" | sha256sum) || finish 1
tail=$(tail -c 32 "$dir/snapshot.db" | od -An -v -tx1 | tr -d ' \n') || finish 1
# etcdctl 3.6 prints its help instead of a status and still exits 0: what is no JSON is left out.
status=
for tool in etcdutl etcdctl; do
  command -v "$tool" >/dev/null 2>&1 || continue
  status=$(ETCDCTL_API=3 "$tool" snapshot status -w json "$dir/snapshot.db" 2>/dev/null | tr -d '\n')
  case $status in '{'*'}') break ;; *) status= ;; esac
done
{
  printf 'size=%s\nsha256=%s\nbody=%s\ntail=%s\n' "$size" "${whole%% *}" "${body%% *}" "$tail"
  printf 'status=%s\n' "$status"
} > "$dir/facts" || finish 1
finish 0
"""
)

# $1 id
CHECK_SNAPSHOT = (
    _STAGING
    + _ALIVE
    + r"""
bytes=0
for file in snapshot.db saving saving.part; do
  if [ -f "$dir/$file" ]; then bytes=$(wc -c < "$dir/$file" | tr -d ' '); break; fi
done
echo "bytes=$bytes"
alive=no
alive "$dir" && alive=yes
if [ -f "$dir/rc" ]; then
  code=$(cat "$dir/rc")
  echo "rc=$code"
  if [ "$code" = 0 ]; then cat "$dir/facts"; else printf 'log=%s\n' "$(tail -n 1 "$dir/log" 2>/dev/null)"; fi
elif [ "$alive" = no ]; then
  echo "rc=lost"
fi
exit 0
"""
)

# $1 id, $2 epoch, $3 UPLOAD; stdin: URL and two headers, a line each
START_UPLOAD = (
    _STAGING
    + _STOP
    + _LAUNCH
    + _EPOCH
    + r"""
command -v curl >/dev/null 2>&1 || { echo "curl is not in this image"; exit 6; }
[ -f "$dir/snapshot.db" ] || { echo "the snapshot is gone"; exit 7; }
IFS= read -r url && IFS= read -r first && IFS= read -r second || exit 8
stop_work "$dir"
rm -f "$dir/upload" "$dir/upload.log"
work=$3
printf '%s\n%s\n%s\n' "$url" "$first" "$second" | { exec 4<&0; launch "$work"; }
echo started
"""
)

# $1 the staging folder; stdin as above; detached. The URL is a bearer token: curl gets it by its stdin, never as an
# argument. 412: an earlier attempt was stored; whether with the same bytes, S3 is asked afterwards.
UPLOAD = r"""
dir=$1
umask 077
finish() { echo "$1" > "$dir/upload.new" && mv "$dir/upload.new" "$dir/upload"; exit 0; }
IFS= read -r url; IFS= read -r first; IFS= read -r second
for attempt in 1 2 3; do
  code=$(printf 'url = "%s"\nheader = "%s"\nheader = "%s"\n' "$url" "$first" "$second" |
    curl -s -S -K - -T "$dir/snapshot.db" -o /dev/null -w '%{http_code}' 2> "$dir/upload.log")
  case $code in 200 | 412) finish "$code" ;; esac
  [ "$attempt" = 3 ] || sleep "$attempt"
done
finish "${code:-000}"
"""

# $1 id
CHECK_UPLOAD = (
    _STAGING
    + _ALIVE
    + r"""
alive=no
alive "$dir" && alive=yes
if [ -f "$dir/upload" ]; then
  echo "http=$(cat "$dir/upload")"
  printf 'log=%s\n' "$(tail -n 1 "$dir/upload.log" 2>/dev/null | sed 's|https\{0,1\}://[^ ]*|URL|g')"
elif [ "$alive" = no ]; then
  echo "http=lost"
fi
exit 0
"""
)

# $1 backup id: all its stagings
DISCARD = (
    _STOP
    + r"""
case $1 in '' | */* | .*) exit 9 ;; esac
for dir in "/tmp/lifeboat/$1"*; do
  [ -d "$dir" ] || continue
  stop_work "$dir"
  rm -rf "$dir"
done
rmdir /tmp/lifeboat 2>/dev/null
exit 0
"""
)
