.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Flagtrail needs Python 3.11 or newer; call make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

##@ Use it
.PHONY: run
run: $(STAMP) ## Set all up and serve the demo on http://127.0.0.1:8080
	$(BIN)/flagtrail demo

##@ Work on it
.PHONY: check
check: static ## The fast gate: format, lint, types, contracts, fast tests
	$(BIN)/pytest -q -n 2 -m "not slow and not browser"

.PHONY: static
static: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy src tests bench
	$(BIN)/lint-imports
	$(BIN)/deptry src

FLOORS := model engine ledger changes analysis
PROVEN := $(FLOORS:%=tests/unit/%) tests/unit/app/test_evidence.py # what covers all of the pure floors

.PHONY: test
test: static chromium postgres node go java kotlin redis prometheus pango faketime ## Set all up and pass every test, with coverage of the pure floors
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q -n 2 $(PROVEN)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report --fail-under 100
	$(BIN)/pytest -q -n 3 --maxschedchunk 8 $(PROVEN:%=--ignore=%)

.PHONY: chromium
chromium:
	@command -v chromium >/dev/null || { \
	  echo "Installing Chromium for the browser tests"; \
	  SUDO=; [ "$$(id -u)" = 0 ] || SUDO=sudo; \
	  $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq chromium >/dev/null; }

.PHONY: pango
pango:
	@$(PYTHON) -c 'import ctypes.util, sys; sys.exit(not all(map(ctypes.util.find_library, ("pango-1.0", "pangoft2-1.0", "harfbuzz-subset"))))' \
	  && fc-list 2>/dev/null | grep -q DejaVuSans.ttf || { \
	  echo "Installing Pango and its fonts for reports as PDF"; \
	  SUDO=; [ "$$(id -u)" = 0 ] || SUDO=sudo; \
	  $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq fontconfig $(PANGO) >/dev/null; }

PANGO := libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core

.PHONY: redis
redis:
	@command -v redis-server >/dev/null || command -v valkey-server >/dev/null || { \
	  echo "Installing Redis for the tests of the bus"; \
	  SUDO=; [ "$$(id -u)" = 0 ] || SUDO=sudo; \
	  $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq redis-server >/dev/null; }

.PHONY: prometheus
prometheus:
	@command -v prometheus >/dev/null || { \
	  echo "Installing Prometheus for the tests of metrics that are pulled"; \
	  SUDO=; [ "$$(id -u)" = 0 ] || SUDO=sudo; \
	  $$SUDO apt-get update -qq; \
	  $$SUDO sh -c 'printf "#!/bin/sh\nexit 101\n" >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d; \
	    apt-get install -y -qq --no-install-recommends prometheus >/dev/null; found=$$?; rm -f /usr/sbin/policy-rc.d; exit $$found'; }

.PHONY: faketime
faketime:
	@ls /usr/lib/*/faketime/libfaketimeMT.so.1 >/dev/null 2>&1 || { \
	  echo "Installing libfaketime for the tests with clocks that are wrong"; \
	  SUDO=; [ "$$(id -u)" = 0 ] || SUDO=sudo; \
	  $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq libfaketime >/dev/null; }

.PHONY: postgres
postgres:
	@ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || { \
	  echo "Installing PostgreSQL for its tests"; \
	  SUDO=; [ "$$(id -u)" = 0 ] || SUDO=sudo; \
	  $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq postgresql >/dev/null; }

PACKAGES := tests/e2e/ofrep_js tests/support/corpus/typescript

.PHONY: node
node: $(PACKAGES:%=%/node_modules/.package-lock.json)

%/node_modules/.package-lock.json: %/package-lock.json
	@command -v npm >/dev/null || { \
	  echo "Installing Node for the tests with JavaScript's OFREP providers and TypeScript's compiler"; \
	  SUDO=; [ "$$(id -u)" = 0 ] || SUDO=sudo; \
	  $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq nodejs npm >/dev/null; }
	npm ci --prefix $* --ignore-scripts --no-audit --no-fund
	@touch $@

.PHONY: go
go:
	@command -v go >/dev/null || { \
	  echo "Installing Go for the corpus of the clean-up"; \
	  SUDO=; [ "$$(id -u)" = 0 ] || SUDO=sudo; \
	  $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq --no-install-recommends golang-go >/dev/null; }

.PHONY: java
java:
	@command -v javac >/dev/null || { \
	  echo "Installing a JDK for the corpus of the clean-up"; \
	  SUDO=; [ "$$(id -u)" = 0 ] || SUDO=sudo; \
	  $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq --no-install-recommends default-jdk-headless >/dev/null; }

KOTLIN := tests/support/corpus/kotlin

.PHONY: kotlin
kotlin: java $(KOTLIN)/classpath.txt

$(KOTLIN)/classpath.txt: $(KOTLIN)/pom.xml
	@command -v mvn >/dev/null || { \
	  echo "Installing Maven, which brings Kotlin's compiler for the corpus of the clean-up"; \
	  SUDO=; [ "$$(id -u)" = 0 ] || SUDO=sudo; \
	  $$SUDO apt-get update -qq && $$SUDO apt-get install -y -qq --no-install-recommends maven >/dev/null; }
	mvn -q -B -f $< dependency:build-classpath -Dmdep.outputFile=classpath.txt
	@touch $@

.PHONY: bench
bench: $(STAMP) ## Run every benchmark (minutes)
	@for file in bench/*.py; do echo "== $$file"; $(BIN)/python -m bench.$$(basename $$file .py) || exit 1; done

PEERS := .venv-peers
$(PEERS)/.installed: bench/peers/requirements.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --no-deps -r $<
	$(PEERS)/bin/pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

.PHONY: bench-peers
bench-peers: $(PEERS)/.installed ## Install the SDKs that ours is measured beside, apart from ours

.PHONY: bench-sdk
bench-sdk: $(PEERS)/.installed ## Measure our SDK beside its peers (five minutes)
	$(PEERS)/bin/python -m bench.sdk

.PHONY: lock
lock: ## Resolve the dependencies anew into requirements.lock
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --extra all --extra parquet --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-emit-index-url --no-annotate --upgrade -q -o requirements.lock
	sed -e '/^ *--hash/d' -e 's/ \\$$//' requirements.lock >$(VENV)/constraints.txt
	$(BIN)/uv pip compile pyproject.toml --extra all $(LOCKING) -o deploy/image/runtime.lock
	echo 'hatchling>=1.27' | $(BIN)/uv pip compile - $(LOCKING) -o deploy/image/build.lock

# What the image is made of: the same versions as here, without what only developers need.
LOCKING := --constraint $(VENV)/constraints.txt --universal --python-version 3.11 \
  --generate-hashes --no-header --no-emit-index-url --no-annotate -q

.PHONY: format
format: $(STAMP) ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: help
help: ## Explain the targets
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*##/ {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
