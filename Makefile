# Two commands from a bare Python 3.11: `make online` trains, `make test` tests. `make help` lists the others.
# More flags: make online ARGS="--game=Breakout --seed=1"

VENV ?= .venv
PYTHON := $(VENV)/bin/python
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help online test test-slow lint docs bench bench-peers

help:
	@echo "make online       train a pruned Rainbow agent on Pong for a few minutes"
	@echo "make test         run the tests"
	@echo "make test-slow    run the long tests, minutes each"
	@echo "make lint         check style and types"
	@echo "make docs         build the documentation: site/index.html"
	@echo "make bench        measure speed beside the peers and the machine's limit (an hour of an idle machine)"
	@echo "make bench-peers  install the peers, each into an environment of its own (about 5 GB in .peers)"
	@echo
	@echo "Each installs what is missing into .venv (VENV=DIR: elsewhere); ARGS=\"...\" passes arguments on."

online: $(VENV)/.installed
	$(PYTHON) experiments/online.py --agent=rainbow --preset=quick $(ARGS)

test: $(VENV)/.installed
	$(PYTHON) -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile $(ARGS)

test-slow: $(VENV)/.installed
	$(PYTHON) -m pytest -m slow $(ARGS)

lint: $(VENV)/.installed
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

# All pages anew: Sphinx warns of a page only when it reads it.
docs: $(VENV)/.docs-installed
	$(PYTHON) -m sphinx --fail-on-warning --keep-going --fresh-env --quiet -d build/doctrees docs site $(ARGS)
	@echo "site/index.html"

# One file in benchmarks/results for each; a peer that is not installed is named in the table.
bench: $(VENV)/.installed
	$(PYTHON) benchmarks/throughput.py --agent=dqn --network=impala --ours=dense,pruned,bf16 $(ARGS)
	$(PYTHON) benchmarks/throughput.py --agent=rainbow --network=impala $(ARGS)
	$(PYTHON) benchmarks/throughput.py --agent=dqn --network=nature $(ARGS)
	$(PYTHON) benchmarks/throughput.py --agent=dqn --network=impala --width=3 --seconds=10 $(ARGS)
	$(PYTHON) benchmarks/continuous.py $(ARGS)
	$(PYTHON) benchmarks/continuous.py --width=5 --seconds=10 $(ARGS)
	$(PYTHON) benchmarks/replay.py
	$(PYTHON) benchmarks/loading.py
	$(PYTHON) benchmarks/scaling.py
	$(PYTHON) benchmarks/limit.py --peers=tf_agents,sb3,dopamine

# Plain TF-Agents is measured in our own environment.
bench-peers: .peers/sb3/bin/.installed .peers/dopamine/bin/.installed

.peers/%/bin/.installed: benchmarks/peers/requirements_%.txt $(VENV)/.installed
	$(PYTHON) -m venv --clear .peers/$*
	.peers/$*/bin/python -m pip install --disable-pip-version-check --no-input --quiet -r $<
	@last=benchmarks/peers/requirements_$*_last.txt; if test -e $$last; then \
	  .peers/$*/bin/python -m pip install --disable-pip-version-check --no-input --quiet --force-reinstall --no-deps -r $$last; fi
	@touch $@

# A stamp, made last: an installation that was cut short is done again.
$(VENV)/.installed: setup.py pyproject.toml constraints.txt
	@test -x $(PYTHON) || { \
	  for python in python3.11 python3 python; do \
	    if "$$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if test -z "$$found"; then \
	    echo "Python 3.11 is missing: apt install python3.11-venv, brew install python@3.11, or uv python install 3.11" >&2; exit 1; \
	  fi; \
	  echo "$$found -m venv $(VENV)"; "$$found" -m venv $(VENV); }
	@echo "installing into $(VENV): a few minutes the first time, about 3 GB"
	$(PYTHON) -m pip install --disable-pip-version-check --no-input --quiet -c constraints.txt -e '.[dev]'
	@touch $@

$(VENV)/.docs-installed: $(VENV)/.installed
	$(PYTHON) -m pip install --disable-pip-version-check --no-input --quiet -c constraints.txt -e '.[docs]'
	@touch $@
