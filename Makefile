# Each target sets itself up: it needs only Python 3.11+, make and PyPI.
#   make demo | test | lint | cases | promises | bench | bench-automl | bench-serve | format | clean       ARGS="..." is passed on
PYTHON ?= python3
ARGS ?=
READY := .venv/.ready

.PHONY: help demo test lint cases promises bench bench-automl bench-serve format clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    a live-audio app, a model trained on it, an A/B test, a page (ARGS=\"--keep world\")"
	@echo "make test    all tests, and every example in the docs (ARGS=\"-k simulator\")"
	@echo "make lint    format, style, types and import layers"
	@echo "make cases   the cases of ../shared/cases, where that folder is (ARGS=\"--only automl serving/08\")"
	@echo "make promises      break each promise of the docs, and see that a test notices (ARGS=\"--only serving\")"
	@echo "make bench   every benchmark; tables here, JSON in bench/ (ARGS=\"--only scoring\")"
	@echo "make bench-automl  liverank automl beside FLAML, AutoGluon, CatBoost, LightGBM (ARGS=\"--tables DIR --budget 60\")"
	@echo "make bench-serve   the rank server under load, and beside its peers (ARGS=\"--only faults\")"
	@echo "make format  put the code into shape"
	@echo "make clean   remove what the commands above made"

$(READY): pyproject.toml uv.lock scripts/setup.py
	@$(PYTHON) scripts/setup.py

demo: $(READY)
	@.venv/bin/liverank demo $(ARGS)

test: $(READY)
	.venv/bin/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(READY)
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

cases: $(READY)
	.venv/bin/python scripts/cases.py $(ARGS)

promises: $(READY)
	@.venv/bin/python scripts/promises.py $(ARGS)

bench: $(READY)
	.venv/bin/python benchmarks/run_all.py $(ARGS)

bench-automl: $(READY)
	.venv/bin/python benchmarks/run_automl.py $(ARGS)

bench-serve: $(READY)
	.venv/bin/python benchmarks/bench_serve.py --folder .bench/serve --out .bench/serve.json $(ARGS)

format: $(READY)
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

clean:
	rm -rf .venv .tools .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .bench .promises bench
