# Everything a fresh clone needs: Python 3.11 or newer, git and make. No root, no compiler, no database.
# `make` installs into this folder only: .tools/ (the installer) and .venv/ (the environment).

UV_VERSION := 0.13.9
ARGS ?=
NAME ?=
SEEDS ?= 200
START ?= 0
WORKERS ?= 2

BIN := .venv/bin
UV := .tools/bin/uv
UV_STAMP := .tools/.uv-$(UV_VERSION)
STAMP := .venv/.installed
SECONDS ?= 60
ATHERIS := atheris==3.0.0
BARE_PACKAGES := sqlite-utils urllib3 pytest pytest-asyncio hypothesis
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist loadfile

# An environment made in another folder holds that folder's paths: a moved or copied checkout starts afresh.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

.DEFAULT_GOAL := help
.PHONY: help install demo demo-billing serve test test-unit test-integration test-simulation check format lock bench simulate \
	simulate-planted chaos conformance test-bare fuzz clean

help: ## Show this list
	@echo 'usage: make TARGET [ARGS="..."]'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-17s %s\n", $$1, $$2 }' Makefile

install: $(STAMP) ## Install or update .tools/ and .venv/ (every target below does it by itself)

demo: $(STAMP) ## Run the guided demo on a throwaway database; ARGS go to `outrider demo`
	@exec $(BIN)/outrider demo $(ARGS)

demo-billing: $(STAMP) ## Play a tenant's year under the simulated Stripe; fails where invoices and reckoning differ
	@exec $(BIN)/python -m tests.demo_billing

serve: $(STAMP) ## Serve on this machine, data kept in .outrider/; ARGS go to `outrider serve`
	@exec $(BIN)/outrider serve $(ARGS)

test: $(STAMP) ## Run every test; ARGS go to pytest, WORKERS=2 processes
	@exec $(PYTEST) $(ARGS)

test-unit: $(STAMP) ## Run the tests that need no database
	@exec $(PYTEST) $(wildcard tests/unit tests/property mobile_sdk/tests) $(ARGS)

test-integration: $(STAMP) ## Run the tests that need PostgreSQL: OUTRIDER_DATABASE_URL, else a throwaway one
	@exec $(PYTEST) tests/integration $(ARGS)

test-simulation: $(STAMP) ## Run the simulated network of devices, few seeds (see simulate)
	@exec $(PYTEST) tests/simulation $(ARGS)

check: $(STAMP) ## Lint, formatting, types and import rules; every tool runs, any failure fails
	@failed=; \
	run() { echo "== $$*"; $(BIN)/"$$@" || failed="$$failed $$1"; }; \
	run ruff check .; \
	run ruff format --check .; \
	run mypy; \
	run lint-imports --no-logo; \
	if [ -n "$$failed" ]; then echo "check failed:$$failed" >&2; exit 1; fi; \
	echo "check passed"

format: $(STAMP) ## Rewrite the code in the house format
	@$(BIN)/ruff check --fix --exit-zero . && $(BIN)/ruff format .

bench: $(STAMP) ## Measure; NAME=... runs one benchmark
	@exec $(BIN)/python -m tests.bench $(if $(NAME),--name $(NAME))

simulate: $(STAMP) ## Simulate SEEDS=200 networks of devices from seed START=0
	@exec $(BIN)/python -m tests.simulation --seeds $(SEEDS) --start $(START) $(ARGS)

simulate-planted: $(STAMP) ## Show that the simulation finds bugs planted on purpose
	@exec $(BIN)/python -m tests.simulation --planted $(ARGS)

test-bare: $(STAMP) ## Run the SDK's tests in an environment without any optional package
	@$(UV) venv --quiet --clear --no-python-downloads --python "$$(readlink -f $(BIN)/python)" .venv-bare
	@$(UV) pip install --quiet --python .venv-bare/bin/python --constraints requirements.lock $(BARE_PACKAGES) -e mobile_sdk
	@exec .venv-bare/bin/python -m pytest -rs mobile_sdk/tests $(ARGS)

