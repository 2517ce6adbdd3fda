"""`workers list` and `workers remove`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.options import BootstrapServers, OutputFormat
from cli.output import Output, print_rows, say

app = typer.Typer(help="The workers of a deployment, as Kafka knows them.", no_args_is_help=True)


@app.command("list")
def list_(bootstrap_servers: BootstrapServers = None, output: OutputFormat = Output.TABLE) -> None:
    """Lists the workers and their partitions; one that has died is listed until its session ends."""
    from cli.settings import read_settings
    from cli.wiring import workers

    rows = workers(read_settings(bootstrap_servers=bootstrap_servers))
    print_rows(rows, output, columns=("instance_id", "host", "partitions"))


@app.command()
def remove(
    instance_id: Annotated[str, typer.Argument(help="STANDINGS_WORKER__INSTANCE_ID of the worker that is gone.")],
    bootstrap_servers: BootstrapServers = None,
) -> None:
    """Gives the partitions of a worker that will not come back to the others now, not when its session ends."""
    from cli.settings import read_settings
    from cli.wiring import remove_worker

    remove_worker(read_settings(bootstrap_servers=bootstrap_servers), instance_id)
    say(f"{instance_id} has left; its partitions go to the other workers")
