"""Can the scenarios fail? The oracle that is moved forward, the observer's judgement and the proxy, without servers."""

from __future__ import annotations

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from processors.topics import TopicNames
from tests.faults.observer import ANSWERS_MIN, Answer, Observer, expected_rows
from tests.faults.proxy import Proxy, Way
from tests.faults.source_log import CONTROL, SourceLog, Vector, home
from tests.faults.truth import AsOf, NotInOrder, Truth, oracle_of
from tests.faults.workload import BOARDS, Workload
from tests.oracle.oracle import Oracle

PARTITIONS = 3
RECORD_COUNT = 600
APPENDED_MS = 1_790_000_000_000


class Record(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]
    timestamp: int


@pytest.fixture(scope="module")
def log() -> SourceLog:
    """A workload as it would stand in the topics, if nothing were forwarded."""
    log, rnd = SourceLog("nowhere", TopicNames("p"), PARTITIONS), random.Random(1)
    workload = Workload(1, PARTITIONS)
    for send in [*workload.opening(), *workload.some(RECORD_COUNT)]:
        drawn = rnd.randrange(PARTITIONS) if send.key is None else home(send.key.decode(), PARTITIONS)
        partition = 0 if send.topic == CONTROL else drawn if send.partition is None else send.partition
        offset = len(log.lines[send.topic, partition])
        log.keep(send.topic, partition, [Record(offset, send.key, send.value, send.headers, APPENDED_MS + offset)])
    return log


