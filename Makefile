# `make demo` moves a hosted cluster in the sandbox; `make test` runs the tests; `make check` lints, types, contracts.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUNTIME := build/runtime/.installed
# emulated | real: which Kubernetes API the sandbox's management clusters have
KUBE ?= emulated
SOURCES := layers/lifeboat cli functions sandbox benchmarks tests

.PHONY: help install demo sandbox kube test test-full contract bench-backup check lint types contracts format lock clean
help:
	@sed -n 's/^#: //p' $(MAKEFILE_LIST)

#: make install     everything into .venv and build/runtime, from PyPI
install: $(STAMP) $(RUNTIME)

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Lifeboat needs Python 3.11 or later: make PYTHON=/path/to/python3.11")'
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.platform == "linux" else "the sandbox needs Linux")'
	@$(PYTHON) -c 'import ensurepip, venv' || { echo "Python has no venv: install it (Debian: apt-get install python3-venv)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# What AWS would have: the dependencies layer as it ships, and the Lambda runtime, each in a folder of its own.
$(RUNTIME): $(STAMP) layers/dependencies/requirements.txt requirements/runtime.txt
	@rm -rf build/runtime && mkdir -p build/runtime
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --target build/runtime/dependencies -r layers/dependencies/requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --target build/runtime/awslambdaric -r requirements/runtime.txt
	@touch $@

#: make demo        move hosted cluster `blue` from mgmt-1 to mgmt-2, live, and prove what came out (KUBE=real: on real API servers)
demo: install
	$(BIN)/python -m sandbox demo --kube $(KUBE)

#: make sandbox     start the sandbox and keep it in the foreground (KUBE=real as well; Ctrl-C ends it)
sandbox: install
	$(BIN)/python -m sandbox up --kube $(KUBE) --ready-file build/sandbox.json

#: make kube        build Kubernetes' own programs with Go, once, into a cache folder (for KUBE=real)
kube: install
	sh tests/binaries/build.sh "$$($(BIN)/python -m sandbox.assets)"

#: make test        the tests, the whole move included
test: install
	$(BIN)/python -m pytest

#: make test-full   the same, and the tests that take minutes for little news
test-full: install
	$(BIN)/python -m pytest -m ""

#: make contract    what Lifeboat relies on of the Kubernetes API, asked of both backends, as a table
contract: install
	$(BIN)/python -m pytest -q --no-header tests/contract

#: make bench-backup  measure a backup against its targets: table, build/bench/backup.json, build/bench/backup.svg
bench-backup: install
	$(BIN)/python -m benchmarks

#: make check       lint, types, contracts
check: lint types contracts

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

contracts: install
	PYTHONPATH=. $(BIN)/lint-imports

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

#: make lock        resolve requirements/*.in again (needs `uv`)
lock:
	sh requirements/lock.sh

clean:
	rm -rf build $(VENV) *.egg-info
