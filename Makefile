# harnlab: everything from a bare python3 (3.11 to 3.13) and make. `make` alone lists what there is.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

DEMO_RUNS := sample_transcripts/inherited-route sample_transcripts/cost-overrun
DEMO_PAGE := out/report.html
BENCHES   := start_up cold_load reload where_time_goes many_files memory core_rates replay_rates whatif_rates inspect_peer

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint lab notebooks docs bench clean

help:            ## this list
	@sed -n 's/^\([a-z]*\): [^#]*##/\1:/p' $(MAKEFILE_LIST)

setup: $(READY)  ## make .venv and install harnlab and its tools into it

# uv installs in seconds what takes pip half a minute; it comes from the same registry as everything else, and
# trusts whom this machine trusts, as pip does.
export UV_SYSTEM_CERTS ?= true
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; (3, 11) <= v < (3, 14) or sys.exit("harnlab needs Python 3.11 to 3.13, but $(PYTHON) is %d.%d. Try: make setup PYTHON=python3.12" % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "$(PYTHON) cannot make virtual environments: its venv or ensurepip is missing. Try (Debian, Ubuntu): apt-get install python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/pip || $(BIN)/python -m ensurepip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --python $(BIN)/python --editable '.[test]'
	@touch $@

demo: $(READY)   ## tell what the samples show and write one HTML page
	@mkdir -p $(dir $(DEMO_PAGE))
	$(BIN)/harnlab show $(DEMO_RUNS)
	$(BIN)/harnlab report sample_transcripts -o $(DEMO_PAGE)

test: $(READY)   ## lint, types, import contracts, tests, notebooks; the last line counts them
	@$(BIN)/python tests/everything.py

lint: $(READY)   ## format, lint, types and import contracts only
	@$(BIN)/python tests/everything.py --lint

lab: $(READY)    ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb $(if $(filter 0,$(shell id -u)),--allow-root)

notebooks: $(READY) ## run the notebooks and record their outputs
	$(BIN)/python -m harnlab.nbcheck notebooks/*.ipynb

docs: $(READY)   ## build the pages of docs; the first is out/docs/index.html
	$(BIN)/sphinx-build -q -W --keep-going docs out/docs
	@echo "out/docs/index.html"

# Peers are measured where they are installed: $(BIN)/uv pip install --python $(BIN)/python --editable '.[bench]'
bench: $(READY)  ## measure how fast it reads and decides, in minutes
	@for bench in $(BENCHES) 'cold_load 1000 1 harnlab.load "DuckDB read_json" "Polars scan_ndjson"' aims; do \
	  echo "== $$bench"; eval "set -- $$bench"; script=$$1; shift; $(BIN)/python benchmarks/$$script.py "$$@" || exit 1; done

clean:           ## remove what was built, but not .venv
	rm -rf out build dist htmlcov .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
