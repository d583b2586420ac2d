# make demo    one image, one text, one video that tells the story; sets everything up on the first run
# make studio  the same in a browser: the story on a timeline, to be changed, and the video as it comes
# make test    the tests; what .ci/run calls
PYTHON  ?= python3
VENV    ?= .venv
SEED    ?= 0
OUT     ?= outputs/demo
WORKERS ?= 2

BIN   := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help env demo studio test test-slow test-studio test-gpu check format bench clean

help:
	@grep -E '^# make' Makefile | cut -c3-
	@echo "make test-slow   the minutes-long checks: the bundled weights' success, killed runs, long use, compilation"
	@echo "make test-studio the studio: types, reducer, a rebuild, and a real browser (Debian's chromium, or CHROMIUM)"
	@echo "make test-gpu    what needs a GPU: offload, kernels, 8-bit formats"
	@echo "make check       ruff and mypy"
	@echo "make bench       the deterministic benchmarks"

env: $(READY)

# The constraints make this and every other machine install the same versions.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

demo: env
	$(BIN)/reasondiff demo -o $(OUT) --seed $(SEED)

studio: env
	$(BIN)/reasondiff serve --open

test: env
	$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

test-slow: env
	$(BIN)/python -m pytest -q -m slow

test-studio: env
	cd studio && npm ci && npm run check && npm test && npm run build
	git diff --exit-code --stat src/reasondiff/studio/dist
	cd studio && REASONDIFF=$(abspath $(BIN))/reasondiff npm run test:browser

test-gpu: env
	$(BIN)/python -m pytest -q -m gpu -rs

check: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: env
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: env
	$(BIN)/python -m benchmarks.flops

clean:
	rm -rf $(VENV) outputs build dist
