"""`emit`, `replay` and `verify`: what is done with the log itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.commands.options import BootstrapServers, OutputFormat, RedisUrl
from cli.errors import CommandError, ExitCode
from cli.output import Output, print_object, say


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command()(emit)
    app.command()(replay)
    app.command()(verify)


def emit(
    file: Annotated[Path, typer.Argument(help="JSON lines, a CloudEvent each; - is standard input.", allow_dash=True)],
    bootstrap_servers: BootstrapServers = None,
    rate: Annotated[
        float | None, typer.Option(help="Events a second; else as fast as possible.", min=0.001, show_default=False)
    ] = None,
    scramble: Annotated[bool, typer.Option("--scramble", help="Puts sales on random partitions.")] = False,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Sends events to the log, routed by type and keyed; it judges nothing."""
    import asyncio

    from cli.emit import EmitOptions, emit_file
    from cli.settings import read_settings
    from cli.wiring import topic_names

    if str(file) != "-" and not file.is_file():
        raise CommandError(f"no file {file}", ExitCode.USAGE)
    settings = read_settings(bootstrap_servers=bootstrap_servers)
    options = EmitOptions(settings.kafka.bootstrap_servers, topic_names(settings), rate, scramble)
    sent = asyncio.run(emit_file(file, options, say))
    print_object({"sent": sum(sent.values()), "topics": sent}, output)


def replay(
    file: Annotated[
        Path | None, typer.Argument(help="JSON lines, a CloudEvent each; or --bootstrap-servers.", show_default=False)
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    board: Annotated[
        list[str] | None, typer.Option(help="UNIT/MEMBERS/METRIC/BUCKET; may be repeated.", show_default=False)
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(help="How many fold; else one a processor, fewer for a small file.", min=1, show_default=False),
    ] = None,
    load_into: Annotated[
        str | None,
        typer.Option(
            "--load-into",
            metavar="PREFIX",
            help="Writes all boards into Redis under this key prefix, beside the live ones.",
            show_default=False,
        ),
    ] = None,
    redis_url: RedisUrl = None,
    reopen: Annotated[
        int | None,
        typer.Option(metavar="YEAR", help="As if this year and later ones had not been closed.", show_default=False),
    ] = None,
    output: OutputFormat = Output.JSON,
) -> None:
    """Folds a file or the log from the start, offline, and prints boards; the live boards stay as they are."""
    from cli.replay import ReplayRequest
    from cli.replay import replay as run
    from cli.settings import read_settings

    if (file is None) == (bootstrap_servers is None):
        raise CommandError("name a file or --bootstrap-servers, one of them", ExitCode.USAGE)
    if not board and load_into is None:
        raise CommandError("name at least one --board UNIT/MEMBERS/METRIC/BUCKET, or --load-into", ExitCode.USAGE)
    if file is not None and not file.is_file():
        raise CommandError(f"no file {file}", ExitCode.USAGE)
    settings = read_settings(bootstrap_servers=bootstrap_servers, redis_url=redis_url)
    request = ReplayRequest(file, board or (), processes, load_into, reopen)
    print_object(run(settings, request, say), output)


def verify(
    bootstrap_servers: BootstrapServers = None,
    redis_url: RedisUrl = None,
    bucket: Annotated[
        list[str] | None, typer.Option(help="Only boards of this bucket; may be repeated.", show_default=False)
    ] = None,
    processes: Annotated[
        int | None, typer.Option(help="How many fold the log; else one a processor.", min=1, show_default=False)
    ] = None,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Folds the source topics from the start and compares every live board with what they say.

    Exit code 0: all equal. 1: could not compare. 2: nothing to compare, or used wrongly. 3: a difference was found.
    """
    from cli.settings import read_settings
    from cli.verify import verify as run

    settings = read_settings(bootstrap_servers=bootstrap_servers, redis_url=redis_url)
    report, exit_code = run(settings, tuple(bucket or ()), processes, say)
    print_object(report, output)
    raise typer.Exit(int(exit_code))
