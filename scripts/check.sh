#!/bin/sh
# Style, types and layers. Run by `make check` and by continuous integration.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
"$bin/ruff" check .
"$bin/ruff" format --check .
"$bin/mypy" --strict
"$bin/lint-imports"
