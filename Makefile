# Two commands on a fresh machine that has git, make and Python 3.11 or later:
#   make demo    fit mixed models to simulated dragons
#   make test    run the tests
# The rest: make help

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help demo test test-lowest test-fast lint lint-ruff lint-format lint-types lint-imports docs docs-links bench bench-predict
.PHONY: bench-effects bench-many bench-encoder bench-cluster bench-import dist test-wheel clean

VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Not python3: NumPy and pandas of the lowest versions have no wheels for a later Python.
PYTHON311 := python3.11 /usr/bin/python3.11 /usr/local/bin/python3.11
# The part of the suite for the lowest versions: what leans on other packages, and the numbers.
FAST := $(addprefix tests/test_,$(addsuffix .py,floors parity common design formula density displays \
	data_grid level_displays spellings links special))
# Each process has a processor to itself: threads of the linear algebra would wait for one another.
# Neighbors in a file share fits, so that each process takes files in a row.
RUN_TESTS = MPLBACKEND=Agg OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal
PYTHONS := $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11

help:  ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s '|' \
		2>/dev/null || grep '##' $(firstword $(MAKEFILE_LIST))

demo: $(VENV)/.stamp-plot  ## fit mixed models to simulated dragons; draws a picture
	MPLBACKEND=Agg $(BIN)/python examples/dragons.py

test: $(VENV)/.stamp-test  ## run the tests; choose with PYTEST="-k formula" or PYTEST="-m slow"
	$(RUN_TESTS) $(PYTEST)

test-lowest:  ## run the fast part of the tests with Python 3.11 and the lowest versions, in .venv-lowest
	@$(MAKE) --no-print-directory VENV=.venv-lowest PYTHONS="$(PYTHON311)" CONSTRAINTS=constraints/lowest.txt test-fast

test-fast: $(VENV)/.stamp-test $(VENV)/.stamp-dask
	$(RUN_TESTS) $(or $(PYTEST),$(FAST))

lint: lint-ruff lint-format lint-types lint-imports  ## style, types and floors

lint-ruff: $(VENV)/.stamp-dev
	$(BIN)/ruff check .

lint-format: $(VENV)/.stamp-dev
	$(BIN)/ruff format --check .

lint-types: $(VENV)/.stamp-dev
	$(BIN)/mypy

lint-imports: $(VENV)/.stamp-dev
	$(BIN)/lint-imports

# -a: of pages that are not written again, Sphinx would forget the entries of the index.
docs: $(VENV)/.stamp-docs  ## build the documentation in docs/_build/html; runs all examples
	MPLBACKEND=Agg $(BIN)/python -m sphinx -a -W --keep-going -b html -d docs/_build/doctrees docs docs/_build/html

docs-links: docs  ## build the documentation, check its internal links, and open its pages in Chromium
	$(BIN)/python docs/_ext/check_links.py docs/_build/html
	$(BIN)/python docs/_ext/check_browser.py docs/_build/html

bench: $(VENV)/.stamp-plot  ## time fits, beside other programs that are there; BENCH="--quick", BENCH="--only InstEval", BENCH="--help"
	$(BIN)/python benchmarks/bench.py $(BENCH)

bench-predict: $(VENV)/.stamp-plot  ## time predictions, and measure their memory
	$(BIN)/python benchmarks/predict.py $(BENCH)

bench-effects: $(VENV)/.stamp-plot  ## time answers for single rows with effects in four predictors
	$(BIN)/python benchmarks/four_effects.py

bench-many: $(VENV)/.stamp-plot  ## time the fits of one model to many responses
	$(BIN)/python benchmarks/fit_many.py $(BENCH)

bench-encoder: $(VENV)/.stamp-plot  ## compare GLMMEncoder with scikit-learn's TargetEncoder
	$(BIN)/python benchmarks/encoder.py $(BENCH)

bench-cluster: $(VENV)/.stamp-dask  ## time fits of rows on two dask workers, against fits in memory
	$(BIN)/python benchmarks/cluster.py $(BENCH)

bench-import: $(VENV)/.stamp-plot  ## time an import, and a first fit, beyond scikit-learn and pandas
	$(BIN)/python benchmarks/imports.py $(BENCH)

dist: $(VENV)/.stamp-release  ## build the wheel and the sdist in dist, and check them
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*

# pytest, not python -m pytest: the library is that of the wheel, and not of this folder.
test-wheel: dist  ## install the wheel alone in .venv-wheel, fit with it, and run tests with it
	$(BIN)/python -m venv --clear .venv-wheel
	.venv-wheel/bin/python -m pip --disable-pip-version-check --quiet install dist/*.whl
	.venv-wheel/bin/python -I .ci/check_wheel.py
	.venv-wheel/bin/python -m pip --disable-pip-version-check --quiet install "$$(echo dist/*.whl)[test]"
	MPLBACKEND=Agg OPENBLAS_NUM_THREADS=1 .venv-wheel/bin/pytest --numprocesses auto --dist worksteal \
		$(or $(PYTEST),$(FAST))

clean:  ## remove the environment and everything that was built
	rm -rf $(VENV) .venv-lowest .venv-wheel build dist .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf docs/_build docs/api/backreferences docs/api/generated docs/gallery docs/tutorial docs/workflows docs/sg_execution_times.rst
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One environment for everything; each extra is installed once for each pyproject.toml, and adds
# to the others.
$(VENV)/.stamp-%: pyproject.toml $(CONSTRAINTS) $(VENV)/.stamp-venv
	$(PIP) install $(addprefix --constraint=,$(CONSTRAINTS)) --editable ".[$*]"
	@touch $@

$(VENV)/.stamp-venv:
	@for python in $(PYTHONS); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			echo "creating $(VENV) with $$("$$python" --version)"; \
			"$$python" -m venv --clear $(VENV) && touch $@ && exit 0; \
			rm -rf $(VENV); \
			echo "expected '$$python -m venv' to work; install it (Debian: apt-get install python3-venv)" >&2; \
			exit 1; \
		fi; \
	done; \
	echo "expected Python 3.11 or later, found none of: $(PYTHONS)" >&2; \
	echo "install one, or say where it is: make PYTHON=/path/to/python3.12 ..." >&2; \
	exit 1
