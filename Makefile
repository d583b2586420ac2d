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

.PHONY: help env demo studio test test-slow test-browser test-studio test-server test-packages test-gpu check format bench clean

help:
	@grep -E '^# make' Makefile | cut -c3-
	@echo "make test-slow   the minutes-long checks: the bundled weights' success, killed runs, long use, compilation"
	@echo "make test-browser the report's page and the user study in Debian's chromium"
	@echo "make test-studio the studio: types, reducer, a rebuild, and a real browser (Debian's chromium, or CHROMIUM)"
	@echo "make test-gpu    what needs a GPU: offload, kernels, 8-bit formats"
	@echo "make test-packages   real servers and odd files of other packages, in environments of their own (5 GB)"
	@echo "make test-server kills, load, PostgreSQL, a bucket, and clients of others, in environments of their own (npm, 1 GB)"
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

test-browser: env
	$(BIN)/python -m pip install --quiet --disable-pip-version-check playwright
	$(BIN)/python -m pytest -q -m browser -rs

test-studio: env
	cd studio && npm ci
	$(BIN)/python -m tests.narrative.edits 10000 studio/node_modules/.edits.json
	cd studio && npm run check && REASONDIFF_EDITS=$(abspath studio/node_modules/.edits.json) npm test && npm run build
	git diff --exit-code --stat src/reasondiff/studio/dist
	cd studio && REASONDIFF=$(abspath $(BIN))/reasondiff PYTHON=$(abspath $(BIN))/python npm run test:browser

test-gpu: env
	$(BIN)/python -m pytest -q -m gpu -rs

# Servers and files that nobody here wrote; neither touches the tests' own environment.
PACKAGES := .packages

$(PACKAGES)/servers/.ready: tests/packages/servers.txt
	$(PYTHON) -m venv $(PACKAGES)/servers
	$(PACKAGES)/servers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(PACKAGES)/files/.ready: tests/packages/files.py | $(READY)
	$(BIN)/python $< $(PACKAGES)/files
	touch $@

# VBench beside our own packages, which it reads through a .pth.
$(PACKAGES)/vbench/.ready: tests/packages/vbench.txt | $(READY)
	$(PYTHON) -m venv $(PACKAGES)/vbench
	$(PACKAGES)/vbench/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
	$(BIN)/python -c "import site; print(site.getsitepackages()[0])" > \
	  $$($(PACKAGES)/vbench/bin/python -c "import site; print(site.getsitepackages()[0])")/ours.pth
	touch $@

# Ray, Arrow, PySceneDetect and OpenCV, likewise.
$(PACKAGES)/data/.ready: tests/packages/data.txt | $(READY)
	$(PYTHON) -m venv $(PACKAGES)/data
	$(PACKAGES)/data/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -r $<
	$(BIN)/python -c "import site; print(site.getsitepackages()[0])" > \
	  $$($(PACKAGES)/data/bin/python -c "import site; print(site.getsitepackages()[0])")/ours.pth
	touch $@

WITH_EXTRAS := tests/packages/test_ray.py tests/data/test_motion.py tests/data/test_sample.py \
  tests/data/test_scan_formats.py tests/data/test_precompute.py

test-packages: env $(PACKAGES)/servers/.ready $(PACKAGES)/files/.ready $(PACKAGES)/vbench/.ready $(PACKAGES)/data/.ready
	$(BIN)/python -m pytest -q -m packages -rs
	PYTHONPATH=$(abspath src) $(PACKAGES)/data/bin/python -m pytest -q -m "" -rs $(WITH_EXTRAS)

# Clients of others, each in an environment of its own.
CLIENTS := $(PACKAGES)/clients

$(CLIENTS)/%/.ready: tests/server/clients/%.txt
	$(PYTHON) -m venv $(@D)
	$(@D)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

$(CLIENTS)/node/.ready: tests/server/clients/package.json
	mkdir -p $(@D)
	cp $< $(@D)/
	cd $(@D) && npm install --silent --no-audit --no-fund
	touch $@

test-server: env $(patsubst %,$(CLIENTS)/%/.ready,schemathesis litellm mcp openai-2 s3 node)
	SCHEMATHESIS=$(abspath $(CLIENTS))/schemathesis/bin/schemathesis \
	LITELLM_PYTHON=$(abspath $(CLIENTS))/litellm/bin/python \
	MCP_PYTHON=$(abspath $(CLIENTS))/mcp/bin/python \
	OPENAI_2_PYTHON=$(abspath $(CLIENTS))/openai-2/bin/python \
	S3_PYTHON=$(abspath $(CLIENTS))/s3/bin/python \
	OPENAI_NODE=$(abspath $(CLIENTS))/node \
	$(BIN)/python -m pytest -q -m server -rs tests/server

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
