# Each target creates what it needs. Python 3.11, make and git are all that must be there.
PYTHON ?= $(firstword $(shell command -v python3.11 python3))
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo
export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: setup demo test test-core-2.20 test-engines test-images lint bench clean

setup: $(VENV)/ready

$(VENV)/ready: pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "make: $(PYTHON) is not on PATH; install Python 3.11, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Setting up $(VENV): a few minutes the first time"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[data,train,dev]'
	@touch $@

demo: setup
	@$(BIN)/python -m cli.demo $(DEMO)

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

test: lint
	$(BIN)/python -m pytest -n auto --dist worksteal

# albert_core alone on tensorflow 2.20, the newest that tensorflow-tpu has; the other pins are those of constraints.txt.
CORE := .venv-tf220
test-core-2.20: $(CORE)/ready
	$(CORE)/bin/python -m pytest -n auto tests/albert_core

$(CORE)/ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(CORE)
	grep -v '^tensorflow' constraints.txt > $(CORE)/constraints.txt
	$(CORE)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(CORE)/constraints.txt \
	  --editable '.[train]' 'tensorflow==2.20.*' pytest pytest-xdist hypothesis
	@touch $@

# Flink, inside its job server and as a cluster: half a gigabyte from the package registries, kept in ~/.cache/albert-zh-engines.
test-engines: setup
	$(BIN)/python -m tests.engines.flink_libraries
	$(BIN)/python -m pytest -m engines tests/engines

# The steps of the Dockerfiles, each in a fresh environment: they install all libraries, minutes each.
test-images: setup
	$(BIN)/python -m pytest -m engines tests/docker

bench: setup
	$(BIN)/python -m tests.benchmarks.instances
	$(BIN)/python -m tests.benchmarks.workers
	$(BIN)/python -m tests.benchmarks.instance_law
	$(BIN)/python -m tests.benchmarks.order_probe
	$(BIN)/python -m tests.benchmarks.words
	$(BIN)/python -m tests.benchmarks.cleaning
	$(BIN)/python -m tests.benchmarks.cleaning speed
	$(BIN)/python -m tests.benchmarks.forward
	$(BIN)/python -m tests.benchmarks.training
	$(BIN)/python -m tests.benchmarks.training tiny bfloat16

clean:
	rm -rf $(DEMO) build *.egg-info
