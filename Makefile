# `make demo` shows the action at work, `make test` proves it. Both need Linux, root (for a Docker
# engine), Python 3.11 or 3.12, and nothing else; what they start, they stop.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# A prompt goes through the environment and `value`, so that its quotes, backticks and $() arrive
# as they were typed; make and the shell would both act on them.
ifneq ($(origin PROMPT),undefined)
export DEMO_PROMPT := $(value PROMPT)
endif
ifneq ($(origin DOCKERFILE),undefined)
export DEMO_DOCKERFILE := $(value DOCKERFILE)
endif
unexport PROMPT DOCKERFILE

IMAGE ?= oi-deploy-action:dev
PYTHON_FILES := src devkit tests bench fuzz entrypoint.py image
SHELL_FILES := .ci/run .ci/venv examples/kubernetes/kubeconfig.sh tests/integration/standin/nvidia-smi

.PHONY: help
help: ## Show the targets
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1#\2/p' $(firstword $(MAKEFILE_LIST)) | column -t -s '#'

.venv/stamp: .ci/venv pyproject.toml requirements-uv.txt requirements-build.txt requirements-dev.txt
	@.ci/venv

.PHONY: venv
venv: .venv/stamp ## Make .venv from the lock

.PHONY: demo
demo: venv ## A sentence becomes a running Deployment (PROMPT="...", DOCKERFILE=missing)
	@python -m devkit.demo

.PHONY: world
world: venv ## Start a registry and a cluster; their addresses are in .devkit/world.env
	@python -m devkit world up

.PHONY: world-down
world-down: venv ## Stop them
	@python -m devkit world down

.PHONY: image
image: venv ## Build the action's image as oi-deploy-action:dev
	@python -m devkit images
	DOCKER_BUILDKIT=0 docker build --tag $(IMAGE) \
	    --build-arg HTTP_PROXY --build-arg HTTPS_PROXY --build-arg NO_PROXY .

.PHONY: test
test: lint ## Everything, on a world of its own
	@trap 'python -m devkit world down' EXIT; \
	python -m devkit world up; \
	python -m pytest --numprocesses auto tests/unit; \
	python -m pytest --ignore tests/unit; \
	python -m pytest -m benchmark tests/e2e/test_deploybench.py

.PHONY: test-fast
test-fast: venv ## The tests that need no process, no engine and no network
	@python -m pytest --numprocesses auto tests/unit

.PHONY: test-mutations
test-mutations: venv ## Every attack again, with what stops it switched off: all must succeed
	@trap 'python -m devkit world down' EXIT; \
	python -m devkit world up; \
	python -m pytest -m mutation tests/security

.PHONY: test-benchmark
test-benchmark: venv ## Six deployment tasks with the real model
	@trap 'python -m devkit world down' EXIT; \
	python -m devkit world up; \
	python -m pytest -m benchmark tests/e2e/test_deploybench.py

.PHONY: test-engine
test-engine: venv ## Everything about the engine on real vLLM: takes long
	@python -m pytest -m engine tests

.PHONY: pictures
pictures: venv ## Take the pictures of docs/report.md anew (needs chromium)
	@trap 'python -m devkit world down' EXIT; \
	python -m devkit world up; \
	PICTURES=1 python -m pytest tests/e2e/test_report.py

