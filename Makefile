# `make help` lists the targets. PYTHON is used once, to create .venv; everything after runs from there.
PYTHON ?= python3.11
include infra/quiet.env
export PATH := $(CURDIR)/.venv/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help run plan doctor gc environment test nightly check lint format types imports lock preset unseen flow-weights benchmarks clean airflow mlflow down services
SEEDS ?= 101 102 103
PRESET ?= lite
MINUTES ?= 60
BENCHMARKS ?= bss clips decode flow inputs rejects step trajectories

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: ## Install what is missing, check the machine, run the pipeline, show the scores (exit status: see infra/run.py)
	@$(PYTHON) infra/run.py

plan: environment ## Before anything runs: clips, GB and time for each stage, and why a stage is stale
	@python -m stages plan

doctor: environment ## Check this machine: ffmpeg and codecs, cores, memory, disk, GPU, versions
	@python -m stages doctor

gc: environment ## Free what the store keeps and nobody uses: make gc, or first: python -m stages gc --dry-run
	@python -m stages gc

airflow: environment ## Start Airflow on this machine alone, or what is missing of it: make airflow PORT=8080
	@python -m infra.services airflow $(if $(PORT),--port $(PORT))

mlflow: environment ## Start the MLflow server of this workspace: make mlflow PORT=5000
	@python -m infra.services mlflow $(if $(PORT),--port $(PORT))

services: environment ## Say whether Airflow and MLflow run and are well
	@python -m infra.services status

down: environment ## End Airflow and MLflow, and all that they started
	@python -m infra.services down

environment: ## Create .venv from the hashed lock (nothing to do when it is current)
	@$(PYTHON) infra/environment.py

test: environment ## Run the whole test suite (PIXELS_MEDIA=folder adds the tests on real media)
	@python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

nightly: environment ## Kill every stage at many random moments, keep servers away for a minute
	@python -m pytest -m nightly tests/faults

check: lint types imports test ## Everything that a change must pass

lint: environment ## Style: ruff check and ruff format --check
	@ruff check
	@ruff format --check

format: environment ## Rewrite the code as ruff would have it
	@ruff check --fix
	@ruff format

types: environment ## pyright, strict
	@pyright

imports: environment ## import-linter: imports go down only, one door for each big dependency
	@lint-imports

lock: environment ## Resolve requirements.txt anew into the hashed requirements.lock
	@pip-compile --generate-hashes --allow-unsafe --strip-extras --no-header --quiet \
	  --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --output-file requirements.lock requirements.txt

preset: environment ## Use presets/NAME.yaml as params.yaml: make preset NAME=studio (NAME=default: your own again)
	@python infra/preset.py "$(NAME)"

unseen: environment ## Score the trained models on corpora nobody saw: make unseen SEEDS="101 102 103"
	@python infra/unseen.py $(SEEDS)

flow-weights: environment ## Teach PWC-Net for an hour, or on from the last call: PRESET=lite MINUTES=60, FRAMES=data/decode
	@python -m stages flow-weights $(PRESET) --minutes $(MINUTES) $(if $(FRAMES),--frames $(FRAMES))

benchmarks: environment ## Time each part beside what users pick today; results: tests/benchmarks/results/*.json
	@for name in $(BENCHMARKS); do echo "== $$name"; python -m tests.benchmarks.$$name tests/benchmarks/results/$$name.json; done

clean: ## Remove what tools leave behind; data, models, .store and .venv stay
	@rm -rf .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	@find stages dags infra tests -name __pycache__ -type d -prune -exec rm -rf {} +
