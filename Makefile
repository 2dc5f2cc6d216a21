# One word a routine; each sets up its own .venv if it is missing.
PYTHON ?= python3
BIN := .venv/bin
TESTS := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile
READY := .venv/.ready
LOCKED := --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate \
  --custom-compile-command "make lock"

.PHONY: demo test test-slow test-spark test-prefect lint bench docs lock clean

demo: $(READY)  ## the whole story on generated data; ONCE=1 ends by itself and prints a summary
	$(BIN)/triage demo $(if $(ONCE),--once)

test: $(READY)  ## the tests
	$(TESTS)

test-slow: $(READY)  ## long and statistical tests, random input with many more examples, and the floors of coverage
	$(TESTS) --no-loadscope-reorder -m slow
	$(TESTS) tests/features tests/routing --cov --cov-report=
	$(BIN)/python -m coverage report --include='features/*' --fail-under=95
	$(BIN)/python -m coverage report --include='routing/*' --fail-under=95
	EXAMPLES_TIMES=4 $(TESTS) -m 'hypothesis and not slow'

test-spark: .venv-spark/.ready  ## the backfill on a real Spark, in an environment of its own; needs Java
	.venv-spark/bin/python -m pytest tests/training/backfill

test-prefect: $(READY) .venv-prefect/.ready  ## calls as flow runs of a real Prefect server, which has an environment of its own
	$(BIN)/python -m pytest -m 'slow or not slow' tests/serving/prefect

lint: $(READY)  ## style, types, architecture
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(READY)  ## side-by-side measurements; writes docs/benchmarks.md
	$(BIN)/python -m pytest tests/benchmarks -m benchmark -s --no-header

docs: $(READY)  ## what is made from the code: docs/openapi.json, docs/features.md, docs/mapping-reference.md
	$(BIN)/python -m serving.openapi
	$(BIN)/python -m features.catalogue
	$(BIN)/python -m features.ingest.reference

lock: $(READY)  ## choose versions anew
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra brokers --extra postgresql --extra dev --extra bench --extra notebooks \
	  $(LOCKED) --upgrade -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra spark --extra dev $(LOCKED) \
	  --constraint requirements.lock -o training/backfill/requirements.lock
	$(BIN)/uv pip compile tests/serving/prefect/requirements.in $(LOCKED) \
	  --upgrade -o tests/serving/prefect/requirements.lock

clean:  ## everything that can be made again
	rm -rf .venv .venv-spark .venv-prefect var .coverage htmlcov .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, found " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $(READY)

.venv-spark/.ready: training/backfill/requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv-spark
	.venv-spark/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r training/backfill/requirements.lock
	.venv-spark/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	touch $@

.venv-prefect/.ready: tests/serving/prefect/requirements.lock
	$(PYTHON) -m venv .venv-prefect
	.venv-prefect/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	touch $@