.PHONY: lint
lint: venv ## Format, types, workflows, Dockerfiles, shell
	ruff format --check $(PYTHON_FILES)
	ruff check $(PYTHON_FILES)
	mypy $(PYTHON_FILES)
	actionlint $(wildcard .github/workflows/*.yml examples/workflows/*.yml)
	zizmor --offline --quiet action.yml .github/workflows $(wildcard examples/workflows)
	git ls-files -z '*Dockerfile*' ':!*.dockerignore' | xargs -0 hadolint
	shellcheck $(SHELL_FILES)
	check-jsonschema --builtin-schema vendor.github-actions action.yml
	check-jsonschema --builtin-schema vendor.compose-spec examples/serve/compose.yaml
	check-jsonschema --builtin-schema vendor.github-workflows \
	    $(wildcard .github/workflows/*.yml examples/workflows/*.yml)

# As PROMPT above: a glob or a key reaches the program as it was typed. Whoever names tasks wants no
# other benchmark.
ifneq ($(origin TASKS),undefined)
BENCHMARKS := bench-deploy
else
BENCHMARKS := bench-broker bench-deploy
endif
export BENCH_TASKS := $(value TASKS)
export BENCH_API_KEY := $(value API_KEY)
unexport TASKS API_KEY
RUNS ?= 1
AGENT ?= ours

.PHONY: bench
bench: $(BENCHMARKS) ## All benchmarks, or some tasks (TASKS=glob RUNS=n AGENT=... WITHOUT=... MODEL=... API_BASE=... MINUTES=n)

.PHONY: bench-deploy
bench-deploy: venv ## Only the deployment tasks; goes on where it was left (OUT=file of results)
	@python -m bench.deploybench run --tasks "$$BENCH_TASKS" --runs '$(RUNS)' --agent '$(AGENT)' \
	    $(if $(WITHOUT),--without $(WITHOUT)) $(if $(MODEL),--model '$(MODEL)') $(if $(API_BASE),--api-base '$(API_BASE)') \
	    $(if $(OUT),--out '$(OUT)') $(if $(MINUTES),--minutes '$(MINUTES)')

.PHONY: bench-check
bench-check: venv ## Show that the verifier of every task can pass and can fail (TASKS=glob)
	@python -m bench.deploybench check --tasks "$$BENCH_TASKS"

.PHONY: bench-broker
bench-broker: venv ## What containment and the broker cost for each command
	@python -m bench.broker

ENGINE_OPTIONS = $(if $(MODEL),--model '$(MODEL)') $(if $(GPUS),--gpus '$(GPUS)') \
    $(if $(VLLM_IMAGE),--vllm-image '$(VLLM_IMAGE)') $(if $(VLLM_ARGS),--vllm-args='$(VLLM_ARGS)')

.PHONY: bench-engine
bench-engine: venv ## What the engine brings (MODEL=... GPUS=all VLLM_IMAGE=... VLLM_ARGS=... RUNS=9)
	@python -m bench.engine run $(ENGINE_OPTIONS) $(if $(filter command line,$(origin RUNS)),--runs '$(RUNS)')

.PHONY: bench-engine-jobs
bench-engine-jobs: venv ## Eight deployments in a row, and eight at once
	@python -m bench.engine jobs $(ENGINE_OPTIONS)

.PHONY: fuzz
fuzz: venv ## Fuzz what reads the model's bytes (FUZZ_SECONDS=600 for each)
	@for harness in frames manifest commands; do \
	    echo "fuzz/$$harness.py: $${FUZZ_SECONDS:-600} s"; \
	    python -m "fuzz.$$harness" -max_total_time="$${FUZZ_SECONDS:-600}"; \
	done

UV_COMPILE := uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
    --custom-compile-command 'make lock'

.PHONY: lock
lock: venv ## Choose the newest versions that fit, and write them down with their hashes
	$(UV_COMPILE) pyproject.toml --output-file requirements.txt
	$(UV_COMPILE) --extra dev --constraints requirements.txt pyproject.toml \
	    --output-file requirements-dev.txt
	echo 'setuptools<82' | $(UV_COMPILE) --constraints requirements.txt - \
	    --output-file requirements-build.txt
	echo uv | $(UV_COMPILE) - --output-file requirements-uv.txt

.PHONY: clean
clean: ## Stop everything and remove what was generated
	@if [[ -x .venv/bin/python ]]; then python -m devkit clean; fi
	rm -rf .devkit .venv dist .pytest_cache .ruff_cache .mypy_cache src/*.egg-info
	find . -name __pycache__ -prune -exec rm -rf '{}' +
