"""The reference page says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from events import reasons
from events.codec import read_line
from events.registry import EVENT_TYPES


def page(project_dir: Path) -> str:
    return (project_dir / "docs" / "reference" / "events.md").read_text(encoding="utf-8")


def test_every_line_of_json_on_the_page_is_an_event_that_counts(project_dir: Path) -> None:
    lines = [
        line for block in re.findall(r"```json\n(.*?)```", page(project_dir), re.DOTALL) for line in block.split("\n")
    ]
    facts = [read_line(line.encode()) for line in lines if line]
    assert facts


def test_every_type_field_and_reason_is_on_the_page(project_dir: Path) -> None:
    named = set(re.findall(r"`([^`\n]+)`", page(project_dir)))
    types = {row.short for row in EVENT_TYPES}
    fields = {field for row in EVENT_TYPES for field in row.contract.model_fields}
    assert (types | fields | set(reasons.MEANINGS)) - named == set()
