"""`config show` and `doctor`: what is set, and whether it works."""

from __future__ import annotations

import typer

from cli.commands.options import OutputFormat
from cli.errors import CommandError
from cli.output import Output, print_object, print_rows

config_app = typer.Typer(help="The settings.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Adds the commands to `app`."""
    app.command()(doctor)


@config_app.callback()
def _group() -> None:
    """Keeps `show` a word of its own while it is the only command here."""


@config_app.command()
def show(output: OutputFormat = Output.JSON) -> None:
    """Prints all settings as read from the environment, without passwords."""
    from cli.settings import read_settings, redacted

    print_object(redacted(read_settings()), output)


def doctor(output: OutputFormat = Output.TABLE) -> None:
    """Looks at this machine and at the servers that are set, and says what to do about what is wrong."""
    from cli.doctor import examine
    from cli.settings import read_settings

    findings = examine(read_settings())
    print_rows((finding.as_json() for finding in findings), output, columns=("check", "state", "detail"))
    if any(not finding.ok for finding in findings):
        raise CommandError("something is wrong; see above")
