# Two commands matter: `make demo` and `make test`. Everything is installed into this folder; nothing else is touched.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV_VERSION := 0.13.9
CERTS := $(firstword $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt))
# A city's network has certificate roots of its own: trust what the machine trusts, unless something else is set.
ifneq ($(CERTS),)
export SSL_CERT_FILE ?= $(CERTS)
export PIP_CERT ?= $(CERTS)
export REQUESTS_CA_BUNDLE ?= $(CERTS)
endif
UV := $(shell command -v uv 2>/dev/null || echo .venv-tools/bin/uv)
ifeq ($(UV),.venv-tools/bin/uv)
export UV_CACHE_DIR ?= $(CURDIR)/.venv-tools/cache
endif
# Every start of a part compiles what is not compiled yet, and forgets it again where this is set: a second or two each time.
unexport PYTHONDONTWRITEBYTECODE
say = @printf '\033[1m==>\033[0m %s\n' "$(1)"
# $(call install,ENVIRONMENT,LOCK): exactly what the lock names, checked against its hashes
install = $(UV) venv --quiet --allow-existing --python "$(PYTHON)" $(1) && \
	$(UV) pip sync --quiet --python $(1)/bin/python --require-hashes requirements/$(2).lock
install_ours = $(UV) pip install --quiet --python $(BIN)/python --no-deps --build-constraints requirements/build.lock -e .

help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/.run ## start everything, play a sample day, leave the console open (ARGS=--exit to end after it)
	@$(BIN)/arrivals demo $(ARGS)

# Three files of tests at a time, each with servers of its own: the one waits for Kafka while others compute.
TOGETHER := --numprocesses 3 --dist loadfile --no-loadscope-reorder
test: $(VENV)/.dev .data/cache/.kafka ## run all tests against the embedded Kafka and ClickHouse (ARGS='-k name')
	$(BIN)/python -m pytest $(TOGETHER) $(ARGS)

torture: $(VENV)/.dev .data/cache/.kafka ## run the long fault tests as well
	$(BIN)/python -m pytest -m "torture or not torture" --timeout 3600 $(ARGS)

lint: $(VENV)/.dev ## format, lint, types, direction of imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports

format: $(VENV)/.dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev .data/cache/.kafka .venv-peers/.done ## run the benchmarks with their peers (ARGS=router)
	$(BIN)/arrivals bench $(ARGS) --peers

schemas: $(VENV)/.dev ## write the JSON Schemas anew
	PYTHONPATH=. $(BIN)/python scripts/build_schemas.py

docs: $(VENV)/.dev ## write docs/reference anew from the code
	PYTHONPATH=. $(BIN)/python scripts/build_docs.py

lock: | $(UV) ## bring the lock files up to date with pyproject.toml
	$(UV) pip compile $(LOCK) --extra embedded --group dev pyproject.toml -o requirements/dev.lock
	$(UV) pip compile $(LOCK) --extra embedded -c requirements/dev.lock pyproject.toml -o requirements/run.lock
	$(UV) pip compile $(LOCK) -c requirements/dev.lock pyproject.toml -o requirements/core.lock
	$(UV) pip compile $(LOCK) benchmarks/peers.in -o requirements/peers.lock
	echo hatchling | $(UV) pip compile $(LOCK) - -o requirements/build.lock
LOCK := --quiet --universal --generate-hashes --python-version 3.11 --no-header

clean: ## remove the environments and all data
	rm -rf .venv .venv-peers .venv-tools .data

# The development environment holds what the demonstration needs too, so the demonstration takes it when it is there.
$(VENV)/.run: requirements/run.lock pyproject.toml | $(UV)
	@if [ -e $(VENV)/.dev ] && [ $(VENV)/.dev -nt requirements/dev.lock ]; then touch $@; else \
	  printf '==> installing the product and the embedded servers (about 1 GB, once)\n'; \
	  $(call install,$(VENV),run) && $(install_ours) && touch $@; fi

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(UV)
	$(call say,installing the product with the embedded servers and the test tools (about 1 GB once))
	@$(call install,$(VENV),dev) && $(install_ours) && touch $@ $(VENV)/.run

.venv-peers/.done: requirements/peers.lock | $(UV)
	$(call say,installing the peers of the benchmarks (about 450 MB once))
	@$(call install,.venv-peers,peers) && touch $@

.data/cache/.kafka: arrivals/embedded/kafka/jars.lock | $(VENV)/.dev
	$(call say,fetching Apache Kafka (44 MB) and making it start quickly; once)
	@$(BIN)/python -m arrivals.embedded.kafka --prepare && touch $@

.venv-tools/bin/uv:
	$(call say,fetching the installer (uv $(UV_VERSION)))
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; set PYTHON=…"; exit 1; }
	@$(PYTHON) -m venv .venv-tools || { echo "Python's venv module is missing; install it (Debian: python3-venv)"; exit 1; }
	@.venv-tools/bin/pip install --quiet --no-cache-dir --disable-pip-version-check uv==$(UV_VERSION)

.PHONY: help demo test torture lint format bench schemas docs lock clean