@pytest.fixture(scope="module")
def as_ofs(log: SourceLog) -> list[AsOf]:
    """Some offsets that follow each other, up to the end."""
    rnd, at, found = random.Random(2), [(0, 0, 0, 0)] * PARTITIONS, list[AsOf]()
    for _ in range(ANSWERS_MIN // len(BOARDS) + 1):
        at = [forward(rnd, vector, log.ends(partition)) for partition, vector in enumerate(at)]
        found.append(tuple(at))
    return [*found, tuple(map(log.ends, range(PARTITIONS)))]


def forward(rnd: random.Random, at: Vector, end: Vector) -> Vector:
    sales, targets, reps, control = (min(last, now + rnd.randrange(60)) for now, last in zip(at, end, strict=True))
    return sales, targets, reps, control


@pytest.fixture(scope="module")
def truth(log: SourceLog, as_ofs: list[AsOf]) -> Truth:
    truth = Truth(log, BOARDS)
    truth.prepare(as_ofs)
    return truth


@pytest.fixture
def answers(truth: Truth, as_ofs: list[AsOf]) -> list[Answer]:
    """What a faultless API says of every board, as time goes by."""
    answers = []
    for as_of in as_ofs:
        for board in BOARDS:
            asked = Answer(board, 0, "live", as_of, as_of)
            rows = tuple(expected_rows(asked, truth))
            answers.append(asked._replace(rows=rows, member_count=len(rows)))
    return answers


class Played(Observer):
    """An observer that has seen what it is told."""

    def __init__(self, answers: list[Answer]) -> None:
        self._answers, self._boards, self._partitions = answers, BOARDS, PARTITIONS


def test_the_oracle_moved_forward_is_the_oracle_from_scratch(log: SourceLog, truth: Truth, as_ofs: list[AsOf]) -> None:
    assert log.away_count > 0
    for as_of in as_ofs[::2]:
        parts = [scratch(log, partition, at) for partition, at in enumerate(as_of)]
        for board in BOARDS:
            _, members, metric, _ = board.rsplit("/", 3)
            if not metric.startswith("attainment-"):
                scores: dict[str, int] = {}
                for part in parts:
                    for _, member, score, _, _ in part.board(board):
                        scores[member] = scores.get(member, 0) + score
                assert {row[1]: row[2] for row in truth.board(board, as_of)} == scores, board
            elif members == "rep":  # a rep's facts all stand in one partition
                rows = {row[1]: row[2:] for part in parts for row in part.board(board)}
                assert {row[1]: row[2:] for row in truth.board(board, as_of)} == rows, board
    end = oracle_of(log)
    assert all(truth.board(board, as_ofs[-1]) == end.board(board) for board in BOARDS)
    assert sum(bool(end.board(board)) for board in BOARDS) > len(BOARDS) // 2


def scratch(log: SourceLog, partition: int, at: Vector) -> Oracle:
    oracle = Oracle("CNY", "Asia/Shanghai")
    for source, last in zip(("sales", "targets", "reps", CONTROL), at, strict=True):
        for line in log.lines[source, partition if source != CONTROL else 0][: last + 1]:
            if line is not None:
                oracle.take(line)
    oracle.settle()
    return oracle


def test_right_answers_are_right(log: SourceLog, answers: list[Answer]) -> None:
    said = Answer(BOARDS[0], 0, "/problems/rebuilding")
    seen = Played([*answers, said]).judge(log, oracle_of(log))
    assert seen.compared == len(answers)
    assert seen.as_ofs > 4


def wide(answers: list[Answer]) -> int:
    """The place of an answer with many rows."""
    return max(range(len(answers)), key=lambda place: len(answers[place].rows))


def zeros(answer: Answer) -> Answer:
    rows = tuple((1, member, 0, (0, 0, 0, 0), None, None) for _, member, *_ in answer.rows)
    return answer._replace(rows=rows)


def half(answer: Answer) -> Answer:
    rows = answer.rows[: len(answer.rows) // 2]
    return answer._replace(rows=rows, member_count=len(rows))


def one_more(answer: Answer) -> Answer:
    rank, member, score, cell, target, attainment = answer.rows[-1]
    return answer._replace(rows=(*answer.rows[:-1], (rank, member, score + 1, cell, target, attainment)))


def empty(answer: Answer) -> Answer:
    return answer._replace(rows=(), member_count=0)


def miscounted(answer: Answer) -> Answer:
    return answer._replace(member_count=answer.member_count - 1)


def ahead(answer: Answer) -> Answer:
    sales, *others = answer.as_of[0]
    return answer._replace(as_of=((sales + 10**6, *others), *answer.as_of[1:]))  # type: ignore[arg-type]


def nameless(answer: Answer) -> Answer:
    return Answer(answer.board, 0, "status 500: {}")


@pytest.mark.parametrize("spoil", [zeros, half, one_more, empty, miscounted, ahead, nameless])
def test_one_wrong_answer_among_all_is_found(log: SourceLog, answers: list[Answer], spoil: Any) -> None:
    place = wide(answers)
    answers[place] = spoil(answers[place])
    with pytest.raises(AssertionError):
        Played(answers).judge(log, oracle_of(log))


def test_a_board_that_goes_back_is_found_unless_its_store_was_set_back(log: SourceLog, answers: list[Answer]) -> None:
    again = [*answers, answers[0]]
    with pytest.raises(AssertionError, match="back to"):
        Played(again).judge(log, oracle_of(log))
    again[-1] = answers[0]._replace(period=1)
    assert Played(again).judge(log, oracle_of(log)).steps_back == 1


def test_offsets_that_no_reader_can_have_folded_are_found(log: SourceLog) -> None:
    sales, targets, reps, control = log.ends(0)
    others = tuple(map(log.ends, range(1, PARTITIONS)))
    crossed = [((sales, targets - 1, reps, control), *others), ((sales - 1, targets, reps, control), *others)]
    with pytest.raises(NotInOrder):
        Truth(log, BOARDS).prepare(crossed)


@pytest.mark.parametrize("kept", [0, ANSWERS_MIN - 1])
def test_too_few_answers_are_no_verdict(log: SourceLog, answers: list[Answer], kept: int) -> None:
    with pytest.raises(AssertionError, match="nothing was observed"):
        Played(answers[:kept]).judge(log, oracle_of(log))


def test_answers_that_show_no_change_are_no_verdict(log: SourceLog, answers: list[Answer]) -> None:
    with pytest.raises(AssertionError, match="no change was observed"):
        Played([answers[-1]] * 2 * ANSWERS_MIN).judge(log, oracle_of(log))


# -------------------------------------------------------------------- the proxy


@contextmanager
def echo() -> Iterator[tuple[Proxy, list[bytes]]]:
    """A proxy before a server that answers everything with itself, and what the server got."""
    got: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        def answer(connection: socket.socket) -> None:
            with connection:
                while piece := connection.recv(1000):
                    got.append(piece)
                    connection.sendall(piece)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        proxy = Proxy(lambda: server.getsockname()[1])
        try:
            yield proxy, got
        finally:
            proxy.end()
            server.shutdown(socket.SHUT_RDWR)
            thread.join()


def client(proxy: Proxy) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", proxy.port), timeout=5)
    connection.settimeout(5)
    return connection


def test_the_proxy_passes_everything_both_ways() -> None:
    with echo() as (proxy, got), client(proxy) as connection:
        connection.sendall(b"hello")
        assert connection.recv(100) == b"hello"
        assert got == [b"hello"]


def test_a_lost_reply_is_lost_after_the_request_was_done() -> None:
    with echo() as (proxy, got), client(proxy) as connection:
        proxy.set(Way.NO_REPLIES)
        connection.sendall(b"write")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(100)
        assert (got, proxy.lost_replies) == ([b"write"], 1)
        proxy.set(Way.OPEN)
        proxy.cut()
        connection.settimeout(5)
        with pytest.raises(ConnectionError):
            _closed(connection)


def test_a_silent_connection_passes_nothing_until_it_is_open_again() -> None:
    with echo() as (proxy, got), client(proxy) as connection:
        proxy.set(Way.SILENT)
        connection.sendall(b"later")
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(100)
        assert got == []
        proxy.set(Way.OPEN)
        connection.settimeout(5)
        assert connection.recv(100) == b"later"


def test_a_closed_proxy_cuts_what_is_there_and_what_comes() -> None:
    with echo() as (proxy, _), client(proxy) as old:
        proxy.set(Way.CLOSED)
        with pytest.raises(ConnectionError):
            _closed(old)
        with client(proxy) as new, pytest.raises(ConnectionError):
            _closed(new)


def _closed(connection: socket.socket) -> None:
    if connection.recv(100) == b"":
        raise ConnectionError("closed")
