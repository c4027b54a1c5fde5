# Everything a person or a machine runs on this repository; `make` alone lists it.

PYTHON ?= python3.11
BIN := .venv/bin
INSTALLED := .venv/.installed
SHELL := /bin/bash
.SHELLFLAGS := -e -u -o pipefail -c
DEPLOYED := gateway evaluation serving training
export TF_CPP_MIN_LOG_LEVEL ?= 3

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow lint format types bench lock proto schema wheel clean

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## make .venv with everything, from the hash-locked requirements

$(INSTALLED): requirements/dev.txt pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) was not found; install Python 3.11 or run make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] not in {(3, 11), (3, 12), (3, 13)})' || { echo "error: Python 3.11, 3.12 or 3.13 is needed, got $$($(PYTHON) --version)" >&2; exit 1; }
	@test "$$(df -Pk . | awk 'NR == 2 {print $$4}')" -gt 4000000 || { echo "error: setting up needs 4 GB of free disk space here" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "error: $(PYTHON) cannot make a virtual environment; on Debian: apt-get install python3.11-venv" >&2; exit 1; }
	@echo "setup: installing the locked requirements into .venv (about two minutes the first time)"
	@$(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --require-hashes -r requirements/dev.txt \
	  | awk -v total="$$(grep -c '==' requirements/dev.txt)" -f requirements/progress.awk
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --no-deps --editable .
	@touch $@

demo: $(INSTALLED)  ## run the main job end to end; KEEP=1 leaves the services running
	@$(BIN)/lifesign demo --out demo-output $(if $(KEEP),--keep)

test: $(INSTALLED)  ## run the tests, without the slow ones
	@$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: $(INSTALLED)  ## run the slow tests
	@$(BIN)/python -m pytest -m slow --timeout 1200

lint: $(INSTALLED)  ## check style, import contracts, generated code and links
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/python -m pytest -q -p no:cacheprovider tests/docs tests/generated

format: $(INSTALLED)  ## format the code
	@$(BIN)/ruff check --fix --quiet .
	@$(BIN)/ruff format --quiet .

types: $(INSTALLED)  ## check types with mypy --strict and pyright
	@$(BIN)/mypy
	@$(BIN)/basedpyright --level error

bench: $(INSTALLED)  ## run every benchmark and print its table
	@for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

lock: $(INSTALLED)  ## resolve the requirements again, with hashes
	@# What is deployed is what is tested: the others may not differ from dev, which has the most to agree on.
	@for extra in dev $(DEPLOYED); do \
	  $(BIN)/uv pip compile --quiet --python-version 3.11 --extra $$extra pyproject.toml \
	    $$(test $$extra = dev || echo --constraint requirements/dev.txt) \
	    --generate-hashes --no-emit-index-url --no-header -o requirements/$$extra.txt || exit 1; done
	@echo 'hatchling>=1.27' | $(BIN)/uv pip compile - --quiet --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements/build.txt

proto: $(INSTALLED)  ## generate services/lifesign/pb from proto/
	@$(BIN)/python -m grpc_tools.protoc -Iproto --python_out=services --pyi_out=services proto/lifesign/pb/*.proto

schema: $(INSTALLED)  ## generate the JSON Schemas of report, comparison and audit
	@$(BIN)/python -m lifesign.evaluation.report.document > services/lifesign/evaluation/report/report.schema.json
	@$(BIN)/python -m lifesign.evaluation.comparison.document > services/lifesign/evaluation/comparison/comparison.schema.json
	@$(BIN)/python -m lifesign.evaluation.audit.findings > services/lifesign/evaluation/audit/audit.schema.json

wheel: $(INSTALLED)  ## build the wheel into dist/
	@$(BIN)/python -m hatchling build -t wheel

clean:  ## remove what was made here, the virtual environment included
	@rm -rf .venv demo-output dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
