#!/bin/sh
# Builds Kubernetes' and etcd's programs, and the kubelet's exec server, into the folder $1; what is there stays.
# The versions are those of the go.mod files; `go` verifies what it downloads by the go.sum files.
set -eu
folder=$1
here=$(cd "$(dirname "$0")" && pwd)
command -v go >/dev/null || { echo "make kube needs Go 1.26 or later (https://go.dev/dl)" >&2; exit 1; }
mkdir -p "$folder"
trap 'rm -f "$folder"/.*."$$"' EXIT
trap 'exit 130' HUP INT TERM

build() { # program module-folder package [linker flags]
  [ -x "$folder/$1" ] && { echo "$1: there already"; return; }
  echo "$(date +%T) $1"
  # Renamed at the end: an interrupted build leaves no half a program, and two at once do not meet.
  part=$folder/.$1.$$
  (cd "$here/$2" && CGO_ENABLED=0 go build -mod=readonly -trimpath -ldflags "-s -w ${4:-}" -o "$part" "$3")
  mv "$part" "$folder/$1"
}

kubernetes=$(cd "$here/kubernetes" && go list -m -f '{{.Version}}' k8s.io/kubernetes)
minor=${kubernetes#v1.}
version=k8s.io/component-base/version
flags="-X $version.gitVersion=$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=${minor%%.*}"

build etcd etcd go.etcd.io/etcd/server/v3
build etcdctl etcd go.etcd.io/etcd/etcdctl/v3
build etcdutl etcd go.etcd.io/etcd/etcdutl/v3
[ "$here/kubernetes/exec-server/main.go" -nt "$folder/exec-server" ] && rm -f "$folder/exec-server"  # ours may change
build exec-server kubernetes ./exec-server
build kube-apiserver kubernetes k8s.io/kubernetes/cmd/kube-apiserver "$flags"
build kube-controller-manager kubernetes k8s.io/kubernetes/cmd/kube-controller-manager "$flags"
build kubectl kubernetes k8s.io/kubernetes/cmd/kubectl "$flags"
echo "$(date +%T) all in $folder"
