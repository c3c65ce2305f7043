# Every target does the set-up it needs. `make demo` and `make test` are the two to start with.
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test test-rest test-all test-hosts soak lint format toolkit lock clean
.PHONY: bench bench-cache bench-engines bench-labels bench-peers bench-provision

# Where it is set, as in many containers, whatever imports torch and pyannote.audio compiles them anew: 13 s instead of 5.
unexport PYTHONDONTWRITEBYTECODE

# Nothing that is made here asks the Hugging Face Hub, so nothing that make starts gets a token for it.
unexport HF_TOKEN HUGGING_FACE_HUB_TOKEN

help:           ## Say what there is to make
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup:          ## Make .venv with the diarize-runner command: what a build host needs, without torch
	@scripts/setup.sh

setup-dev:      ## The same with torch, tests and linters
	@scripts/setup.sh dev

demo: setup     ## The whole way on a real recording, under .demo/
	@scripts/demo.sh

# A worker for each core, and four at most: one takes 1 GB of memory. Which tests share one is said in tests/conftest.py.
pytest = .venv/bin/python -m pytest
workers = -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
needs_more = hosts or swift or browser or scenario

test: setup-dev ## Run every test that needs no fresh host, no box with real models, no Swift and no browser
	@$(pytest) $(workers) -m "not ($(needs_more))"

test-rest: setup-dev ## Run the others (root; scripts/install-test-packages.sh, scripts/install-swift.sh)
	@$(pytest) $(workers) -m "$(needs_more)"

test-all: setup-dev ## Run both at once: all but the soak
	@$(pytest) $(workers)

test-hosts: setup-dev ## Run those that need fresh hosts, and fail where there can be none
	@DIARIZE_RUNNER_REQUIRE_HOSTS=1 $(pytest) $(workers) tests/hosts

soak: setup-dev ## Run what is too long for CI: fuzzing and hundreds of kills; it prints counts (a quarter of an hour)
	@.venv/bin/python -m pytest -s tests/soak

lint: setup-dev ## Run every linter
	@scripts/lint.sh

format: setup-dev ## Format the code
	@.venv/bin/ruff check --fix --quiet
	@.venv/bin/ruff format --quiet

bench: setup-dev ## Measure both engines on this machine, under .bench/ (WORKLOAD=guide: hours on a CPU)
	@scripts/bench.sh $(if $(WORKLOAD),--workload $(WORKLOAD))

bench-cache: setup-dev ## Measure restores against doing it by hand (needs nginx, curl, aws; minutes)
	@.venv/bin/python -m benchmarks.restore

bench-engines: setup-dev ## Measure the exact engine against stock pyannote (hours on a CPU; minutes on a GPU)
	@.venv/bin/python -m benchmarks.engines

bench-labels: setup-dev ## Measure how fast, and how right, speakers are put on a transcript (a minute)
	@.venv/bin/python -m benchmarks.labels

bench-peers: setup-dev ## Measure whatever else diarizes offline with the same models (7 GB for whisperX, ffmpeg; minutes)
	@.venv/bin/python -m benchmarks.peers

bench-provision: setup-dev ## Measure how soon a bare host is set up, against doing it by hand (root, nginx; minutes)
	@.venv/bin/python -m benchmarks.provision

toolkit: setup  ## Leave in dist/ what boxes are provisioned with, for cache build --toolkit
	@scripts/pack-toolkit.sh

lock:           ## Compile requirements/*.in into locks (about 10 minutes for each Python)
	@scripts/compile-locks.sh

clean:          ## Remove what setup, demo and bench made
	rm -rf .venv .demo .bench .swift dist
