# Every target says what it does: `make` prints them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
ARGS ?=

.PHONY: help install demo test lint format bench stack-up stack-down stack-status lock clean

help: ## show this help
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-zA-Z0-9_-]*:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: .venv/.installed ## make .venv with everything in it (the other targets do this first)

.venv/.installed: pyproject.toml constraints.txt scripts/install.sh
	@PYTHON="$(PYTHON)" scripts/install.sh

demo: install ## run the whole pipeline on this machine, ctrl-C stops it (ARGS="--build-every 20s --port 8000")
	@$(BIN)/showrunner demo $(ARGS)

test: install ## run the tests (ARGS="-k exporter -x")
	@$(BIN)/python -m pytest $(ARGS)

lint: install ## ruff, mypy --strict and import-linter
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: install ## let ruff format and fix what it can
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

bench: install ## run every benchmark; each ends with one line of JSON (BENCH=quality runs one)
	@for f in benchmarks/$(or $(BENCH),[a-z]*).py; do echo "== $$f"; $(BIN)/python $$f || exit 1; done

stack-up: install ## start Kafka, registry, Connect, MinIO and PostgreSQL in Docker, ready for the rooms
	@command -v docker >/dev/null || { echo "stack-up: docker is needed: https://docs.docker.com/engine/install"; exit 1; }
	@docker compose version >/dev/null 2>&1 || { echo "stack-up: docker's compose plugin is needed: https://docs.docker.com/compose/install"; exit 1; }
	@$(BIN)/python scripts/stack_env.py .env
	@docker compose up --detach --build --wait
	@set -a; . ./.env; set +a; $(BIN)/python scripts/stack_bucket.py && $(BIN)/python -m connectors register

stack-down: ## stop that stack; its data stays in its volumes
	@docker compose down

stack-status: install ## what of that stack runs, and the connector's tasks
	@docker compose ps
	@set -a; . ./.env; set +a; $(BIN)/python -m connectors status

lock: ## resolve constraints.txt anew from pyproject.toml (needs uv)
	@uv pip compile --quiet --universal --upgrade --no-annotate --no-header --python-version 3.11 --extra dev pyproject.toml -o constraints.txt

clean: ## remove .venv, caches and the demo's data
	rm -rf .venv .showrunner .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
