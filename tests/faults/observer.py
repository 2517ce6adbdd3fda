"""Somebody who looks at boards all the time, also while things break, and keeps every answer to be judged later."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

from tests.faults.source_log import SourceLog, Vector, vector
from tests.faults.truth import AsOf, Truth, is_goal
from tests.oracle.oracle import Cell, Oracle

LOOK_SECONDS = 0.03
ANSWER_SECONDS = 15.0
EXPLICIT = ("/problems/rebuilding", "/problems/store-unreachable")
ANSWERS_MIN, EXACT_MIN, AS_OFS_MIN, WIDE_ROWS_MIN = 40, 20, 4, 100

Shown = tuple[int, str, int, Cell, int | None, int | None]
"""Rank, member, score, cell, target, attainment."""


class Answer(NamedTuple):
    """What the API said of a board.

    Attributes:
        period: 0, or the number of the setback during which it was asked for.
        said: `live` or `stale`, the type of a problem, or what else was the matter.
    """

    board: str
    period: int
    said: str
    as_of: AsOf = ()
    targets_as_of: AsOf = ()
    rows: tuple[Shown, ...] = ()
    member_count: int = 0


class Seen(NamedTuple):
    """How many answers there were, of what kind, and how many were compared with the oracle."""

    counts: Counter[str]
    compared: int
    as_ofs: int
    vectors: int
    steps_back: int
    rows_max: int

    def __str__(self) -> str:
        kinds = ", ".join(f"{count} {said.rpartition('/')[2]}" for said, count in sorted(self.counts.items()))
        return (
            f"{self.counts.total()} answers ({kinds}), {self.as_ofs} as_of, {self.vectors} partition vectors, "
            f"widest {self.rows_max} rows, {self.steps_back} steps back"
        )


class Observer:
    """Polls boards in a thread from its start to its end.

    Args:
        port: of the API.
        boards: asked for in turn.
        partitions: of the deployment.
    """

    def __init__(self, port: int, boards: Sequence[str], partitions: int) -> None:
        self._port = port
        self._boards = tuple(boards)
        self._partitions = partitions
        self._stopping = threading.Event()
        self._answers: list[Answer] = []
        self._setbacks = itertools.count(1)
        self._setback = 0
        self._thread = threading.Thread(target=self._look, name="observer")
        self._thread.start()

    @contextmanager
    def may_step_back(self) -> Iterator[None]:
        """Meanwhile boards may show less than before: their store is set back to something older."""
        self._setback = next(self._setbacks)
        try:
            yield
        finally:
            self._setback = 0

    def count(self, said: str = "") -> int:
        """Answers so far, or those of a kind."""
        return len(self._answers) if not said else sum(answer.said == said for answer in self._answers)

    def has_seen_enough(self) -> bool:
        """Whether there are as many answers as a verdict needs, boards among them."""
        return len(self._answers) >= ANSWERS_MIN and sum(bool(answer.as_of) for answer in self._answers) >= EXACT_MIN

    def end(self) -> None:
        """Look no more."""
        self._stopping.set()
        self._thread.join()

    # ---------------------------------------------------------------- looking

    def _look(self) -> None:
        connection = self._connect()
        for board in itertools.cycle(self._boards):
            if self._stopping.wait(LOOK_SECONDS):
                break
            setback = self._setback
            try:
                answer = self._ask(connection, board)
            except (OSError, http.client.HTTPException, ValueError) as error:
                answer = Answer(board, setback, f"no answer: {error!r}")
                connection.close()
                connection = self._connect()
            if answer is not None:
                self._answers.append(answer._replace(period=setback))
        connection.close()

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)

    def _ask(self, connection: http.client.HTTPConnection, board: str) -> Answer:
        connection.request("GET", board_path(board) + "?limit=1000")
        response = connection.getresponse()
        return read_answer(board, response.status, json.loads(response.read()), self._partitions)

    # ---------------------------------------------------------------- judging

    def judge(self, log: SourceLog, oracle: Oracle) -> Seen:
        """Compare every answer with the oracle at its own as_of; every other one must say why it shows nothing.

        Args:
            log: everything that was ever said.
            oracle: of the whole log, from scratch: the one that is moved forward must end where this one is.

        Raises:
            AssertionError: an answer was wrong, or too little was seen for a verdict.
        """
        counts = Counter(answer.said for answer in self._answers)
        strange = {said: count for said, count in counts.items() if said not in ("live", "stale", *EXPLICIT)}
        assert not strange, f"answers that say nothing of use: {strange}"
        exact = [answer for answer in self._answers if answer.as_of]
        truth = Truth(log, self._boards)
        ends = tuple(map(log.ends, range(self._partitions)))
        truth.prepare({ends, *(as_of for answer in exact for as_of in (answer.as_of, answer.targets_as_of))})
        for board in self._boards:
            assert truth.board(board, ends) == oracle.board(board), f"the tests' own oracles differ on {board}"
        different = {answer._replace(period=0, said="") for answer in exact}
        wrong = [f"{answer.board} at {answer.as_of}: {why}" for answer in different if (why := fault(answer, truth))]
        assert not wrong, f"{len(wrong)} of {len(different)} different answers are wrong:\n" + "\n".join(wrong[:3])
        seen = Seen(
            counts,
            len(exact),
            len({answer.as_of for answer in exact}),
            truth.vector_count,
            self._steps_back(exact),
            max((len(answer.rows) for answer in exact), default=0),
        )
        assert seen.counts.total() >= ANSWERS_MIN, f"nothing was observed: {seen}"
        assert seen.compared >= EXACT_MIN, f"no boards were observed: {seen}"
        assert seen.as_ofs >= AS_OFS_MIN, f"no change was observed: {seen}"
        assert seen.rows_max >= WIDE_ROWS_MIN, f"no wide board was observed: {seen}"
        return seen

    def _steps_back(self, exact: Sequence[Answer]) -> int:
        """How often a board showed less than before; that is wrong, but while its store is set back."""
        steps, last = 0, dict[str, Answer]()
        for answer in exact:
            before = last.get(answer.board)
            last[answer.board] = answer
            if before is not None and not is_later(before.as_of, answer.as_of):
                steps += 1
                allowed = answer.period or before.period
                assert allowed, f"{answer.board} went from {before.as_of} back to {answer.as_of}"
        return steps


def is_later(before: AsOf, after: AsOf) -> bool:
    """Whether nothing was taken back between two as_of."""
    return all(all(b >= a for a, b in zip(x, y, strict=True)) for x, y in zip(before, after, strict=True))


def board_path(board: str) -> str:
    """The path of a board of the API."""
    return "/v1/boards/" + "/".join(quote(part, safe="") for part in board.rsplit("/", 3))


def read_answer(board: str, status: int, body: Any, partitions: int) -> Answer:
    """An answer, as far as it is judged."""
    if status != 200:
        return Answer(board, 0, body.get("type", "") if status == 503 else f"status {status}: {body}")
    if body["board"] != board or body["next_cursor"] is not None:
        return Answer(board, 0, f"another board, or more than a page: {body['board']}")
    rows = tuple(map(read_row, body["rows"]))
    as_of, targets_as_of = (read_as_of(body[name], partitions) for name in ("as_of", "targets_as_of"))
    return Answer(board, 0, body["state"], as_of, targets_as_of, rows, body["member_count"])


def read_row(row: Any) -> Shown:
    """A row, as far as it is judged."""
    revenue, quantity, count, lines = (int(row["cell"][part]) for part in ("revenue", "quantity", "count", "lines"))
    target = None if row["target"] is None else int(row["target"])
    cell = revenue, quantity, count, lines
    return row["rank"], row["member_id"], int(row["score"]), cell, target, row["attainment_ppm"]


def read_as_of(said: dict[str, dict[str, int]], partitions: int) -> AsOf:
    """An as_of of the API: a vector for each partition."""
    vectors: list[Vector] = [vector(said.get(str(partition), {})) for partition in range(partitions)]
    return tuple(vectors)


def fault(answer: Answer, truth: Truth) -> str:
    """What is wrong with an answer; empty if it is what the oracle says."""
    expected = expected_rows(answer, truth)
    if answer.member_count != len(expected):
        return f"{answer.member_count} members, not {len(expected)}"
    if list(answer.rows) == expected:
        return ""
    pairs = itertools.zip_longest(answer.rows, expected)
    return next(f"row {found} is not {row}" for found, row in pairs if found != row)


def expected_rows(answer: Answer, truth: Truth) -> list[Shown]:
    """What the oracle says at the answer's as_of; targets of a board of totals have an as_of of their own."""
    _, members, metric, bucket = answer.board.rsplit("/", 3)
    rows = truth.board(answer.board, answer.as_of)
    if is_goal(metric):
        return [(rank, member, score, cell, target, score) for rank, member, score, cell, target in rows]
    goals, kind, shown = truth.at(answer.targets_as_of), "rep" if members == "rep" else "unit", []
    for rank, member, score, cell, _ in rows:
        target = goals.targets.get((kind, member, bucket, metric))
        total, _ = goals.progress(kind, member, bucket, metric)
        shown.append((rank, member, score, cell, target, None if target is None else total * 1_000_000 // target))
    return shown
