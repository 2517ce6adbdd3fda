#!/bin/sh
# Removes what setup, tests and demo have made. The demo must not be running: its data goes too.
set -eu
cd "$(dirname "$0")/.."
rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache data runs dist .bench
find . -name __pycache__ -type d -prune -exec rm -rf {} +
