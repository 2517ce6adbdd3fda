"""Can the tests fail? ``python -m tests.planted`` plants one bug after the other and prints the test that went red.

Each bug is planted in a copy of the source tree; the tree itself is never touched. Before the first one the named
tests must be green in the copy. The exit code is 1 if a bug stays green, can no longer be planted, or a test breaks
in another way than by failing.

    python -m tests.planted            # all
    python -m tests.planted ZINCRBY    # those whose name holds the text
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.planted_bugs.bugs import BUGS, Bug

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("events", "domain", "projections", "processors", "api", "cli", "tests", "pyproject.toml")
TEST_SECONDS_MAX = 600
GREEN, RED = 0, 1  # exit codes of pytest


class CannotPlant(Exception):  # noqa: N818 - says what is the matter
    """The source no longer holds what a bug changes."""


def copy_tree(target: Path) -> None:
    """Copy what the tests need."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__", ".*"))
        else:
            shutil.copy2(source, target / part)


def plant(bug: Bug, tree: Path) -> dict[Path, str]:
    """Change the copy; returns the files as they were."""
    before: dict[Path, str] = {}
    for change in bug.changes:
        path = tree / change.path
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        if text.count(change.old) != 1:
            raise CannotPlant(f"{change.path} holds {text.count(change.old)} times: {change.old!r}")
        before.setdefault(path, text)
        path.write_text(text.replace(change.old, change.new), encoding="utf-8")
    return before


def run(tests: Iterable[str], tree: Path) -> tuple[int, str]:
    """Run tests in the copy, by the copy's own modules; returns pytest's exit code and output."""
    command = [sys.executable, "-B", "-m", "pytest", "-x", "-q", "-rf", "--tb=no", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, text=True, timeout=TEST_SECONDS_MAX, check=False
    )
    return done.returncode, done.stdout + done.stderr


def went_red(output: str) -> list[str]:
    """The tests that pytest lists as failed."""
    return re.findall(r"^FAILED (\S+)", output, re.MULTILINE)


def check(bug: Bug, tree: Path) -> str | None:
    """Plant a bug, run its test, take it out again. Returns what is wrong, or None if the test went red."""
    try:
        before = plant(bug, tree)
    except CannotPlant as error:
        return f"can't be planted any more: {error}"
    try:
        started = time.monotonic()
        code, output = run([bug.test], tree)
    finally:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")
    red = went_red(output)
    if code == RED and red:
        print(f"red    {bug.name}\n       {red[0]} ({time.monotonic() - started:.0f} s)", flush=True)
        return None
    return f"stayed green in {bug.test}" if code == GREEN else f"pytest ended with {code}:\n{output[-2000:]}"


def main(words: list[str]) -> int:
    """Plant the bugs whose names hold one of the words, or all; returns the exit code."""
    bugs = [bug for bug in BUGS if not words or any(word in bug.name for word in words)]
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        tree = Path(folder)
        copy_tree(tree)
        code, output = run(sorted({bug.test for bug in bugs}), tree)
        if code != GREEN:
            print(f"the tests are not green without a bug:\n{output[-4000:]}")
            return 1
        for bug in bugs:
            complaint = check(bug, tree)
            if complaint is not None:
                wrong += 1
                print(f"WRONG  {bug.name}\n       {complaint}", flush=True)
    print(f"{len(bugs) - wrong} of {len(bugs)} planted bugs were caught")
    return 1 if wrong or not bugs else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
