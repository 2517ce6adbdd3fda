# Everything that a person or a machine does with this project. `make help` lists it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup demo test faults check bench-setup bench clean

help: ## Show what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## Make .venv with everything in it (needs Python 3.11 to 3.14)
	@./scripts/setup.sh

demo: setup ## Run a simulated retail organisation and its live leaderboard
	@exec .venv/bin/standings demo

test: setup ## Run the tests
	@exec .venv/bin/python -m pytest -q

faults: setup ## Run every fault scenario at its full length, with what each one saw
	@exec .venv/bin/python -m pytest -q -s -m "long or not long" tests/faults

check: setup ## Look at style, types and layers, and run the fast tests
	@./scripts/check.sh
	@exec .venv/bin/python -m pytest -q tests/unit tests/property

bench-setup: setup ## Make the environments of the peers that `make bench` compares with
	@./scripts/bench-setup.sh

bench: setup ## Measure against limits, peers and the oracle: half an hour (quick: .venv/bin/python -m bench --quick)
	@exec .venv/bin/python -m bench

clean: ## Remove what setup, tests and demo have made, the demo's data too
	@./scripts/clean.sh
