# `make help` lists all targets.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.complete
PORT ?= 5000
CODE := src tests benchmarks replications docs/site_build.py

# compiled modules are kept, whatever the environment says: without them every stage compiles all that it imports
unexport PYTHONDONTWRITEBYTECODE

PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check

export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := 1
export NO_MKDOCS_2_WARNING := 1

.DEFAULT_GOAL := help
.PHONY: help setup spark params repro quick test test-fast lint format docs ui serve app clean lock

help: ## List all targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | expand -t 12

# Up to date as long as neither the lock file nor the package's own description changes. A set-up that
# fails halfway leaves no stamp, so the next call repeats it. uv needs a fraction of pip's time. It gets the CPU build of
# torch, which pip finds, since by itself it takes the one for CUDA; what uv cannot do, pip does.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	@$(PIP) install uv \
	  && $(PIP) download --no-deps --dest .venv/wheels $$(grep '^torch==' requirements.lock) \
	  && $(BIN)/uv pip install --quiet --python $(BIN)/python --find-links .venv/wheels -r requirements.lock \
	  || $(PIP) install -r requirements.lock
	$(PIP) install --no-deps -e .
	@touch $(STAMP)

setup: $(STAMP) ## Create .venv with the locked dependencies (does nothing when up to date)

spark: setup ## Add Spark to .venv, for what one machine does not hold (450 MB; needs Java 17)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock -e '.[spark]'

params: setup ## Compose params.yaml from conf/
	@$(BIN)/reelbench params

repro: setup ## Run every stage that is out of date; of a data set: make repro DATA=NAME
	@$(BIN)/reelbench run $(if $(DATA),"$(DATA)") $(if $(QUICK),--quick)

quick: setup ## Run the pipeline with a few models only, in conf/models/quick.yaml
	@$(BIN)/reelbench run models=quick

# By file, since the tests of a file share what they have set up.
test: setup ## Run all tests, in two processes
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --durations 15

test-fast: setup ## Run the tests for everyday work, under two minutes
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m "not slow" --quiet

lint: setup ## Check style, types and the direction of imports
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup ## Format the code
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

docs: setup ## Build the documentation into site/
	$(BIN)/mkdocs build --strict --quiet

ui: setup ## Open the MLflow UI on 127.0.0.1 (PORT=5000)
	@$(BIN)/reelbench ui --port $(PORT)

serve: PORT = 5001
serve: setup ## Serve the champion over HTTP on 127.0.0.1 (PORT=5001)
	@$(BIN)/reelbench serve --port $(PORT)

app: PORT = 7860
app: setup ## Open the app in the browser, on 127.0.0.1 (PORT=7860)
	@$(BIN)/reelbench app --port $(PORT)

clean: ## Remove the environment, data, runs and caches
	rm -rf .venv data .dvc/cache .dvc/tmp mlruns mlflow.db mlflow.db.lock dvc_plots
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build src/*.egg-info

lock: ## Resolve requirements.lock again from pyproject.toml
	rm -rf .venv-lock
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --disable-pip-version-check '.[dev]'
	{ echo '# Made by `make lock`: every package that `make setup` installs, with its exact version.'; \
	  .venv-lock/bin/python -m pip freeze | grep -v '^reelbench' | sed -E 's/\+cpu$$//; s/ @ file:.*//'; } > requirements.lock
	rm -rf .venv-lock build
