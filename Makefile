# Every target makes the virtual environment by itself; a fresh machine needs Python ≥ 3.11 and make.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test check static bench clean

help:           ## list the targets
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/'

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]' --group dev
	touch $(READY)

demo: $(READY)  ## find a cut, mend it, and learn to read digits through an argmax: table, plot, report
	$(BIN)/argrad doctor examples/select_broken.py || test $$? -eq 1
	$(BIN)/argrad compare select --out out/demo --overwrite
	$(BIN)/argrad doctor examples/select_repaired.py

test: $(READY)  ## all tests; README and docs are run too
	$(BIN)/python -m pytest -n 2 --dist loadfile

static: $(READY) ## format, lint, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyrefly check
	$(BIN)/lint-imports

check: static test ## everything that CI runs

bench: $(READY) ## every benchmark against its peers; writes benchmarks/results/*.json
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group bench
	@for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

clean:          ## remove the environment and what the demo wrote
	rm -rf $(VENV) out
