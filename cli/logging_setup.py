"""Logs of the processes: JSON lines on stderr, or readable text on a terminal."""

from __future__ import annotations

import logging
import sys

import structlog

from cli.settings import LogSettings


class WithoutServiceSteps(logging.Filter):
    """Drops the lines in which Faust's services tell each step of their start and stop, `[^-Consumer]: Stopping...`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        return record.levelno > logging.INFO or not str(record.msg).startswith("[^")


def set_up_logging(settings: LogSettings) -> None:
    """Sets up structlog and the standard library's logging to write the same lines. Once per process."""
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    before: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if console:
        last.append(structlog.dev.ConsoleRenderer())
    else:
        last += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=before, processors=last))
    handler.addFilter(WithoutServiceSteps())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings.level)
    for name in ("aiokafka", "kafka", "mode", "uvicorn.access"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
