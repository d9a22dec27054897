# Everything one does with Qipan from a shell. `make help` lists it.
PYTHON := .venv/bin/python
# What make runs dies with it when make itself is killed, and the guards end the rest.
WITH_MAKE := setpriv --pdeathsig KILL
GENERATED := qipan.contracts.asyncapi qipan.http.reference qipan.settings_reference qipan.access.reference \
	qipan.observability.reference services.gateway.reference services.intake.reference \
	services.analytics.reference scripts.dashboards scripts.prometheus_rule scripts.scaling
FILE ?=
MAPPING ?= exercise/mappings/baltimore.toml

.DEFAULT_GOAL := help
.PHONY: help setup tools lint test test-slow watch-test demo up bench deliveries faults replay deploy-test

help: ## list these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

setup: ## install what is missing: Python packages into .venv/, RabbitMQ and PostgreSQL by apt
	@scripts/setup

tools: ## what tests need beyond that: Prometheus with promtool, by apt
	@scripts/setup prometheus

lint: setup ## style, types, import contracts, generated references
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	for page in $(GENERATED); do $(PYTHON) -m $$page --check || exit 1; done

test: tools ## the tests, against a private broker and database
	$(WITH_MAKE) $(PYTHON) -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder

test-slow: tools ## the tests that take long: a short day, a backup beside it, every alert, all the rows
	$(WITH_MAKE) $(PYTHON) -m pytest --numprocesses 2 --dist loadfile -m slow

watch-test: tools ## the district under a real Prometheus; writes var/watch.json
	$(WITH_MAKE) $(PYTHON) -m tests.watch

demo: setup ## one day of the district, played fast; writes var/demo.json
	$(WITH_MAKE) $(PYTHON) -m exercise.demo --after-setup

up: setup ## run the district on real time until Ctrl-C
	$(WITH_MAKE) $(PYTHON) -m qipan up

bench: setup ## measure against a raw pipeline; writes var/bench.json
	$(WITH_MAKE) $(PYTHON) -m bench

deliveries: setup ## 10,000 messages to peers that misbehave; writes var/deliveries.json
	$(WITH_MAKE) $(PYTHON) -m bench.deliveries

faults: setup ## kill and break things under load; writes var/faults.json
	$(WITH_MAKE) $(PYTHON) -m tests.faults

replay: setup ## send FILE=rows.csv through the public API (MAPPING=…, default Baltimore's)
	@test -n "$(FILE)" || { echo "name a file: make replay FILE=rows.csv"; exit 2; }
	$(WITH_MAKE) $(PYTHON) -m qipan replay "$(FILE)" --mapping "$(MAPPING)"

deploy-test: setup ## deploy it in containers and break that, where an engine is; writes var/deploy.json
	$(WITH_MAKE) $(PYTHON) -m deploy.test