chaos: $(STAMP) ## Kill real phones, servers and PostgreSQL in turn for SECONDS=60, under a bad network; then compare
	@exec $(BIN)/python -m tests.chaos --seconds $(SECONDS) $(ARGS)

conformance: $(STAMP) ## Run the conformance vectors against the SDK; ARGS=--verbose says what passed
	@exec $(BIN)/python mobile_sdk/conformance/run.py $(ARGS) -- $(BIN)/python mobile_sdk/conformance/adapter.py

fuzz: $(STAMP) ## Fuzz every decoder, each for SECONDS=60, where atheris can be installed
	@$(UV) pip install --quiet --only-binary :all: --python $(BIN)/python --target .tools/fuzz --no-deps '$(ATHERIS)' \
		|| echo 'make fuzz: $(ATHERIS) cannot be installed on this machine and Python.' >&2
	@PYTHONPATH=.tools/fuzz exec $(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(ARGS)

lock: $(UV_STAMP) ## Resolve the dependencies into requirements.lock; ARGS=--upgrade takes newer ones
	UV_CUSTOM_COMPILE_COMMAND='make lock' $(UV) pip compile --quiet --universal --generate-hashes --all-extras --group dev \
		--no-emit-package outrider-sdk --no-emit-package outrider --python-version 3.11 \
		pyproject.toml mobile_sdk/pyproject.toml -o requirements.lock $(ARGS)

clean: ## Remove .venv/, .tools/ and caches; .outrider/ (your data) stays
	rm -rf .venv .venv-bare .tools .mypy_cache .ruff_cache .hypothesis .import_linter_cache .fuzz dist
	find server mobile_sdk tests -type d -name __pycache__ -prune -exec rm -rf {} +

# Sets $python to the first candidate that is new enough, or stops. PYTHON=/path/to/python3 names the only one.
PYTHON ?=
CANDIDATES := python3 python3.14 python3.13 python3.12 python3.11 python
IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
define FIND_PYTHON
python=; \
for each in $(if $(PYTHON),"$(PYTHON)",$(CANDIDATES)); do \
	if "$$each" -c '$(IS_NEW_ENOUGH)' >/dev/null 2>&1; then python=$$each; break; fi; \
done; \
if [ -z "$$python" ]; then \
	echo 'make: found no Python 3.11 or newer$(if $(PYTHON), at PYTHON=$(PYTHON)).' >&2; \
	echo 'Install one, or name it: make PYTHON=/path/to/python3.12 ...' >&2; \
	exit 1; \
fi
endef

$(UV_STAMP):
	@$(FIND_PYTHON); \
	echo 'Installing uv $(UV_VERSION) into .tools/ ...'; \
	rm -rf .tools; \
	if "$$python" -m venv .tools >/dev/null 2>&1; then \
		.tools/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION) || exit 1; \
	else \
		rm -rf .tools; \
		"$$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
			--target .tools uv==$(UV_VERSION) || { \
			echo "make: with $$python, neither 'python -m venv' nor 'python -m pip install' works." >&2; \
			echo 'Install its venv module (Debian, Ubuntu: apt install python3-venv), then run make again.' >&2; \
			exit 1; \
		}; \
	fi; \
	touch $@

$(STAMP): requirements.lock pyproject.toml mobile_sdk/pyproject.toml | $(UV_STAMP)
	@echo 'Installing the dependencies into .venv/ ...'
	@made_in=$$(cat $@ 2>/dev/null); rm -f $@; \
	if [ "$${made_in:-$(CURDIR)}" != "$(CURDIR)" ] || ! $(BIN)/python -c '$(IS_NEW_ENOUGH)' 2>/dev/null; then \
		$(FIND_PYTHON); \
		$(UV) venv --quiet --clear --no-python-downloads --python "$$python" .venv; \
	fi
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps -e . -e mobile_sdk
	@echo '$(CURDIR)' >$@
