# Bivisor: everything that people and CI start. `make` alone says what there is.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.bivisor-installed
JOBS   ?= 2

.PHONY: help demo test nightly lint format bench clean

help:
	@echo "make demo     run the hypervisor with two guests on the simulated core"
	@echo "make test     run the test suite"
	@echo "make nightly  run the long tests as well"
	@echo "make bench    measure and print the performance table"
	@echo "make lint     check style and types"
	@echo "make clean    remove what was built (not the virtual environment)"

demo: $(STAMP)
	@$(BIN)/bivisor run --demo

test: $(STAMP)
	$(BIN)/pytest -n $(JOBS)

nightly: $(STAMP)
	$(BIN)/pytest -n $(JOBS) -m "nightly or not nightly"

bench: $(STAMP)
	@mkdir -p build
	@$(BIN)/bivisor bench --json build/bench.json --plot build/bench.png

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy rtl firmware cosim boards

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis

# The virtual environment, with the locked versions, whenever they change.
$(STAMP): pyproject.toml requirements.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || \
		{ echo "no virtual environment can be made; install it with: apt-get install python3-venv" >&2; exit 1; }
	@echo "installing Python packages into $(VENV)" >&2
	@$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@
