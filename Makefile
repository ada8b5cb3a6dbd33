# Every target starts from nothing: .venv is made when it is missing and made anew when what it holds changes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
LESSON ?= soft_sort
PYTEST := $(BIN)/python -m pytest
# Two cores, no network: hubs are told so, and each process keeps to one thread.
export HF_HUB_OFFLINE := 1
export TOKENIZERS_PARALLELISM := false

.PHONY: help setup book test test-processors test-all lint bench sync lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Paper Lessons needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

setup: $(STAMP) ## the environment in .venv

book: $(STAMP) ## the site in _build/html, its chapters executed
	$(BIN)/jupyter-book build book --config _config.yml --path-output . --all -W -n --keep-going

test: $(STAMP) ## the fast tests, the package's examples and the solutions
	$(PYTEST) -m "not slow"
	$(PYTEST) -p no:cacheprovider --nbval solutions

test-all: $(STAMP) ## all tests
	$(PYTEST)
	$(PYTEST) -p no:cacheprovider --nbval solutions

test-processors: $(STAMP) ## what compares numbers, as other processors compute it
	$(BIN)/python tests/processors.py

lint: $(STAMP) ## style, types and spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell book paper_lessons solutions tests *.md

bench: $(STAMP) ## speed against the rivals: make bench LESSON=soft_sort
	$(BIN)/python tests/benchmarks/run.py $(LESSON)

sync: $(STAMP) ## learners' notebooks, solutions and downloads from their sources
	$(BIN)/python -m paper_lessons.classroom.sync
	$(BIN)/python book/_ext/plain_notebooks.py
	$(BIN)/python tests/processors.py --references

lock: $(STAMP) ## constraints.txt from what is installed now
	{ head -n 2 constraints.txt; $(BIN)/python -m pip freeze --exclude-editable; } > constraints.new
	mv constraints.new constraints.txt

clean: ## everything that was made
	rm -rf $(VENV) _build dist
