"""`worker`, `projector`, `api` and `simulate`: the processes, one command each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import BootstrapServers, RedisUrl
from cli.output import say


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command()(worker)
    app.command()(projector)
    app.command()(api)
    app.command()(simulate)


def worker(bootstrap_servers: BootstrapServers = None) -> None:
    """Runs a worker: takes part in folding the log; any number may run."""
    from cli.logging_setup import set_up_logging
    from cli.parent import end_with_parent
    from cli.settings import read_settings
    from cli.wiring import run_worker

    settings = read_settings(bootstrap_servers=bootstrap_servers)
    set_up_logging(settings.log)
    end_with_parent()
    run_worker(settings)


def projector(bootstrap_servers: BootstrapServers = None, redis_url: RedisUrl = None) -> None:
    """Runs a projector: brings what the workers have flushed onto the boards; any number may run."""
    from cli.logging_setup import set_up_logging
    from cli.parent import end_with_parent
    from cli.settings import read_settings
    from cli.wiring import run_projector

    settings = read_settings(bootstrap_servers=bootstrap_servers, redis_url=redis_url)
    set_up_logging(settings.log)
    end_with_parent()
    run_projector(settings)


def api(
    redis_url: RedisUrl = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.", show_default=False)] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.", show_default=False)] = None,
) -> None:
    """Runs the read API and the page; any number may run."""
    from cli.logging_setup import set_up_logging
    from cli.parent import end_with_parent
    from cli.settings import read_settings
    from cli.wiring import run_api

    settings = read_settings(redis_url=redis_url)
    told = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = settings.model_copy(update={"api": settings.api.model_copy(update=told)})
    set_up_logging(settings.log)
    end_with_parent()
    run_api(settings)


def simulate(
    bootstrap_servers: BootstrapServers = None,
    rate: Annotated[float, typer.Option(help="Sales a second at a mean hour.", min=0)] = 4.0,
    history_days: Annotated[int, typer.Option(help="Days before today that a first run makes up.", min=0)] = 30,
    seed: Annotated[int, typer.Option(help="The same seed gives the same organisation.")] = 1,
    state_file: Annotated[
        Path | None, typer.Option(help="Notes what was sent, so that a second run goes on.", show_default=False)
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Stop after so long.", show_default=False)] = None,
) -> None:
    """Feeds a simulated retail organisation and its sales."""
    from cli.parent import end_with_parent
    from cli.settings import read_settings
    from cli.wiring import SimulateArguments, run_simulator

    end_with_parent()
    settings = read_settings(bootstrap_servers=bootstrap_servers)
    sent_count = run_simulator(settings, SimulateArguments(rate, history_days, seed, state_file, seconds), say)
    say(f"{sent_count} events sent")
