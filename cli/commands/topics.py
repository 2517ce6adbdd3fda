"""`topics ensure` and `topics check`."""

from __future__ import annotations

import typer

from cli.commands.options import BootstrapServers, OutputFormat
from cli.errors import CommandError
from cli.output import Output, print_rows, say

app = typer.Typer(help="The topics and their settings.", no_args_is_help=True)


@app.command()
def ensure(bootstrap_servers: BootstrapServers = None, output: OutputFormat = Output.TABLE) -> None:
    """Makes the topics that are missing; leaves the others as they are."""
    from cli.settings import read_settings
    from cli.wiring import ensure_topics

    made = ensure_topics(read_settings(bootstrap_servers=bootstrap_servers))
    print_rows(({"made": name} for name in made), output, columns=("made",))


@app.command()
def check(bootstrap_servers: BootstrapServers = None, output: OutputFormat = Output.TABLE) -> None:
    """Compares the topics with how they must be; exit code 1 if one differs."""
    from cli.settings import read_settings
    from cli.wiring import check_topics

    problems = check_topics(read_settings(bootstrap_servers=bootstrap_servers))
    print_rows(({"problem": text} for text in problems), output, columns=("problem",))
    if problems:
        raise CommandError(f"{len(problems)} differences; `standings topics ensure` makes what is missing")
    say("all topics are as they must be")
