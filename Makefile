# `make up` starts the platform, `make test` tests it; both make their environment first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/dev.txt
STAMP := $(VENV)/.stamp
UV := $(BIN)/uv
UP ?=
STATE ?=
IN = $(if $(STATE),--state-dir $(STATE))

.DEFAULT_GOAL := help
.PHONY: help setup up down status test test-influx check format bench bench-loop bench-symbols bench-import bench-stores bench-orders bench-ledger store-outage sizing-table \
  replay-report faults soak proof proof-platform lock

help:
	@echo "make up      start the platform and watch it (options: make up UP='--port 3001 --speed 60')"
	@echo "make down    stop it from another terminal (up, down and status: STATE=DIR for a state folder other than var)"
	@echo "make status  what runs, where and since when"
	@echo "make test    run the tests (options: make test PYTEST='-k risk')"
	@echo "make test-influx  the store's contract, a million rows included, on the InfluxDB 2 that INFLUXDB_V2_* name"
	@echo "make check   lint, types, import rules, Dagster definitions"
	@echo "make bench   everything that is measured: the six below, one after the other (half an hour)"
	@echo "make bench-loop  latency and CPU of the loop beside stock Dagster"
	@echo "make bench-symbols  what a refresh costs for 1, 10 and 100 symbols (two minutes)"
	@echo "make bench-import  a million candles from an archive, beside a plain COPY of the same rows"
	@echo "make bench-stores  both stores of market data side by side (INFLUXDB_V2_*: a real InfluxDB)"
	@echo "make store-outage  ten minutes without InfluxDB at speed 60: lost, doubled, what went on"
	@echo "make sizing-table  what accounts of four sizes would buy under the exchange's recorded filters"
	@echo "make replay-report REPLAY='--folder DIR --from 2021-04-18T02:00 --days 0.5'  recorded days stepped through: trades, equity curve, books"
	@echo "make bench-orders  from reservation to acknowledgement, beside a venue that answers at once (a minute)"
	@echo "make bench-ledger  approvals a second, one at a time and 64 at once from 8 processes (a minute)"
	@echo "make proof   1,000 traders killed anywhere: ledger and exchange agree (options: make proof PROOF='--runs 50')"
	@echo "make proof-platform  the same with the whole platform and its workers, 20 kills"
	@echo "make faults  every fault of the venue: noticed when, fresh when, rows lost (eight minutes at most)"
	@echo "make soak    two hours at the speed of life with random faults: memory, logs, candles (SOAK='--minutes 10')"
	@echo "make setup   the environment only, in $(VENV)"
	@echo "make lock    resolve pyproject.toml into requirements/*.txt (UPGRADE=1: newest versions)"

setup: $(STAMP)

# The stamp is newer than all it depends on, so a second `make` does nothing.
$(STAMP): pyproject.toml $(LOCK) requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, $(PYTHON) is $$($(PYTHON) -V 2>&1 | head -1): install one and run 'make PYTHON=python3.12 ...'" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) lacks the venv module: install it (Debian: apt install python3-venv) and try again" >&2; exit 2; }
	@echo "Making the environment in $(VENV) (once; a few minutes on a slow line)"
	@test -x $(BIN)/python && $(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || $(PYTHON) -m venv --clear $(VENV)
	@test -x $(UV) || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@$(UV) pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode $(LOCK)
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-index --editable .
	@$(BIN)/python -m compileall -q trading_platform
	@touch $@

up: $(STAMP)
	@$(BIN)/trading-platform up $(IN) $(UP)

down: $(STAMP)
	@$(BIN)/trading-platform down $(IN)

status: $(STAMP)
	@$(BIN)/trading-platform status $(IN)

# Three workers: one runs the whole platform and mostly waits for it, the others everything else meanwhile.
test: $(STAMP)
	@$(BIN)/python -m pytest --numprocesses=3 $(PYTEST)

# Everything goes into buckets of random names, which are deleted again.
INFLUX_TESTS := contracts/test_series_store.py contracts/test_series_store_killed.py contracts/test_movable_store.py \
  integration/test_influx_server.py end_to_end/test_influxdb.py

test-influx: $(STAMP)
	@test -n "$$INFLUXDB_V2_URL" -a -n "$$INFLUXDB_V2_TOKEN" -a -n "$$INFLUXDB_V2_ORG" || { \
	  echo "Nothing to test: set INFLUXDB_V2_URL, INFLUXDB_V2_TOKEN (an all-access token) and INFLUXDB_V2_ORG" >&2; exit 2; }
	@TRADING_PLATFORM_TEST_ROWS=$${TRADING_PLATFORM_TEST_ROWS:-1000000} $(BIN)/python -m pytest \
	  $(INFLUX_TESTS:%=trading_platform_tests/%) -k "influxdb-server or influxdb_server or (postgres and not caching)" $(PYTEST)

check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@mkdir -p $(VENV)/dagster-home # the project's own dagster.yaml wants the environment of a running platform
	DAGSTER_HOME=$(CURDIR)/$(VENV)/dagster-home $(BIN)/dagster definitions validate -m trading_platform.definitions

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# One after the other, also under `make -j`: side by side they would measure each other.
bench: $(STAMP)
	@for each in loop symbols import stores orders ledger; do $(MAKE) --no-print-directory bench-$$each || failed=1; done; \
	  test -z "$$failed"

bench-loop: $(STAMP)
	@$(BIN)/python -m benchmarks.loop_latency $(BENCH)

bench-symbols: $(STAMP)
	@$(BIN)/python -m benchmarks.many_symbols $(BENCH)

bench-import: $(STAMP)
	@$(BIN)/python -m benchmarks.candle_import $(BENCH)

bench-stores: $(STAMP)
	@$(BIN)/python -m benchmarks.stores $(BENCH)

store-outage: $(STAMP)
	@$(BIN)/python -m benchmarks.store_outage $(OUTAGE)

sizing-table: $(STAMP)
	@$(BIN)/python -m benchmarks.sizing_table

replay-report: $(STAMP)
	@$(BIN)/python -m benchmarks.replay_report $(REPLAY)

bench-orders: $(STAMP)
	@$(BIN)/python -m benchmarks.order_latency $(BENCH)

bench-ledger: $(STAMP)
	@$(BIN)/python -m benchmarks.ledger_throughput $(BENCH)

proof: $(STAMP)
	@$(BIN)/python -m benchmarks.kill_proof $(PROOF)

proof-platform: $(STAMP)
	@$(BIN)/python -m benchmarks.kill_platform $(PROOF)

faults: $(STAMP)
	@$(BIN)/python -m benchmarks.faults $(FAULTS)

soak: $(STAMP)
	@$(BIN)/python -m benchmarks.soak $(SOAK)

COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-annotate --no-header $(if $(UPGRADE),--upgrade)
# uv repeats the supported environments (tool.uv.environments) on every line: left out, for people to read the rest.
COMMON := (platform_machine == 'aarch64' or platform_machine == 'x86_64') and platform_python_implementation == 'CPython' and sys_platform == 'linux' or platform_python_implementation == 'CPython' and sys_platform == 'darwin'

lock:
	@test -x $(UV) || { $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt; }
	@$(COMPILE) requirements/uv.in -o requirements/uv.txt
	@$(COMPILE) pyproject.toml -o requirements/runtime.txt
	@$(COMPILE) pyproject.toml --group dev -c requirements/runtime.txt -o requirements/dev.txt
	@sed -i.bak "s/ ; $(COMMON) / /" requirements/*.txt && rm requirements/*.txt.bak
