"""The source tree keeps its own rules: sizes, names, generated files, and what the documentation lists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from pydantic import BaseModel

from cli.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("events", "domain", "projections", "processors", "api", "cli")
FOLDERS = (*PACKAGES, "tests", "bench", "docs", "deploy", "scripts", ".ci")
LINES_MAX = 400
PURPOSE_CHARS_MIN = 20
TEXT_SUFFIXES = {".py", ".md", ".sh", ".toml", ".js", ".css", ".html", ".json", ".lua", ".txt", ".yml", ".yaml", ""}


def python_files() -> list[Path]:
    return [path for package in (*PACKAGES, "tests", "bench") for path in sorted((ROOT / package).rglob("*.py"))]


def text_files() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.is_file() and path.suffix in TEXT_SUFFIXES and "__pycache__" not in path.parts:
                yield path
    yield from (path for path in sorted(ROOT.iterdir()) if path.is_file() and path.suffix in TEXT_SUFFIXES)


def test_no_module_is_longer_than_a_reader_can_hold() -> None:
    long = {str(path.relative_to(ROOT)): count for path in python_files() if (count := len(lines(path))) > LINES_MAX}
    assert not long


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def test_no_other_distribution_installs_our_top_level_names() -> None:
    owners = packages_distributions()
    taken = {name: set(owners.get(name, ())) - {"standings"} for name in PACKAGES}
    assert not {name: who for name, who in taken.items() if who}


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"`(STANDINGS_[A-Z_]+)`", text)) - {"STANDINGS_SECRETS_DIR", "STANDINGS_"}
    assert documented == set(setting_names(Settings, "STANDINGS_"))


def setting_names(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from setting_names(kind, f"{prefix}{name.upper()}__")
        else:
            yield prefix + name.upper()


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    text = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    documented = {
        name.removesuffix("_total").removesuffix("_info") for name in re.findall(r"`(standings_[a-z_]+)", text)
    }
    sources = ("processors/metrics.py", "processors/projection_metrics.py", "api/metrics.py", "cli/health.py")
    code = "".join((ROOT / path).read_text(encoding="utf-8") for path in sources)
    in_code = {name.removesuffix("_total").removesuffix("_info") for name in re.findall(r'"(standings_[a-z_]+)"', code)}
    assert documented == in_code


def test_no_file_names_a_registry_or_a_path_of_this_machine() -> None:
    forbidden = re.compile(
        "|".join(["pypi" + r"\.org", "files" + r"\.pythonhosted", "repo1?" + r"\.maven", "/" + "work/"])
    )
    found = [str(path.relative_to(ROOT)) for path in text_files() if forbidden.search(path.read_text(encoding="utf-8"))]
    assert not found


def test_links_in_the_documentation_lead_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not broken


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_what_it_is_for(package: str) -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in (ROOT / package).rglob("*.py")
        if len(said := ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "") < PURPOSE_CHARS_MIN
        or "placeholder" in said.lower()
    ]
    assert not silent
