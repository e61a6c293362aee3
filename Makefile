# Everything a newcomer and the CI call. Each environment belongs to this folder and is brought up to date when
# pyproject.toml, constraints.txt or this file change (anew: make clean); nothing outside the folder is touched but pip's cache.
#   PYTHON=...    the interpreter for new environments (else python3.11, else another from 3.10 to 3.13)
#   AUDIO=...     a recording of your own for `make demo`
#   SECONDS=...   how long each target of `make fuzz` runs, else 60
#   FUZZ=...      which targets of `make fuzz` run, else all: arpa audio bundle manifest messages ngram scorer native
#   PYTEST=...    more arguments for pytest, e.g. make test PYTEST="-k scoring"

SHELL := /bin/sh
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
LOCKS := pyproject.toml constraints.txt Makefile scripts/make_venv.sh
NATIVE := $(shell find native -type f)
SOURCES := $(NATIVE) $(shell find src -type f -not -path '*/__pycache__/*' -not -name '_native*')
export PYTHON AUDIO

.DEFAULT_GOAL := help
.PHONY: help demo test test-long lint bench native sanitize fuzz dist sbom clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

demo: .venv-demo/.installed ## transcribe the sample clips, without torch; your own file with: make demo AUDIO=my.wav
	@if [ -n "$$AUDIO" ]; then .venv-demo/bin/tympan transcribe "$$AUDIO"; else .venv-demo/bin/python scripts/demo.py; fi

# pytest already runs two processes; threads of torch in each would only fight for the cores (ten times slower on four busy ones).
test test-long: export OMP_NUM_THREADS = 1
test test-long: export OPENBLAS_NUM_THREADS = 1

test: .venv/.installed ## the tests that run in minutes
	.venv/bin/python -m pytest -n 2 -m "not long" $(PYTEST)

test-long: .venv/.installed ## all tests, the long ones too
	.venv/bin/python -m pytest -n 2 $(PYTEST)

lint: .venv/.installed ## ruff (rules and format) and mypy
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

bench: .venv/.installed ## each benchmarks/bench_*.py in turn; they write JSON rows beside themselves
	@set -e; for file in benchmarks/bench_*.py; do \
		[ -f "$$file" ] || { echo "No benchmark in benchmarks/ yet."; exit 1; }; \
		echo ".venv/bin/python $$file"; .venv/bin/python "$$file"; done

native: ## compile the native part into src/tympan, for work with PYTHONPATH=src
	cmake -S native -B build/native -G Ninja -DPython_EXECUTABLE="$(abspath .venv/bin/python)" -DTYMPAN_OUTPUT="$(abspath src/tympan)"
	cmake --build build/native

sanitize: ## the native tests under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer (a compiler, cmake and ninja)
	@set -e; for kind in address thread; do \
		cmake -S native -B build/sanitize-$$kind -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DTYMPAN_PYTHON=OFF -DTYMPAN_TESTS=ON \
			-DTYMPAN_SANITIZE=$$kind; \
		cmake --build build/sanitize-$$kind; \
		echo "build/sanitize-$$kind/tympan_tests"; build/sanitize-$$kind/tympan_tests; done

SECONDS ?= 60
fuzz: .venv/.installed ## damaged recordings, models, manifests and messages for SECONDS each (clang)
	scripts/fuzz.sh "$(abspath .venv/bin/python)" $(SECONDS) $(FUZZ)

# The time of the last commit stands in for now, so that the same commit gives the same bytes.
dist: export SOURCE_DATE_EPOCH := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),315532800)
dist: export PIP_CONSTRAINT := $(abspath constraints.txt)
dist: .venv-release/.installed ## sdist and the wheel for PYTHON, in dist/
	.venv-release/bin/python -m build --outdir dist .

sbom: .venv-release/.installed .venv-demo/.installed ## what an install brings, as CycloneDX, in dist/
	@mkdir -p dist
	.venv-release/bin/python scripts/sbom.py .venv-demo/bin/python dist

clean: ## remove the environments and what builds and tools left
	rm -rf .venv .venv-demo .venv-release build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# A real install, not an editable one: the demo shows what a user of the package gets.
.venv-demo/.installed: .venv-demo/.dependencies $(SOURCES)
	@echo "Installing tympan into .venv-demo"
	@.venv-demo/bin/python $(PIP_INSTALL) --no-deps --force-reinstall .
	@touch $@

.venv-demo/.dependencies: $(LOCKS)
	@./scripts/make_venv.sh .venv-demo
	@echo "Installing what tympan needs to transcribe (about 225 MB by du -sm, no torch)"
	@.venv-demo/bin/python $(PIP_INSTALL) .
	@touch $@

.venv-release/.installed: constraints.txt Makefile scripts/make_venv.sh
	@./scripts/make_venv.sh .venv-release
	@.venv-release/bin/python $(PIP_INSTALL) build cyclonedx-bom
	@touch $@

# Editable: Python code is used where it lies; C++ code is compiled again when it changes.
.venv/.installed: .venv/.dependencies $(NATIVE) src/tympan/__init__.py
	@echo "Compiling the native part into .venv"
	@.venv/bin/python $(PIP_INSTALL) --no-deps --editable .
	@touch $@

# torch goes first and by its exact version, so that a build already chosen (CPU, CUDA) is not replaced by another package's wish.
.venv/.dependencies: $(LOCKS)
	@./scripts/make_venv.sh .venv
	@echo "Installing torch (the largest part) into .venv"
	@.venv/bin/python $(PIP_INSTALL) "$$(grep '^torch==' constraints.txt)"
	@echo "Installing tympan[train,serve,media,dev] into .venv"
	@.venv/bin/python $(PIP_INSTALL) --editable '.[train,serve,media,dev]'
	@touch $@
