# `make run` and `make test` install what they need into .venv: Python 3.11 or later and make are enough.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

# The newest Python that works and is recent enough; PYTHON=... overrides.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3 python; do \
	if $$name -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then echo $$name; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
SOURCES := $(shell find exporter -type f -not -name '*.pyc') pyproject.toml hatch_build.py README.md LICENSE
FUZZ_SECONDS ?= 300
LOCK := .cache/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-strip-extras
PYTEST_ARGS ?= -n 2 --dist loadfile

define DEMO_DESPITE_ENVIRONMENT
This is the demo: it does not use the MIMECAST_... variables that are set.
To run the exporter with these variables: $(BIN)/mimecast-exporter
To run it with a configuration file:      make run CONFIG=FILE
endef
export DEMO_DESPITE_ENVIRONMENT

.PHONY: help
help: ## print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | while IFS="	" read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

.PHONY: run
run: $(VENV)/installed ## run the demo; with CONFIG=FILE run the exporter with that configuration (more flags: ARGS="...")
	@$(if $(CONFIG),,if env | grep -q '^MIMECAST_'; then printf '%s\n' "$$DEMO_DESPITE_ENVIRONMENT" >&2; fi)
	@exec $(BIN)/mimecast-exporter $(if $(CONFIG),serve --config.file='$(CONFIG)',demo) $(ARGS)

.PHONY: test
test: $(VENV)/installed $(VENV)/tools ## run the linters, the type checker and every test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/bandit --quiet --recursive --configfile pyproject.toml exporter
	@$(BIN)/mypy
	@EXPORTER_TESTS_INSTALLED=1 PYTEST_PLUGINS=exporter $(BIN)/python -P -m pytest $(PYTEST_ARGS)

.PHONY: bench
bench: $(VENV)/installed $(VENV)/tools .cache/runtime/installed ## measure CPU and memory, compared with nginx and others; writes benchmarks/RESULTS.md and docs/performance.md
	@$(BIN)/python -m benchmarks --python=.cache/runtime/bin/python

.PHONY: reliability
reliability: $(VENV)/installed $(VENV)/tools ## run the tests of faults, load, crashes and secrets at full size; writes docs/reliability.md
	@mkdir -p .cache/reliability
	@EXPORTER_LOAD=full EXPORTER_TESTS_INSTALLED=1 PYTEST_PLUGINS=exporter $(BIN)/python -P -m pytest -n 2 --dist loadfile \
		--junitxml=.cache/reliability/tests.xml tests/faults tests/load tests/crash tests/secrets
	@$(BIN)/python -m tests.figures .cache/reliability/tests.xml "$$(date +%Y-%m-%d)"

.PHONY: image
image: $(VENV)/tools ## build the image and run it under every restriction; needs a container engine, or root and dockerd
	@$(BIN)/python -m tests.image

.PHONY: dist
dist: $(VENV)/runtime ## the wheel and the source distribution, in dist/
	@$(BIN)/hatchling build

.PHONY: fuzz
fuzz: $(VENV)/installed $(VENV)/tools ## fuzz every parser, each for FUZZ_SECONDS=300
	@$(BIN)/python -m fuzzing --seconds=$(FUZZ_SECONDS) $(TARGETS)

.PHONY: lint
lint: $(VENV)/installed $(VENV)/tools ## run the linters and the type checker only
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/bandit --quiet --recursive --configfile pyproject.toml exporter
	@$(BIN)/mypy

.PHONY: format
format: $(VENV)/tools ## format the code
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

.PHONY: docs
docs: $(VENV)/installed ## docs/metrics.md and the dashboards from their sources
	@$(BIN)/python -P docs/metrics.py > docs/metrics.md
	@$(BIN)/python grafana/source

.PHONY: lock
lock: .cache/uv/bin/uv ## requirements/*.txt from pyproject.toml
	@for set in runtime test build; do $(LOCK) --upgrade requirements/$$set.in -o requirements/$$set.txt || exit 1; done
	@$(LOCK) --upgrade --resolution lowest-direct requirements/runtime.in -o requirements/lowest.txt

.PHONY: clean
clean: ## remove everything that the other targets created
	@rm -rf $(VENV) .cache build dist .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed (python3 with venv)." >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/runtime: requirements/runtime.txt requirements/build.txt | $(VENV)/bin/python
	@echo "Installing the exporter's dependencies into $(VENV) ..." >&2
	@$(PIP) install --require-hashes -r requirements/runtime.txt -r requirements/build.txt
	@touch $@

# The wheel is built and installed, so that what runs and what is tested is what users install.
$(VENV)/installed: $(VENV)/runtime $(SOURCES)
	@echo "Installing the exporter into $(VENV) ..." >&2
	@$(PIP) install --no-build-isolation --no-deps --force-reinstall .
	@touch $@

# What users install and nothing else: tools beside it are imported by some libraries, and cost time and memory.
.cache/runtime/installed: requirements/runtime.txt $(VENV)/installed | $(VENV)/bin/python
	@$(PYTHON) -m venv --clear .cache/runtime
	@.cache/runtime/bin/python -m pip --disable-pip-version-check -qq install --require-hashes -r requirements/runtime.txt
	@$(PIP) wheel --no-build-isolation --no-deps --wheel-dir .cache/runtime/wheels .
	@.cache/runtime/bin/python -m pip --disable-pip-version-check -qq install --no-deps .cache/runtime/wheels/*.whl
	@touch $@

$(VENV)/tools: requirements/test.txt | $(VENV)/bin/python
	@echo "Installing the tools of the tests into $(VENV) ..." >&2
	@$(PIP) install --require-hashes -r requirements/test.txt
	@touch $@

.cache/uv/bin/uv:
	@test -n "$(PYTHON)" && $(PYTHON) -m venv .cache/uv && .cache/uv/bin/python -m pip --disable-pip-version-check -qq install 'uv>=0.9'
