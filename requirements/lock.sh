#!/bin/sh
# Resolve every *.in to a file with versions and hashes. The locks agree: later ones are constrained by the first.
set -eu
cd "$(dirname "$0")/.."
compile="uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate"
pins=$(mktemp)
trap 'rm -f "$pins"' EXIT
$compile layers/dependencies/requirements.in -o layers/dependencies/requirements.txt
grep -oE '^[A-Za-z0-9_.-]+(\[[^]]*\])?==[^ ;\\]+' layers/dependencies/requirements.txt | sed 's/\[[^]]*\]//' > "$pins"
$compile -c "$pins" requirements/dev.in -o requirements/dev.txt
$compile -c requirements/dev.txt requirements/runtime.in -o requirements/runtime.txt
