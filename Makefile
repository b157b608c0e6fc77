# Every target works as the first command on a machine that has Python 3.11+, git and a registry.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
JUDGES := $(VENV)/.judges

.DEFAULT_GOAL := help
.PHONY: help setup run-demo test check conformance chaos bench protos lock clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --upgrade pip
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . --group dev
	@touch $@

setup: $(STAMP) ## make .venv with pinned dependencies

run-demo: $(STAMP) ## a question that outlives a crash, in under 30 s; SCENARIO=replicas: three replicas
	@$(BIN)/python apps/demo/$(or $(SCENARIO),run).py

test: $(STAMP) ## all tests on all cores, warnings are errors
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal

check: $(STAMP) ## lint, format, types, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/python -m pytest --quiet tests/architecture

$(JUDGES): $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --group conformance
	@touch $@

conformance: $(JUDGES) ## outside judges: one line SCORE each, non-zero below the total
	@$(BIN)/python -m tests.peers.conformance

chaos: $(STAMP) ## processes on one store, killed at random; SHORT=1: a few; COMPARE=1: beside a2a-sdk
	@$(BIN)/python -m $(if $(COMPARE),tests.faults.comparison,tests.faults.chaos $(if $(SHORT),--short))

bench: $(STAMP) ## CPU per request beside a floor from the same run
	$(BIN)/python -m bench

protos: $(STAMP) ## compile a2a.proto into a2a.binpb and a2a_pb2.pyi
	$(BIN)/python protos/compile.py

lock: ## pin what a fresh install of pyproject.toml gives today
	rm -rf $(VENV) && $(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable . --group dev --group conformance
	$(BIN)/pip freeze --all --exclude-editable --exclude setuptools > constraints.txt

clean: ## remove what the other targets made
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
