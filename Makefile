# Every target runs the setup that it needs. Start with `make demo` and `make test`.
.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test test-rest test-all test-hosts test-containers test-alignment soak
.PHONY: lint format toolkit lock clean bench bench-cache bench-engines bench-gpu bench-labels bench-many bench-peers bench-provision
.PHONY: bench-refresh bench-service bench-startup bench-transcription

# Many containers set this. Without bytecode, each import of torch and pyannote.audio takes 13 s instead of 5 s.
unexport PYTHONDONTWRITEBYTECODE

# No target contacts the Hugging Face Hub, so none gets its token.
unexport HF_TOKEN HUGGING_FACE_HUB_TOKEN

help:           ## List the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

setup:          ## Create .venv with the diarize-runner command, for a build host (without torch)
	@scripts/setup.sh

setup-dev:      ## Create .venv with torch, tests and linters too
	@scripts/setup.sh dev

demo: setup     ## Run the complete workflow on a real recording, under .demo/
	@scripts/demo.sh

# One worker per core, at most four: each uses 1 GB of memory. tests/conftest.py assigns tests to workers.
pytest = .venv/bin/python -m pytest
workers = -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
needs_more = hosts or swift or browser or scenario or long

test: setup-dev ## Run the tests that take no seconds each and need no fresh host, real models, Swift or browser
	@$(pytest) $(workers) -m "not ($(needs_more) or containers)"

test-rest: setup-dev ## Run all other tests (root; scripts/install-test-packages.sh, scripts/install-swift.sh)
	@$(pytest) $(workers) -m "($(needs_more)) and not containers"

test-all: setup-dev ## Run all tests except the soak tests
	@$(pytest) $(workers)

test-hosts: setup-dev ## Run the tests of fresh hosts; fail if hosts cannot run here
	@DIARIZE_RUNNER_REQUIRE_HOSTS=1 $(pytest) $(workers) tests/hosts

test-containers: setup-dev ## Build the container image and run it (root; 40 GB of disk; not in CI)
	@DIARIZE_RUNNER_REQUIRE_CONTAINERS=1 $(pytest) -m containers

test-alignment: setup-dev ## Run the tests of whisperX, in .alignment/ (7.6 GB; not in CI)
	@scripts/install-alignment.sh .alignment
	@DIARIZE_RUNNER_REQUIRE_ALIGNMENT=1 $(pytest) tests/scenario/test_alignment.py

soak: setup-dev ## Run fuzzing and hundreds of kills, too long for CI; print counts (half an hour)
	@.venv/bin/python -m pytest -s tests/soak

lint: setup-dev ## Run all linters
	@scripts/lint.sh

format: setup-dev ## Format the code
	@.venv/bin/ruff check --fix --quiet
	@.venv/bin/ruff format --quiet

bench: setup-dev ## Benchmark stock and the default engine on this machine, under .bench/ (WORKLOAD=guide: hours on a CPU)
	@scripts/bench.sh $(if $(WORKLOAD),--workload $(WORKLOAD))

bench-cache: setup-dev ## Compare cache restore with manual downloads (needs nginx, curl, aws; minutes)
	@.venv/bin/python -m benchmarks.restore

bench-engines: setup-dev ## Compare exact and fast with stock pyannote (hours on a CPU; minutes on a GPU)
	@.venv/bin/python -m benchmarks.engines

bench-gpu: setup-dev ## Measure all engines on a GPU within 8 minutes, under .bench/ (DEVICE=cpu tries it on a CPU)
	@.venv/bin/python -m benchmarks.gpu here $(if $(DEVICE),--device $(DEVICE))

bench-labels: setup-dev ## Measure speed and accuracy of transcript labelling (a minute)
	@.venv/bin/python -m benchmarks.labels

bench-many: setup-dev ## Time many boxes that fetch from one store at once (nginx; LINK=MBIT as root; minutes)
	@.venv/bin/python -m benchmarks.many $(if $(LINK),--link $(LINK))

bench-peers: setup-dev ## Compare with other offline diarizers (7 GB for whisperX; ffmpeg, gcc, cmake; WORKLOAD=FOLDER: accuracy)
	@.venv/bin/python -m benchmarks.peers $(if $(WORKLOAD),--workload "$(WORKLOAD)")

bench-provision: setup-dev ## Compare provisioning a bare host with manual setup (root, nginx; minutes)
	@.venv/bin/python -m benchmarks.provision

bench-refresh: setup-dev ## Measure what a refresh of a box moves (nginx; 16 GB of disk; minutes)
	@.venv/bin/python -m benchmarks.refresh

bench-service: setup-dev ## Load the HTTP service with locust (an hour or more on 2 cores; ONLY=SCENARIO)
	@.venv/bin/python -m benchmarks.service $(if $(ONLY),--only $(ONLY))

bench-startup: setup-dev ## Time a start of diarize (CACHE=DIR; AGAINST=CHECKOUT compares; a minute)
	@.venv/bin/python -m benchmarks.startup --cache "$(CACHE)" $(if $(AGAINST),--against "$(AGAINST)")

bench-transcription: setup-dev ## Measure word errors, speed and memory of run, beside whisperX (7 GB; ffmpeg, g++; RECORDINGS=FOLDER)
	@.venv/bin/python -m benchmarks.transcription $(if $(RECORDINGS),--recordings "$(RECORDINGS)")

toolkit: setup  ## Write the toolkit to dist/, for cache build --toolkit
	@scripts/pack-toolkit.sh

lock:           ## Compile requirements/*.in into locks (about 10 minutes per Python)
	@scripts/compile-locks.sh

clean:          ## Remove what setup, demo, bench and toolkit created
	rm -rf .venv .demo .bench .swift .alignment dist
