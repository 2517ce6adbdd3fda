"""Commands end with the right exit code, say what is wrong, and print what scripts can read."""

from __future__ import annotations

import doctest
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import cli.top
from cli.commands.stack import default_data_dir
from cli.errors import ExitCode
from cli.output import Output, print_object, print_rows
from cli.processes import free_port


def standings(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STANDINGS_")}
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        env=kept | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_help_loads_none_of_the_heavy_parts() -> None:
    program = (
        "import sys; sys.argv = ['standings', '--help']\n"
        "from cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('LOADED', [name for name in ('faust', 'aiokafka', 'kafka', 'fastapi', 'redis', 'jgo', 'pydantic')"
        " if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert "LOADED []" in done.stdout


def test_config_show_prints_json_without_the_password() -> None:
    done = standings("config", "show", STANDINGS_REDIS__URL="redis://:secret@cache:6379/0")
    assert done.returncode == ExitCode.OK
    assert json.loads(done.stdout)["redis"]["url"] == "redis://:***@cache:6379/0"
    assert "secret" not in done.stdout + done.stderr


def test_a_wrong_setting_is_named_and_is_wrong_usage() -> None:
    done = standings("config", "show", STANDINGS_KAFKA__PARTITIONS="many")
    assert done.returncode == ExitCode.USAGE
    assert "STANDINGS_KAFKA__PARTITIONS" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("emit", "no-such-file.jsonl"),
        ("replay", "--board", "n/rep/revenue/2026"),
        ("replay", "no-such-file.jsonl", "--board", "n/rep/revenue/2026"),
        ("top", "not-a-board"),
        ("no-such-command",),
    ],
)
def test_wrong_usage_ends_with_2(arguments: tuple[str, ...]) -> None:
    done = standings(*arguments)
    assert done.returncode == ExitCode.USAGE, done.stderr
    assert "Traceback" not in done.stderr


def test_a_kafka_that_is_not_there_is_named_and_ends_with_1(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("{}\n", encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    done = standings("emit", str(file), "--bootstrap-servers", address)
    assert done.returncode == ExitCode.FAILED
    assert address in done.stderr
    assert "Traceback" not in done.stderr


def test_an_api_that_is_not_there_is_named_and_ends_with_1() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = standings("top", "n/rep/revenue/2026", "--api-url", url, "--once")
    assert done.returncode == ExitCode.FAILED
    assert url in done.stderr


def test_rows_are_printed_in_each_format(capsys: pytest.CaptureFixture[str]) -> None:
    rows: list[dict[str, object]] = [{"reason": "not_json", "offset": 3}, {"reason": "没有", "offset": None}]
    print_rows(rows, Output.NDJSON)
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == rows
    print_rows(rows, Output.JSON)
    assert json.loads(capsys.readouterr().out) == rows
    print_rows(rows, Output.TABLE)
    assert "not_json" in capsys.readouterr().out
    print_rows([], Output.JSON)
    assert json.loads(capsys.readouterr().out) == []


def test_an_object_is_printed_in_each_format(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"sent": 3, "topics": {"standings.sales.v1": 3}}
    for output in (Output.JSON, Output.NDJSON):
        print_object(value, output)
        assert json.loads(capsys.readouterr().out) == value
    print_object(value, Output.TABLE)
    assert "standings.sales.v1" in capsys.readouterr().out


def test_amounts_are_shown_as_people_write_them() -> None:
    assert doctest.testmod(cli.top).failed == 0
    assert cli.top.amount("-5", money=True, percent=False) == "-0.05"
    assert cli.top.amount(None, money=True, percent=False) == ""
    assert cli.top.amount("1200", money=False, percent=False) == "1,200"


def test_the_demo_keeps_its_data_in_the_project_it_is_run_from(project_dir: Path) -> None:
    assert default_data_dir("demo") == project_dir / "data" / "demo"
