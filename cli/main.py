"""`standings`: the command line. Heavy parts are imported inside the commands, so that `--help` is fast."""

from __future__ import annotations

import sys
import zoneinfo

import typer

from cli.commands import boards, dead_letters, logs, services, setup, skip, stack, topics, workers
from cli.errors import CommandError, ExitCode

app = typer.Typer(
    name="standings",
    help="Runs a sales organisation's contests on the log of its sales: exact live boards on Kafka, Faust and Redis.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
stack.register(app)
services.register(app)
logs.register(app)
skip.register(app)
boards.register(app)
setup.register(app)
app.add_typer(topics.app, name="topics")
app.add_typer(workers.app, name="workers")
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(setup.config_app, name="config")


def main() -> None:
    """Runs the command of `sys.argv` and exits with its code."""
    # The system's time zone data may be older or newer than ours. The day of a sale must not depend on the machine, so
    # the pinned package decides, everywhere: with no system path left, zoneinfo reads only tzdata.
    zoneinfo.reset_tzpath(to=())
    try:
        app()
    except CommandError as error:
        _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        _fail("stopped", 130)
    except Exception as error:
        told = _told(error)
        if told is None:
            raise
        _fail(*told)


def _told(error: Exception) -> tuple[str, int] | None:
    """Message and exit code of the errors that the world makes; None for our own bugs."""
    from pydantic import ValidationError

    from cli.processes import ProcessError

    if isinstance(error, ProcessError):
        return str(error), ExitCode.FAILED
    if isinstance(error, ValidationError):
        lines = [f"STANDINGS_{'__'.join(str(part) for part in e['loc']).upper()}: {e['msg']}" for e in error.errors()]
        return "wrong settings:\n" + "\n".join(lines), ExitCode.USAGE
    if _is_unreachable(error):
        return f"can't reach the servers: {type(error).__name__}: {error}", ExitCode.FAILED
    return None


def _is_unreachable(error: Exception) -> bool:
    """Whether Kafka, Redis or the API can't be reached. Only looks at libraries that are loaded already."""
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    known = (("aiokafka.errors", "KafkaConnectionError"), ("kafka.errors", "KafkaConnectionError"))
    more = (("kafka.errors", "NoBrokersAvailable"), ("redis.exceptions", "ConnectionError"))
    for module, name in (*known, *more, ("redis.exceptions", "TimeoutError")):
        loaded = sys.modules.get(module)
        kind = getattr(loaded, name, None)
        if isinstance(kind, type) and isinstance(error, kind):
            return True
    return False


def _fail(message: str, exit_code: int) -> None:
    sys.stderr.write(f"standings: {message}\n")
    sys.exit(int(exit_code))


if __name__ == "__main__":
    main()
