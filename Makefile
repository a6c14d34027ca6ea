# `make` alone prints this help; `make run` and `make test` need Python >= 3.11 and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-run
DEV_STAMP := $(VENV)/.installed-dev
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
# Whose Python is gone, or was left half made, is made anew: by itself it would never become whole.
$(shell test -x $(BIN)/python || rm -f $(RUN_STAMP) $(DEV_STAMP))

.PHONY: help run test hostile chaos siege check lint types imports bench bench-failover bench-grow bench-instructions bench-latency bench-locks bench-memory bench-move bench-prune bench-refuse bench-scale bench-size bench-storm bench-work migration-report dist lock clean

help: ## Print this help
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Hookonce needs Python 3.11 or newer; name one with: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); exit 1; }

$(RUN_STAMP): requirements/run.lock pyproject.toml | $(BIN)/python
	$(PIP_INSTALL) --no-deps --require-hashes -r requirements/run.lock
	$(PIP_INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(DEV_STAMP): requirements/dev.lock $(RUN_STAMP)
	$(PIP_INSTALL) --no-deps --require-hashes -r requirements/dev.lock
	@touch $@

# A terminal that is closed stops both as Ctrl-C does: honcho would die of it and leave them running.
# It would also read a file .env, which no other command does.
HONCHO := $(BIN)/python -c 'import os, signal; from honcho.command import main; \
	quietly = lambda *_: (os.dup2(os.open(os.devnull, os.O_WRONLY), 1), signal.raise_signal(signal.SIGTERM)); \
	signal.signal(signal.SIGHUP, quietly); main()' -e /dev/null

RUN_PORT := $(or $(PORT),8000)
run: export HOOKONCE_PUBLIC_URL := $(or $(HOOKONCE_PUBLIC_URL),http://127.0.0.1:$(RUN_PORT))
run: export PORT := $(RUN_PORT)
run: $(RUN_STAMP) ## Migrate the embedded database, then serve on http://127.0.0.1:8000 with a worker
	@$(if $(GUNICORN_CMD_ARGS),true,$(BIN)/python -c 'import socket; socket.create_server(("127.0.0.1", $(RUN_PORT)))' 2>/dev/null) \
		|| { echo "port $(RUN_PORT) of 127.0.0.1 cannot be used; choose another: make run PORT=8001"; exit 1; }
	@mkdir -p var/scripts
	@$(BIN)/alembic upgrade head
	@sed 's|http://127.0.0.1:8000|$(HOOKONCE_PUBLIC_URL)|$(if $(filter 8000,$(RUN_PORT)),,;4i\  export PORT=$(RUN_PORT))' docs/first-webhook.txt
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(HONCHO) start || test $$? = 130

# A process that dies ends the run and is told with its test: beside a new one the run would never end.
# CI runs a few tests that failed once more, alone, with the same seed.
test: $(DEV_STAMP) ## Run the tests on SQLite and on a PostgreSQL that they bring themselves
	$(BIN)/python -m pytest -n 3 --max-worker-restart 0 $(if $(TESTS_THOROUGH),--cache-clear || $(BIN)/python .ci/second_look.py $$?)

hostile: $(DEV_STAMP) ## Send 20,000 generated requests to each database (minutes)
	TESTS_EXAMPLES=20000 $(BIN)/python -m pytest -q tests/web/test_arbitrary_requests.py

chaos: $(DEV_STAMP) ## Kill, freeze, restart for half an hour and write docs/chaos.md; CHAOS="--seed N" repeats
	@mkdir -p var
	$(BIN)/python -m bench.chaos --write docs/chaos.md $(CHAOS) 2>var/chaos.log || { tail -n 40 var/chaos.log; exit 1; }

siege: $(DEV_STAMP) ## Attack a receiver, and measure honest senders, refusals and memory (an hour)
	@mkdir -p var
	$(BIN)/python -W ignore -m bench.siege 2>var/siege.log || { tail -n 40 var/siege.log; exit 1; }
	$(MAKE) bench-refuse bench-memory

check: lint types imports test $(if $(LONG),hostile) ## Everything that CI checks; LONG=1 with `make hostile` too

lint: $(DEV_STAMP) ## Style, common mistakes, and documentation in plain statements
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python .ci/plain_words.py .ci alembic/env.py app bench deploy gunicorn.conf.py tests

types: $(DEV_STAMP) ## Static types of app/
	$(BIN)/mypy

imports: $(DEV_STAMP) ## Imports point down the rooms of docs/architecture.md
	$(BIN)/lint-imports

bench: $(DEV_STAMP) ## Measure receiving against the ceiling (minutes; LONG=1 for the table of docs/performance.md)
	@mkdir -p var/bench
	$(BIN)/python -m bench.receiving $(if $(LONG),--repetitions 7 --seconds 3) 2>var/bench/receiving.log \
		|| { tail -n 40 var/bench/receiving.log; exit 1; }

bench-grow: $(DEV_STAMP) ## Measure whether a new installation under load stays as fast as it began
	@mkdir -p var
	$(BIN)/python -m bench.growing 2>var/growing.log || { tail -n 40 var/growing.log; exit 1; }

bench-instructions: $(DEV_STAMP) ## Count the instructions of a request with valgrind (AGAINST=another checkout; minutes)
	@mkdir -p var
	$(BIN)/python -m bench.instructions $(if $(AGAINST),--against $(AGAINST)) 2>var/instructions.log \
		|| { tail -n 40 var/instructions.log; exit 1; }

bench-locks: $(DEV_STAMP) ## Measure how long each revision keeps a writer waiting (LOCKS="--rows 10000000")
	@mkdir -p var
	$(BIN)/python -m bench.locks $(LOCKS) 2>/dev/null | tee var/locks.txt

bench-latency: $(DEV_STAMP) ## Measure how soon an idle worker starts an execution, and what waiting costs
	@mkdir -p var
	$(BIN)/python -m bench.latency 2>var/latency.log

bench-work: $(DEV_STAMP) ## Measure how many executions a worker makes a second
	@mkdir -p var
	$(BIN)/python -m bench.working 2>var/working.log || { tail -n 40 var/working.log; exit 1; }

REPORTED := $(addprefix tests/migrations/test_,round_trip.py adoption.py kill_points.py) tests/process/db/test_live_migrations.py

bench-size: $(DEV_STAMP) ## Measure whether ten million executions make anything slower (most of an hour)
	@mkdir -p var
	$(BIN)/python -m bench.size $(SIZE) 2>var/size.log || { tail -n 40 var/size.log; exit 1; }

bench-scale: $(DEV_STAMP) ## Measure receiving on 1 and 2 cores with 1 to 4 processes, compared with a model (minutes)
	@mkdir -p var
	$(BIN)/python -m bench.scaling 2>var/scaling.log || { tail -n 40 var/scaling.log; exit 1; }

bench-storm: $(DEV_STAMP) ## Simulate what senders do after an outage of an hour
	$(BIN)/python -m bench.storm

bench-failover: $(DEV_STAMP) ## Measure the seconds without a primary: kill or fence one, promote its standby
	@mkdir -p var
	$(BIN)/python -m bench.failover 2>var/failover.log || { tail -n 40 var/failover.log; exit 1; }

bench-move: $(DEV_STAMP) ## Measure a move of a million executions to PostgreSQL and back (MOVE="--executions 10000000")
	@mkdir -p var
	$(BIN)/python -m bench.moving $(MOVE) 2>var/moving.log || { tail -n 40 var/moving.log; exit 1; }

bench-prune: $(DEV_STAMP) ## Measure whether removing what is kept no longer keeps a sender waiting
	@mkdir -p var
	$(BIN)/python -m bench.pruning 2>var/pruning.log || { tail -n 40 var/pruning.log; exit 1; }

bench-refuse: $(DEV_STAMP) ## Measure what refused requests cost, compared with accepted ones
	@mkdir -p var
	$(BIN)/python -m bench.refusing 2>var/refusing.log || { tail -n 40 var/refusing.log; exit 1; }

bench-memory: $(DEV_STAMP) ## Measure whether a million mixed requests make a receiver grow (half an hour)
	@mkdir -p var
	$(BIN)/python -m bench.memory $(MEMORY) 2>var/memory.log || { tail -n 40 var/memory.log; exit 1; }

migration-report: $(DEV_STAMP) ## Run the migrations' tests at every kill and write docs/migrations.md (half an hour)
	@mkdir -p var
	TESTS_THOROUGH=1 TESTS_EVERY_KILL=1 $(BIN)/python -m pytest -q -n 2 $(REPORTED) --junitxml var/tests.xml
	$(BIN)/python -m bench.migration_report docs/migrations.md --tests var/tests.xml $(addprefix --locks ,$(wildcard var/locks.txt))

dist: $(RUN_STAMP) ## Build dist/hookonce-*.tar.gz, which installs without checkout and package index
	$(BIN)/python deploy/make_dist.py

lock: $(BIN)/python ## Resolve pyproject.toml into the lock files again
	$(PIP_INSTALL) uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml --group run -o requirements/run.lock
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		pyproject.toml --group run --group dev -o requirements/dev.lock

clean: ## Remove what make made, not var/ (your data)
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .coverage
