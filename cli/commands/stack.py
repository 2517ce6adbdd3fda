"""`up` and `demo`: everything on one machine."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import say, stderr

if TYPE_CHECKING:
    from cli.supervisor import Addresses

DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Everything is kept here.", file_okay=False, show_default=False)
]
ApiPort = Annotated[
    int | None,
    typer.Option("--api-port", help="Port of API and page; else any free one.", min=1, max=65_535, show_default=False),
]


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command()(up)
    app.command()(demo)


def up(
    data_dir: DataDir = None,
    api_port: ApiPort = None,
    simulate: Annotated[bool, typer.Option("--simulate/--no-simulate", help="Feed simulated sales.")] = True,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written when everything serves; holds addresses and pids.", show_default=False)
    ] = None,
) -> None:
    """Starts Kafka, Valkey, worker, projector and API on this machine; stops all of it on Ctrl-C."""
    from cli.supervisor import Supervisor, UpOptions

    options = UpOptions(
        data_dir=data_dir or default_data_dir("up"),
        api_port=api_port,
        simulate=() if simulate else None,
        ready_file=ready_file,
    )
    Supervisor(
        options, ensure_topics=_ensure_topics, say=_say_when, on_ready=lambda at: _say_when(f"Ready: {at.api_url}")
    ).run()


def demo(data_dir: DataDir = None, api_port: ApiPort = None) -> None:
    """Runs a simulated retail organisation and its live leaderboard; stops all of it on Ctrl-C."""
    from cli.supervisor import Supervisor, UpOptions

    folder = data_dir or default_data_dir("demo")
    with stderr.status("Starting") as status:

        def progress(text: str) -> None:
            status.update(text)
            if not text.startswith("Downloading"):
                stderr.print(f"  {text}", style="dim", markup=False)

        def ready(at: Addresses) -> None:
            status.stop()
            _welcome(at, folder)

        options = UpOptions(data_dir=folder, api_port=api_port)
        Supervisor(options, ensure_topics=_ensure_topics, say=progress, on_ready=ready).run()


def _say_when(text: str) -> None:
    say(f"{datetime.now():%H:%M:%S} {text}")


def _welcome(at: Addresses, folder: Path) -> None:
    lines: tuple[tuple[str, str], ...] = (
        ("Leaderboard", f"{at.api_url}/"),
        ("API", f"{at.api_url}/v1/openapi.json"),
        ("Kafka", at.bootstrap_servers),
        ("Valkey", at.redis_url),
        ("Data and logs", str(folder)),
    )
    stderr.print()
    for name, value in lines:
        stderr.print(f"  [bold]{name:<14}[/bold] {value}")
    stderr.print("\n  Simulated sales are coming in. Ctrl-C stops everything; the data stays.\n")


def default_data_dir(name: str) -> Path:
    """`data/NAME` of the project if this is run from its source, else a folder of the user."""
    project = Path(__file__).resolve().parents[2]
    if (project / "pyproject.toml").is_file() and os.access(project, os.W_OK):
        return project / "data" / name
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "standings" / name


def _ensure_topics(bootstrap_servers: str) -> None:
    from cli.settings import read_settings
    from cli.wiring import ensure_topics

    ensure_topics(read_settings(bootstrap_servers=bootstrap_servers))
