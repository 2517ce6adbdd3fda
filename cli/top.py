"""A board as a live table in the terminal."""

from __future__ import annotations

import http.client
import json
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from rich.console import Console, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.errors import CommandError, ExitCode
from cli.output import Output, print_object, print_rows

REQUEST_SECONDS = 5.0
BOARD_PARTS = 4
MINOR_PER_UNIT = 100
PPM_PER_PERCENT = 10_000


@dataclass(frozen=True, slots=True)
class TopOptions:
    """What to show.

    Attributes:
        api_url: where the API is.
        board: UNIT/MEMBERS/METRIC/BUCKET; the unit may contain slashes.
        row_count: rows from the top.
        interval_seconds: time between two looks.
    """

    api_url: str
    board: str
    row_count: int
    interval_seconds: float


def show(options: TopOptions, *, once: bool, output: Output) -> None:
    """Shows the board until Ctrl-C, or once.

    Raises:
        CommandError: the name is no board's name, or the API does not answer (after the first answer the live table
            says so itself).
    """
    answer = read_board(options)
    if once:
        match output:
            case Output.JSON:
                print_object(answer, output)
            case Output.NDJSON:
                print_rows(answer["rows"], output)
            case Output.TABLE:
                Console().print(board_table(answer))
        return
    with Live(board_table(answer), auto_refresh=False, screen=False) as live:
        while True:
            time.sleep(options.interval_seconds)
            try:
                shown: RenderableType = board_table(read_board(options))
            except CommandError as error:
                shown = Text(str(error), style="red")
            live.update(shown, refresh=True)


def read_board(options: TopOptions) -> dict[str, Any]:
    """The first page of the board from the API.

    Raises:
        CommandError: it can't be had.
    """
    parts = options.board.rsplit("/", BOARD_PARTS - 1)
    if len(parts) != BOARD_PARTS or not all(parts):
        raise CommandError(f"{options.board!r} is no board; write UNIT/MEMBERS/METRIC/BUCKET", ExitCode.USAGE)
    path = "/v1/boards/" + "/".join(quote(part, safe="") for part in parts) + f"?limit={options.row_count}"
    url = urlsplit(options.api_url)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    try:
        with closing(kind(url.netloc, timeout=REQUEST_SECONDS)) as connection:
            connection.request("GET", url.path + path, headers={"Accept": "application/json"})
            response = connection.getresponse()
            status, body = response.status, response.read()
    except (OSError, http.client.HTTPException) as error:
        raise CommandError(f"the API at {options.api_url} does not answer: {error}") from error
    try:
        answer: dict[str, Any] = json.loads(body)
    except ValueError as error:
        raise CommandError(f"the API at {options.api_url} answers {status}, not JSON") from error
    if status != http.client.OK:
        raise CommandError(f"{answer.get('title', status)}: {answer.get('detail', '')}")
    return answer


def board_table(answer: dict[str, Any]) -> Table:
    """The answer as a table: rank, name, score, gap to the one above, attainment."""
    rows = answer.get("rows", [])
    board = answer.get("board", "")
    name = board if isinstance(board, str) else "/".join(str(part) for part in board.values())
    table = Table(
        title=name,
        caption=f"{answer.get('member_count', len(rows))} members · {answer.get('state', '')}",
        title_justify="left",
        caption_justify="left",
    )
    for title, justify in (("#", "right"), ("", "left"), ("Score", "right"), ("Gap", "right"), ("Target", "right")):
        table.add_column(title, justify="right" if justify == "right" else "left")
    money = "/revenue/" in f"/{name}/"
    percent = "attainment" in name
    for row in rows:
        attained = row.get("attainment_ppm")
        table.add_row(
            str(row.get("rank", "")),
            str(row.get("display_name") or row.get("member_id", "")),
            amount(row.get("score"), money=money, percent=percent),
            amount(row.get("gap_above"), money=money, percent=percent),
            amount(attained, money=False, percent=True),
        )
    return table


def amount(value: Any, *, money: bool, percent: bool) -> str:  # Any: text or number from JSON
    """A score for people: minor units with their point, parts per million as percent, else as it is.

    >>> amount("123456", money=True, percent=False)
    '1,234.56'
    >>> amount("985000", money=False, percent=True)
    '98.5%'
    """
    if value is None:
        return ""
    number = int(value)
    sign = "-" if number < 0 else ""
    if money:
        return f"{sign}{abs(number) // MINOR_PER_UNIT:,}.{abs(number) % MINOR_PER_UNIT:02d}"
    if percent:
        return f"{sign}{abs(number) // PPM_PER_PERCENT:,}.{abs(number) % PPM_PER_PERCENT // 1000}%"
    return f"{number:,}"
