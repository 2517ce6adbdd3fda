"""`top`: a board in the terminal, through the API."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.options import OutputFormat
from cli.output import Output


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(top)


def top(
    board: Annotated[str, typer.Argument(help="UNIT/MEMBERS/METRIC/BUCKET, for example n/rep/revenue/2026-05.")],
    api_url: Annotated[
        str | None,
        typer.Option(envvar="STANDINGS_API_URL", help="Where the API is; else from the settings.", show_default=False),
    ] = None,
    rows: Annotated[int, typer.Option(help="How many rows.", min=1, max=100)] = 20,
    every: Annotated[float, typer.Option(help="Seconds between two looks.", min=0.2)] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Print it once and end.")] = False,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Shows the top of a board, live; Ctrl-C ends it."""
    from cli.settings import read_settings
    from cli.top import TopOptions, show

    if api_url is None:
        api = read_settings().api
        api_url = f"http://{api.host}:{api.port}"
    show(TopOptions(api_url.rstrip("/"), board, rows, every), once=once or output is not Output.TABLE, output=output)
