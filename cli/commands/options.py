"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.output import Output

BootstrapServers = Annotated[
    str | None,
    typer.Option(
        "--bootstrap-servers",
        metavar="HOST:PORT",
        help="Kafka; else STANDINGS_KAFKA__BOOTSTRAP_SERVERS.",
        show_default=False,
    ),
]
RedisUrl = Annotated[
    str | None,
    typer.Option("--redis-url", metavar="URL", help="Redis or Valkey; else STANDINGS_REDIS__URL.", show_default=False),
]
OutputFormat = Annotated[Output, typer.Option("--output", "-o", help="How the result is printed.")]
