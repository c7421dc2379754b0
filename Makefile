# Nothing but Python >= 3.11 and make is needed. PYTHON=/path/to/python chooses one.
.DEFAULT_GOAL := help
PY := .venv/bin/python
# More than the cores: the scenarios mostly wait.
WORKERS ?= 3
.PHONY: help run test test-databases test-long lint bench setup setup-dev clean clean-data

help:
	@echo 'make run        everything on this machine, with a sandbox that plays WeChat and WeCom (Ctrl-C stops it)'
	@echo 'make test       the tests (at most 5 minutes); make test-databases: more of them on MariaDB;'
	@echo '                make test-long: kills, fuzz, soak, volume'
	@echo 'make lint       style and types; make bench: the benchmarks'
	@echo 'make clean      removes .venv and caches; make clean-data: removes ./var with all its data'

setup:
	@sh tools/setup.sh embedded

setup-dev:
	@sh tools/setup.sh dev

run: setup
	@exec $(PY) wsgi.py

test: setup-dev
	$(PY) -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m 'not long'

test-databases: setup-dev
	$(PY) -m pytest -q -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m databases

test-long: setup-dev
	$(PY) -m pytest -q -m long

lint: setup-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

bench: setup-dev
	$(PY) -m bench

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

clean-data:
	@printf 'This removes ./var with all customers, tags and messages in it. Enter to go on, Ctrl-C to keep it. '; read -r answer
	rm -rf var
