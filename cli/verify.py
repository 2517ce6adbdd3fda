"""`standings verify`: is every live board what the log says?"""

from __future__ import annotations

import asyncio
from typing import Any

from cli.errors import CommandError, ExitCode
from cli.settings import Settings
from cli.shares import processors, workers
from cli.wiring import Say, board_store, rules, topic_names
from processors.comparison import sample
from processors.log_reader import LogReader
from processors.shares import ShareFailed, Workers
from processors.topics import TopicNames, TopicsUnfit
from processors.verify import CannotCompare, VerifyReport
from processors.verify import verify as compare_all
from projections.ports import BoardsUnavailable

DIFFERENCES_SHOWN_MAX = 20


def verify(
    settings: Settings, buckets: tuple[str, ...], processes: int | None, say: Say
) -> tuple[dict[str, Any], ExitCode]:
    """Compare the live boards with the log.

    Args:
        settings: where the log and the boards are.
        buckets: only boards of these; empty = all boards and documents.
        processes: how many fold the log; None = as many as there are processors.
        say: told of the progress.

    Returns:
        What was compared, and 0 equal, 3 different, 2 nothing to compare.

    Raises:
        CommandError: can't compare.
    """
    report = asyncio.run(_verify(settings, frozenset(buckets), workers(processes or processors()), say))
    return report_json(report), exit_code(report)


def exit_code(report: VerifyReport) -> ExitCode:
    """What a report means to a script."""
    if not report.equal:
        return ExitCode.DIFFERENT
    return ExitCode.OK if report.rows_compared else ExitCode.USAGE


def report_json(report: VerifyReport) -> dict[str, Any]:
    """A report for ``--output json``; the first differences name board and member."""
    return {
        "version": report.version,
        "boards_compared": report.boards_compared,
        "rows_compared": report.rows_compared,
        "accounting": report.accounting.as_dict(),
        "records_behind": report.behind_count,
        "accounting_closed": report.accounting.read == report.record_count,
        "difference_count": len(report.differences),
        "differences": [found.as_json() for found in sample(report.differences, DIFFERENCES_SHOWN_MAX)],
    }


async def _verify(settings: Settings, buckets: frozenset[str], work: Workers, say: Say) -> VerifyReport:
    names = TopicNames(settings.kafka.topic_prefix)
    store = board_store(settings)
    try:
        async with LogReader(settings.kafka.bootstrap_servers, topic_names(settings)) as reader:
            return await compare_all(store, reader, names, rules(settings), buckets=buckets, workers=work, progress=say)
    except (CannotCompare, ShareFailed, TopicsUnfit) as error:
        raise CommandError(str(error)) from error
    except BoardsUnavailable as error:
        raise CommandError(f"the boards can't be read: {error}") from error
    finally:
        await store.close()
