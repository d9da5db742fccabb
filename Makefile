# Two commands matter: `make demo` and `make test`. Everything is installed into this folder; nothing else is touched.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
CERTS := $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt))
# A city's network has certificate roots of its own: trust what the machine trusts, unless something else is set.
export SSL_CERT_FILE ?= $(CERTS)
export PIP_CERT ?= $(CERTS)
export REQUESTS_CA_BUNDLE ?= $(CERTS)
UV := $(shell command -v uv 2>/dev/null || echo .venv-tools/bin/uv)
say = @printf '\033[1m==>\033[0m %s\n' "$(1)"

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## start everything, play a sample day, leave the console open (ARGS=--exit to end after it)
	@$(BIN)/arrivals demo $(ARGS)

test: $(VENV)/.dev ## run all tests against the embedded Kafka and ClickHouse (ARGS='-k name')
	$(BIN)/python -m pytest $(ARGS)

torture: $(VENV)/.dev ## run the long fault tests as well
	$(BIN)/python -m pytest -m "torture or not torture" --timeout 3600 $(ARGS)

lint: $(VENV)/.dev ## format, lint, types, direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

format: $(VENV)/.dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev .venv-peers/.done ## run the benchmarks with their peers (ARGS=router)
	$(BIN)/arrivals bench $(ARGS) --peers

schemas: $(VENV)/.dev ## write the JSON Schemas anew
	PYTHONPATH=. $(BIN)/python scripts/build_schemas.py

lock: .venv-tools/bin/uv ## bring the lock files up to date with pyproject.toml
	$(UV) pip compile $(LOCK) --extra embedded --group dev pyproject.toml -o requirements/dev.lock
	$(UV) pip compile $(LOCK) --extra embedded -c requirements/dev.lock pyproject.toml -o requirements/run.lock
	$(UV) pip compile $(LOCK) -c requirements/dev.lock pyproject.toml -o requirements/core.lock
	$(UV) pip compile $(LOCK) benchmarks/peers.in -o requirements/peers.lock
LOCK := --quiet --universal --generate-hashes --python-version 3.11 --no-header

clean: ## remove the environments and all data
	rm -rf .venv .venv-peers .venv-tools .data

# The development environment holds what the demonstration needs too, so the demonstration takes it when it is there.
$(VENV)/.run: requirements/run.lock pyproject.toml | $(UV)
	@if [ -e $(VENV)/.dev ] && [ $(VENV)/.dev -nt requirements/dev.lock ]; then touch $@; else \
	  printf '==> installing the product and the embedded servers (about 1 GB, once)\n'; \
	  $(UV) venv --quiet --allow-existing --python "$(PYTHON)" $(VENV) && \
	  $(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/run.lock && \
	  $(UV) pip install --quiet --python $(BIN)/python --no-deps -e . && touch $@; fi

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(UV)
	$(call say,installing the product with the embedded servers and the test tools (about 1 GB once))
	@$(UV) venv --quiet --allow-existing --python "$(PYTHON)" $(VENV)
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements/dev.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e .
	@touch $@ $(VENV)/.run

.venv-peers/.done: requirements/peers.lock | $(UV)
	$(call say,installing the peers of the benchmarks)
	@$(UV) venv --quiet --allow-existing --python "$(PYTHON)" .venv-peers
	@$(UV) pip sync --quiet --python .venv-peers/bin/python --require-hashes requirements/peers.lock
	@touch $@

.venv-tools/bin/uv:
	$(call say,fetching the installer (uv $(UV_VERSION)))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=…"; exit 1; }
	@$(PYTHON) -m venv .venv-tools || { echo "Python's venv module is missing; install it (Debian: python3-venv)"; exit 1; }
	@.venv-tools/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.PHONY: help demo test torture lint format bench schemas lock clean
