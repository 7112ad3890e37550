# The few words of this project. Each makes .venv first if it is not there; only Python 3.11+, make and a
# package index are needed. What installers and recipes say goes to standard error, so that standard output
# holds only what was asked for.
.PHONY: demo test chaos loss lint docs screenshots bench clean translations
.DEFAULT_GOAL := test

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
SOURCES := kernel plugins client tests bench docs examples
TYPED := kernel/flexmeasures $(wildcard plugins/*/flexmeasures_*) client/flexmeasures_client
ARGS ?=
# Tests and demo start many processes, and without bytecode each of them would compile all that it imports.
unexport PYTHONDONTWRITEBYTECODE

$(READY): requirements.txt constraints.txt pyproject.toml $(wildcard plugins/*/pyproject.toml) client/pyproject.toml
	@{ set -e; \
	for python in $$PYTHON python3 python3.14 python3.13 python3.12 python3.11; do \
	    $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	    python=; \
	done; \
	if [ -z "$$python" ]; then echo "FlexMeasures needs Python 3.11 or newer (PYTHON=/path/to/python make ...)."; exit 1; fi; \
	if command -v uv >/dev/null 2>&1; then \
	    [ -x $(BIN)/python ] || uv venv --quiet --python $$python $(VENV); \
	    uv pip install --quiet --python $(BIN)/python -r requirements.txt -c constraints.txt; \
	else \
	    [ -x $(BIN)/python ] || $$python -m venv $(VENV); \
	    $(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null; \
	    echo "Installing into $(VENV); this takes a minute or two the first time."; \
	    $(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check -r requirements.txt -c constraints.txt; \
	fi; \
	touch $(READY); } >&2

demo: $(READY)
	@$(BIN)/flexmeasures demo $(ARGS)

test: $(READY)
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder --cov --cov-report=term $(ARGS)

# CHAOS=sqlite-table|postgresql-table|postgresql-redis, CHAOS_SEED=n, CHAOS_SECONDS=n
chaos: $(READY)
	@$(BIN)/python tests/together/chaos.py

# LOSS_TIMES=n, LOSS_SEED=n
loss: $(READY)
	@$(BIN)/python tests/together/loss.py

lint: $(READY)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/mypy $(TYPED)
	@$(BIN)/lint-imports --no-cache --no-logo

docs: $(READY)
	@$(BIN)/python docs/generate.py
	@$(BIN)/python -m sphinx -W -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

# Of every page, in both themes and sizes, into a folder; those of README.md and docs/ anew.
SCREENSHOTS ?= /tmp/flexmeasures-screenshots
screenshots: $(READY)
	@mkdir -p $(SCREENSHOTS) docs/images
	@FLEXMEASURES_TEST_SCREENSHOTS=$(SCREENSHOTS) $(BIN)/python -m pytest -q tests/plugins/ui/test_walk.py
	@cp $(SCREENSHOTS)/prosumer-dashboard-light-1280.png docs/images/dashboard.png
	@cp $(SCREENSHOTS)/prosumer-assets-battery-light-1280.png docs/images/asset.png
	@cp $(SCREENSHOTS)/admin-portfolio-show_stacked-production-dark-1280.png docs/images/portfolio.png
	@echo "docs/images/, all of them in $(SCREENSHOTS)"

bench: $(READY)
	@$(BIN)/python bench/run.py $(ARGS)

clean:
	rm -rf $(VENV) docs/_build .mypy_cache .ruff_cache .pytest_cache

# Texts of the pages: found in the code and the templates, merged into the catalogs, and made ready for use.
TRANSLATIONS = plugins/translation/flexmeasures_translation/translations
translations: $(READY)
	cd plugins && ../.venv/bin/pybabel extract -F translation/babel.cfg -k marked --no-location --omit-header \
	  --no-wrap --sort-output -o ../$(TRANSLATIONS)/messages.pot ui/flexmeasures_ui ui_users/flexmeasures_ui_users \
	  charts/flexmeasures_charts translation/flexmeasures_translation tariffs/flexmeasures_tariffs
	.venv/bin/pybabel update --ignore-pot-creation-date --no-wrap -N -i $(TRANSLATIONS)/messages.pot -d $(TRANSLATIONS)
	.venv/bin/pybabel compile --statistics -d $(TRANSLATIONS)
