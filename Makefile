# Each target does its own set-up: a bare clone, Python 3.11 or later, pip and make are all it takes.
PYTHON ?= python3
WORKERS ?= auto
MINUTES ?= 10
SEEDS ?= 200
# The versions of Python that `make matrix` asks for; empty: those that the project claims.
PYTHONS ?=
TESTS ?=
LOSSES ?= 5000
QUICK ?=
EXAMPLES ?= 100
# The store of `make soak`, `make sim` and `make faults`: postgres; empty: SQLite, and memory where that is enough.
STORE ?=
ON_STORE = $(if $(STORE),OPORD_TEST_STORE=$(STORE) )$(BIN)/python
# What runs on PostgreSQL: a short suite of the engine with each change, all of them before a release.
POSTGRES_SHORT := tests/engine/test_crash_points.py tests/engine/test_steps.py tests/engine/test_events.py \
  tests/engine/test_claimed_anew.py tests/engine/test_late_answers_of_the_store.py
POSTGRES_SUITES ?= tests/stores tests/migrations tests/engine tests/faults tests/sim tests/testing tests/kill/test_siege.py
DEBIAN_15 ?= /usr/lib/postgresql/15/bin
BIN := .venv/bin
STAMP := .venv/.installed

# Debian ships Python without the module that puts pip into a new environment: then the system's pip does it.
without_ensurepip = { $(PYTHON) -m venv --clear --without-pip .venv && \
  $(PYTHON) -m pip --python $(BIN)/python install --quiet --disable-pip-version-check pip; }

.DEFAULT_GOAL := help
.PHONY: help demo test check format matrix postgres package golden api fuzz soak sim mutants faults power bench bench-two bench-http bench-scale bench-postgres bench-peers bench-check docs clean .venv

help: ## list what can be made
	@awk -F ':.*## ' '/^[.a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv: $(STAMP) ## the virtual environment, with pinned tools

# The stamp is newer than what decides the environment; an interrupted installation leaves none.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Opord needs Python 3.11 or later: make PYTHON=python3.12 ...")'
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv .venv || $(without_ensurepip)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' --constraint constraints.txt
	touch $@

demo: $(STAMP) ## watch a card being charged once, whatever dies on the way
	$(BIN)/opord demo

test: $(STAMP) ## run the tests (WORKERS=n: on n processes)
	$(BIN)/python -m pytest -n $(WORKERS)
	OPORD_TEST_STORE=postgres $(BIN)/python -m pytest -n $(WORKERS) $(POSTGRES_SHORT)

check: $(STAMP) ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict src tests/typing examples
	$(BIN)/pyright

format: $(STAMP) ## put the code into form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

matrix: $(STAMP) ## the lowest versions declared, on each Python (PYTHONS="3.12 3.13" TESTS=tests)
	$(BIN)/python tests/install/matrix.py --pythons "$(PYTHONS)" --workers $(WORKERS) $(TESTS)

postgres: $(STAMP) ## all suites of the engine on PostgreSQL 18, and on Debian's 15 (POSTGRES_SUITES=tests/stores)
	OPORD_TEST_STORE=postgres $(BIN)/python -m pytest -n $(WORKERS) $(POSTGRES_SUITES)
	$(BIN)/python tests/soak/servers.py --minutes 3
	@test -x $(DEBIAN_15)/postgres || { echo "no PostgreSQL 15 in $(DEBIAN_15), so nothing was run on it: apt-get install postgresql-15" >&2; exit 1; }
	OPORD_TEST_STORE=postgres OPORD_TEST_POSTGRES_BIN=$(DEBIAN_15) $(BIN)/python -m pytest -n $(WORKERS) $(POSTGRES_SUITES)

package: $(STAMP) ## build the package, look into it, and use it away from the tree
	$(BIN)/python tests/install/package.py

golden: $(STAMP) ## rewrite the golden files; then read the diff as prose
	OPORD_GOLDEN=rewrite $(BIN)/python -m pytest -q -n $(WORKERS) -k golden

api: $(STAMP) ## ask a running API all that its OpenAPI document allows, and what it does not (EXAMPLES=n)
	$(BIN)/python -m tests.server.schemathesis --examples $(EXAMPLES)

fuzz: $(STAMP) ## throw hostile contracts at the checker for MINUTES=n
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[fuzz]' --constraint constraints.txt
	$(BIN)/python tests/fuzz/run.py --minutes $(MINUTES)

soak: $(STAMP) ## kill real workers at every point and at random for MINUTES=n (STORE=postgres)
	$(ON_STORE) tests/soak/run.py --minutes $(MINUTES)

sim: $(STAMP) ## simulate the whole engine under faults, SEEDS=n times (STORE=postgres)
	$(ON_STORE) tests/sim/run.py --seeds $(SEEDS)

faults: $(STAMP) ## every single fault at every operation, and every pair (STORE=postgres)
	$(ON_STORE) tests/faults/run.py

power: $(STAMP) ## take the power away LOSSES=n times, and let the disk fail
	$(BIN)/python tests/disk/run.py --losses $(LOSSES)
	$(BIN)/python tests/disk/run.py --faults

mutants: $(STAMP) ## plant each known bug, and see that something notices it (ONLY=word)
	$(BIN)/python tests/mutants/run.py --only "$(ONLY)"

bench: $(STAMP) ## orders and steps a second, beside the bare store
	$(BIN)/python bench/run.py
	$(BIN)/python bench/check_speed.py

bench-two: $(STAMP) ## orders from one process that workers in others carry, on SQLite and PostgreSQL
	$(BIN)/python bench/backlog.py
	$(BIN)/python bench/two_processes.py
	$(BIN)/python bench/two_processes.py --postgres

bench-http: $(STAMP) ## orders over HTTP: an API process, a worker process, and a client that waits for each end
	$(BIN)/python bench/over_http.py

bench-scale: $(STAMP) ## the same beside a million runs, in a long loop, and beside runs that fail for ever
	$(BIN)/python bench/scale.py
	$(BIN)/python bench/loop.py
	$(BIN)/python bench/poison.py

bench-postgres: $(STAMP) ## what a PostgreSQL server carries here, also beside a million ended runs
	$(BIN)/python bench/postgres.py

bench-peers: $(STAMP) ## the same orders on DBOS, Temporal and Restate, about an hour (QUICK=1: a few minutes)
	$(BIN)/python -m bench.peers $(if $(QUICK),--quick)

bench-check: $(STAMP) ## how long `opord check` takes, and how that grows
	$(BIN)/python bench/check_speed.py --plot docs/images/check-speed.svg
	$(BIN)/python bench/check_growth.py

docs: $(STAMP) ## run every code block of the documents
	$(BIN)/python -m pytest -n $(WORKERS) tests/test_docs.py

clean: ## remove the environment and what the tools left
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
