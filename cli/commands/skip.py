"""`skip`: tells the workers to pass a record by that stops them."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.options import BootstrapServers, OutputFormat
from cli.errors import CommandError, ExitCode
from cli.output import Output, print_object, say


def register(app: typer.Typer) -> None:
    """Adds the command to `app`."""
    app.command()(skip)


def skip(
    record: Annotated[
        str, typer.Argument(metavar="TOPIC-PARTITION@OFFSET", help="The record, as the worker's log names it.")
    ],
    reason: Annotated[
        str, typer.Option(help="Why; kept in the dead letters. Up to 64 characters.", show_default=False)
    ],
    bootstrap_servers: BootstrapServers = None,
    before_rebuild: Annotated[
        bool,
        typer.Option(
            "--before-rebuild", help="The state will be rebuilt from the sources: skip what it holds already, too."
        ),
    ] = False,
    output: OutputFormat = Output.TABLE,
) -> None:
    """Tells all workers to pass a record by; it goes to the dead letters instead.

    Refuses a record that was folded already, since the boards would keep it. Exit code 1: refused; 2: used wrongly.
    """
    import asyncio

    from cli.settings import read_settings
    from processors.skipping import SETTLE_SECONDS, BadSkip, CannotSkip, Skipping, SkipTarget
    from processors.topics import TopicNames, TopicsUnfit

    settings = read_settings(bootstrap_servers=bootstrap_servers)
    names = TopicNames(settings.kafka.topic_prefix)
    skipping = Skipping(settings.kafka.bootstrap_servers, names)
    try:
        target = SkipTarget.parse(record, names)
        say(f"reading how far the state is; after the skip {SETTLE_SECONDS:.0f} s to see that nobody folded it")
        done = asyncio.run(skipping.skip(target, reason, before_rebuild=before_rebuild))
    except BadSkip as error:
        raise CommandError(str(error), ExitCode.USAGE) from error
    except (CannotSkip, TopicsUnfit) as error:
        raise CommandError(str(error)) from error
    name = f"{done.topic}-{done.partition}@{done.offset}"
    print_object({"skipped": name, "reason": reason, "said_at": f"{names.control}-0@{done.control_offset}"}, output)
    if done.folded and not before_rebuild:
        raise CommandError(
            f"{name} was folded while the skip was sent: the boards hold it and `verify` leaves it out, until the "
            "state is rebuilt from the sources"
        )
