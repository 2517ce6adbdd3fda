"""`dead-letters list`: the records that could not be taken, and why."""

from __future__ import annotations

import json
import sys

import typer

from cli.commands.options import BootstrapServers, OutputFormat
from cli.output import Output, print_rows

app = typer.Typer(help="The records that could not be taken.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `list` a word of its own while it is the only command here."""


@app.command(name="list")
def list_(bootstrap_servers: BootstrapServers = None, output: OutputFormat = Output.TABLE) -> None:
    """Lists all dead letters with reason, topic, partition, offset and detail."""
    import asyncio

    from cli.settings import read_settings
    from cli.wiring import dead_letters

    settings = read_settings(bootstrap_servers=bootstrap_servers)

    async def run() -> None:
        if output is Output.NDJSON:
            async for letter in dead_letters(settings):
                sys.stdout.write(json.dumps(letter, ensure_ascii=False, separators=(",", ":")) + "\n")
            return
        rows = [letter async for letter in dead_letters(settings)]
        print_rows(rows, output, columns=("reason", "topic", "partition", "offset", "detail"))

    asyncio.run(run())
