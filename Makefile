# The work of the project, and the example to copy for batch jobs of your own (see "models").

PYTHON ?= python3

.DELETE_ON_ERROR:
.PHONY: demo test check format docs pictures oracle slow browser smoke bench models clean help

help:
	@echo "make demo     train configs/iris.yaml, predict, print the metrics"
	@echo "make test     run the tests"
	@echo "make models   train every spec of configs/ into models/ (make -j2 models: two at a time)"
	@echo "make check    format, lint, types, import layers, tests"
	@echo "make oracle   the tests that compare with PyTorch and scikit-learn"
	@echo "make slow     the tests that take minutes: scores on noise, every pair of numeric keys"
	@echo "make browser  the tests that open a report in headless Chromium"
	@echo "make smoke    the package built, installed in fresh environments, oldest and newest, and put to work"
	@echo "make docs     the reference of the spec, its JSON Schema and the manual pages, from the code"
	@echo "make pictures the pictures of the documentation, by the commands that it shows"
	@echo "make bench    nnfit, scikit-learn and PyTorch side by side (OLD=PYTHON: and the nnfit that this Python has)"

# --- environments: one file each says that it is complete and newer than what it was made from ---------------------

.venv/bin/python:
	$(PYTHON) -m venv .venv || { rm -rf .venv; echo "python3 needs its venv module: apt install python3-venv" >&2; exit 1; }

.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	.venv/bin/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

.venv/.dev: .venv/.installed
	.venv/bin/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

.venv/.bench: .venv/.dev
	.venv/bin/pip install --quiet --constraint constraints.txt --editable '.[dev,bench]'
	@touch $@

# --- use -----------------------------------------------------------------------------------------------------------

demo: .venv/.installed
	.venv/bin/nnfit train configs/iris.yaml -o models/iris.npz --depfile models/iris.d
	.venv/bin/nnfit predict models/iris.npz datasets/iris.csv --proba -o models/iris_predictions.csv
	@head -n 4 models/iris_predictions.csv
	@echo "The table holds the rows that were learnt from, too. nnfit says so, and which score is the honest one:"
	.venv/bin/nnfit evaluate models/iris.npz datasets/iris.csv

# One model for each spec. A model is trained again when its spec, or a data file that nnfit read for it, is newer;
# nnfit writes those dependencies itself (--depfile). A failed training leaves the model as it was. Each has a core of its
# own (--threads 1, which changes no byte): make -j keeps all cores busy, and several on each would fight for them.
SPECS := $(wildcard configs/*.yaml)
MODELS := $(SPECS:configs/%.yaml=models/%.npz)

models: $(MODELS)

models/%.npz: configs/%.yaml | .venv/.installed
	.venv/bin/nnfit train $< -o $@ --depfile models/$*.d --json models/$*.json --threads 1 --quiet

-include $(wildcard models/*.d)

# --- development ---------------------------------------------------------------------------------------------------

# A process for each core; .venv/bin/pytest alone is one process, and with -m "not process" the quick loop.
PYTEST = .venv/bin/pytest -n auto --dist worksteal

test: .venv/.dev
	$(PYTEST)

check: .venv/.dev
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(PYTEST)

format: .venv/.dev
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

docs: .venv/.installed
	.venv/bin/python -m nnfit.config.reference docs
	.venv/bin/python -m nnfit.cli.manual docs/man

pictures: .venv/.dev
	.venv/bin/python benchmarks/pictures.py

oracle: .venv/.bench
	.venv/bin/pytest -m oracle

slow: .venv/.dev
	$(PYTEST) -m slow

browser: .venv/.dev
	.venv/bin/pytest -m browser

smoke:
	$(PYTHON) tests/smoke.py

bench: .venv/.bench
	.venv/bin/python benchmarks/speed.py $(if $(OLD),--old $(OLD))
	.venv/bin/python benchmarks/folds.py

clean:
	rm -rf models/*.npz models/*.d models/*.json models/*.csv
