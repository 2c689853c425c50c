# Everything a developer runs. A fresh machine needs Python 3.11 and make; the rest is installed into .venv.
# Variables: PORT=8000, DEMO_PASSWORD, DATABASE_URL, REDIS_URL, CHROMIUM_PATH, PGBOUNCER_PATH, PYTHON=python3.11, ARGS.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

PYTHON ?= python3.11
PY := .venv/bin/python
UV := .venv/bin/uv
CHROMIUM := ./.ci/program CHROMIUM_PATH chromium chromium-browser google-chrome
PGBOUNCER := ./.ci/program PGBOUNCER_PATH pgbouncer
STACK := $(PY) -m xxxchat.stack
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export ENV_FILE := /dev/null

# Settings that only name things; `make check` needs no database and no broker.
CHECK_ENV := APP_MODE=test DATABASE_URL=postgres://nobody@127.0.0.1:1/none REDIS_URL=redis://127.0.0.1:1/0

DEPLOY_ENV := APP_MODE=production ALLOWED_HOSTS=shop.example DATABASE_URL=postgres://nobody@127.0.0.1:1/none \
	REDIS_URL=redis://127.0.0.1:1/0 ARCHIVE_FOLDER=/archives MAIL_URL=smtp+tls://mail.example MAIL_FROM=us@shop.example \
	$(patsubst %,%_KEY=c2FtcGxlLWtleS1mb3ItbWFrZS1jaGVjay0zMi1ieXQ=,SEED SECOND_FACTOR EXCLUSION_HASH ARCHIVE_SIGNING)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- the environment ----------------------------------------------------------------------------------------
$(UV):
	@echo "Making .venv with $$($(PYTHON) --version)."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { echo "$(PYTHON) is not Python 3.11; say which: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv .venv || { echo "Python's venv module is missing (on Debian: apt-get install python3.11-venv)."; exit 1; }
	@$(PY) -m pip install --quiet uv

# uv takes seconds where pip takes minutes; pip is the fallback where uv finds no index.
define install
@$(UV) pip install --quiet --system-certs --require-hashes --python $(PY) -r $(1) \
	|| $(PY) -m pip install --quiet --require-hashes -r $(1)
endef

.venv/installed: requirements-demo.txt | $(UV)
	$(call install,requirements-demo.txt)
	@touch $@

.venv/installed-dev: requirements-dev.txt | $(UV)
	$(call install,requirements-dev.txt)
	@touch .venv/installed $@

.venv/installed-soak: requirements-soak.txt .venv/installed-dev
	$(call install,requirements-soak.txt)
	@touch $@

# --- the demo -----------------------------------------------------------------------------------------------
.PHONY: demo demo-loyalty status demo-reset manage
demo: .venv/installed ## Run the whole product on PORT (8000) until Ctrl-C; data stays in .local/
	@exec $(STACK) demo

demo-loyalty: .venv/installed ## The same with points in a stand-in RedRoomRewards, a process of its own
	@exec env -u RRR_BASE_URL LOYALTY_BACKEND=redroomrewards $(STACK) demo

status: .venv/installed ## Show the parts of the running demo: state, pid, uptime, restarts
	@exec $(STACK) status

demo-reset: .venv/installed ## Delete the data of the demo on PORT
	@exec $(STACK) reset

manage: .venv/installed ## Run a management command in the running demo: CMD="verify_ledger --json"
	@exec $(STACK) manage

# --- tests and checks ---------------------------------------------------------------------------------------
.PHONY: test check check-deploy bench bench-history bench-ledger mutants contracts soak lock programs
test: .venv/installed-dev programs ## Run every test on a database and broker of its own; ARGS go to pytest
	@export APP_MODE=test LOG_LEVEL=WARNING CHROMIUM_PATH="$$($(CHROMIUM))" PGBOUNCER_PATH="$$($(PGBOUNCER))"; \
		exec $(STACK) services -- $(PY) -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 20 --cov --cov-report term $(ARGS)

programs:
	@$(CHROMIUM) > /dev/null
	@$(PGBOUNCER) > /dev/null

check: .venv/installed-dev ## Lint, format, types, import order, migrations, deployment settings, known weaknesses
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@.venv/bin/djlint --check templates
	@.venv/bin/djlint --quiet --lint templates
	@$(CHECK_ENV) $(PY) -m mypy .
	@$(CHECK_ENV) .venv/bin/lint-imports
	@$(CHECK_ENV) $(PY) manage.py makemigrations --check --dry-run
	@$(CHECK_ENV) EXTRA_APPS=django_linear_migrations $(PY) manage.py check
	@$(DEPLOY_ENV) SECRET_KEY="$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))')" \
		$(PY) manage.py check --deploy --fail-level WARNING
	@./.ci/audit .venv/bin/pip-audit

check-deploy: .venv/installed-dev ## Check Dockerfile, compose.yaml, alert rules by hadolint, compose, promtool; name what is not found
	@./.ci/deploy .venv/bin/hadolint

bench: .venv/installed-dev ## Measure the product over HTTP beside pgbench on the same server; ARGS="--seconds 6 --json"
	@exec $(PY) -m bench $(ARGS)

bench-history: .venv/installed-dev ## Measure latencies with 10 million spins stored beside 10 thousand; ARGS="--rows 1000000" for fewer
	@exec $(PY) -m bench.history $(ARGS)

bench-ledger: .venv/installed-dev ## Measure the ledger's functions and the Python service beside pgbench
	@exec $(PY) -m bench.ledger $(ARGS)

mutants: .venv/installed-dev ## Break the ledger, the draw and the gates in 224 ways; a test must notice each (12 minutes; only new ways: ARGS=--new)
	@export APP_MODE=test LOG_LEVEL=WARNING; exec $(STACK) services -- $(PY) -m tests.mutants $(ARGS)

contracts: .venv/installed-dev ## Lint the API's description, let generated clients do the main job (needs Node.js 20)
	@exec $(PY) -m tests.contracts

soak: .venv/installed-dev ## The long proofs (an hour); one of them: ARGS=queue, oracle, jack-hammer, contract, equality, storm, monte-carlo, nist, fairness or loyalty
	@$(MAKE) .venv/installed-soak || echo "sp80022suite is C source; its proof needs a compiler and Python's headers."
	@export APP_MODE=test LOG_LEVEL=WARNING; exec $(STACK) services -- $(PY) -m tests.soak $(ARGS)

lock: | $(UV) ## Pin requirements*.in into requirements*.txt, with hashes
	@for each in requirements requirements-demo requirements-dev requirements-soak; do \
		$(UV) pip compile --quiet --system-certs --generate-hashes --no-header --python-version 3.11 \
			$$each.in -o $$each.txt; done
