"""The interfaces that others rely on, on one `standings up`: every test goes on from where the one before it ended."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import psutil
import pytest

from cli.probes import http_ok
from domain.boards import BoardName
from tests.integration.interface_stage import (
    PARTITION_COUNT,
    PROGRESS_BOARD,
    SHOWN_SECONDS,
    Kill,
    Stage,
    bad_lines,
    good_lines,
    identity,
    listening_ports,
    rows_of,
)
from tests.integration.test_adventureworks import digest_of
from tests.integration.up_stage import (
    NAMES,
    STOP_SECONDS,
    Json,
    begin,
    get,
    printed,
    run,
    scores,
    wait_for,
    write_lines,
)
from tests.oracle.oracle import Oracle, boards

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]

NAMED_SECONDS_MAX = 2.0  # one second is promised; the other is for a machine with other work to do
LOAD, LOAD_A_SECOND = 800, 100
BUCKETS = ("2026", "2026-Q2", "2026-05", "2026-W20", "2025")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("interfaces"))
    try:
        stage.start()
        yield stage
    finally:
        stage.up.end()


class Sent(NamedTuple):
    """A history that was emitted, and what it means."""

    file: Path
    oracle: Oracle
    boards: list[str]


@pytest.fixture(scope="module")
def sent(stage: Stage) -> Sent:
    good, bad = good_lines(seed=5, size=300), [line for line, _ in bad_lines()]
    file = write_lines(stage.folder / "history.jsonl", good + bad)
    printed("emit", file, "--bootstrap-servers", stage.kafka, "--scramble")
    emit_tills(stage, 30)  # the board by which the tests follow what is shown
    wait_for(stage.tills_right, SHOWN_SECONDS, "the tills' board")
    stage.await_shown()
    oracle = boards(good)
    names = [n for n in oracle.all_board_names() if n.rsplit("/", 1)[1] in BUCKETS and oracle.board(n)]
    assert {name.split("/")[-2] for name in names} >= {"revenue", "quantity", "count", "attainment-revenue"}
    assert len(names) > 100
    return Sent(file, oracle, names)


def emit_tills(stage: Stage, count: int) -> None:
    file = write_lines(stage.folder / "tills.jsonl", stage.till_sales(count))
    printed("emit", file, "--bootstrap-servers", stage.kafka)


# -------------------------------------------------------------------- what a start promises


def test_the_ready_file_names_addresses_and_the_processes_that_do_the_work(stage: Stage) -> None:
    assert list(stage.ready) == ["api_url", "bootstrap_servers", "redis_url", "pids"]
    assert sorted(stage.ready["pids"]) == sorted(NAMES)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", stage.api_url)
    assert re.fullmatch(r"127\.0\.0\.1:\d+", stage.kafka)
    assert re.fullmatch(r"redis://127\.0\.0\.1:\d+(/0)?", stage.redis_url)
    ports = {"api": stage.api_url, "kafka": stage.kafka, "redis": stage.redis_url.removesuffix("/0")}
    for name, pid in stage.ready["pids"].items():
        process = psutil.Process(pid)
        assert process.status() != psutil.STATUS_ZOMBIE, name
        if name in ports:
            assert int(ports[name].rpartition(":")[2]) in listening_ports(pid), f"{name} is a wrapper"
        else:
            assert process.cmdline()[-1] == name
    assert get(f"{stage.api_url}/readyz")[0] == 200


# -------------------------------------------------------------------- emit, boards, replay, dead letters


def test_every_bad_line_gives_exactly_one_dead_letter(stage: Stage, sent: Sent) -> None:
    said = printed("dead-letters", "list", "--bootstrap-servers", stage.kafka, "--output", "ndjson")
    letters = [json.loads(line) for line in said.splitlines()]
    for letter in letters:
        assert sorted(letter) == ["detail", "offset", "partition", "reason", "topic"]
        assert isinstance(letter["detail"], str)
    assert Counter(letter["reason"] for letter in letters) == Counter(reason for _, reason in bad_lines())
    places = [(letter["topic"], letter["partition"], letter["offset"]) for letter in letters]
    known = [headers.get("ce_id") or identity(value) for headers, value in stage.records_at(places)]
    reasons = [letter["reason"] for letter in letters]
    assert sorted(zip(known, reasons, strict=True)) == sorted((identity(line), why) for line, why in bad_lines())


def test_boards_of_the_api_equal_replay_and_the_oracle(stage: Stage, sent: Sent) -> None:
    replayed = stage.replay(sent.boards, sent.file)["boards"]
    for name in sent.boards:
        rows = rows_of(stage.api_url, name, 100)
        board = replayed[name]
        assert [{key: row[key] for key in told} for row, told in zip(rows, board["rows"], strict=True)] == board["rows"]
        assert board["member_count"] == len(rows)
        assert digest_of(name, rows) == board["digest"] == sent.oracle.digest(name), name
        assert [(row["rank"], row["member_id"], row["score"]) for row in rows] == [
            (rank, member, str(score)) for rank, member, score, _, _ in sent.oracle.board(name)
        ]


def test_pages_of_any_length_give_the_same_rows(stage: Stage, sent: Sent) -> None:
    longest = sorted(sent.boards, key=lambda name: -len(sent.oracle.board(name)))[:5]
    for name in (*longest, PROGRESS_BOARD):
        whole = rows_of(stage.api_url, name, 100)
        assert len(whole) > 2
        for limit in (1, 2, 3):
            assert rows_of(stage.api_url, name, limit) == whole, f"{name} by {limit}"


def test_replay_of_the_log_gives_the_digests_of_the_file(stage: Stage, sent: Sent) -> None:
    file = stage.replay(sent.boards, sent.file)
    log = stage.replay(sent.boards, "--bootstrap-servers", stage.kafka)
    for name in sent.boards:
        assert log["boards"][name]["digest"] == file["boards"][name]["digest"], name
    told, bad_count = file["accounting"], len(bad_lines())
    assert told["read"] == len(sent.file.read_bytes().splitlines())
    assert (told["forwarded"], told["dead_lettered"]) == (0, bad_count)
    assert log["accounting"]["forwarded"] > 0
    assert log["accounting"]["dead_lettered"] == bad_count


def test_verify_finds_the_boards_right_and_counts_what_was_forwarded(stage: Stage, sent: Sent) -> None:
    code, report = stage.verify()
    assert code == 0, report["differences"]
    accounting = report["accounting"]
    assert accounting["forwarded"] > 0
    assert accounting["dead_lettered"] == len(bad_lines())
    assert accounting["read"] == sum(count for outcome, count in accounting.items() if outcome != "read")
    assert report["accounting_closed"] is True
    assert report["boards_compared"] > len(sent.boards)
    assert report["rows_compared"] > 1_000


def test_the_producer_of_the_guide_adds_its_sale_to_a_board(stage: Stage, project_dir: Path) -> None:
    script = project_dir / "docs" / "how-to" / "pos_producer.py"
    arguments = [sys.executable, str(script), stage.kafka, "rep-pos", "store-pos", "129900"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "1299.00" in done.stdout
    year = datetime.now(ZoneInfo("Asia/Shanghai")).year
    board = f"store-pos/rep/revenue/{year}"
    wait_for(lambda: scores(stage.api_url, board) == {"rep-pos": "129900"}, SHOWN_SECONDS, board)


# -------------------------------------------------------------------- second processes


class Extra:
    """A second process of a kind, told nothing but where the servers are."""

    def __init__(self, stage: Stage, name: str, **told: str) -> None:
        self.name = name
        self.log = stage.folder / f"second-{name}.log"
        addresses = {"STANDINGS_KAFKA__BOOTSTRAP_SERVERS": stage.kafka, "STANDINGS_REDIS__URL": stage.redis_url}
        self.process = begin(self.log, name, **addresses, **told)

    def await_ready(self) -> None:
        wait_for(self._answers, SHOWN_SECONDS, f"the second {self.name} is ready")

    def _answers(self) -> bool:
        assert self.process.poll() is None, f"{self.name} ended: {self.log.read_text(encoding='utf-8')[-2000:]}"
        return any(http_ok(port, "/readyz") for port in listening_ports(self.process.pid))

    @property
    def api_url(self) -> str:
        """Where a second API listens, as its log says."""
        found = re.search(r"listens on (127\.0\.0\.1:\d+)", self.log.read_text(encoding="utf-8"))
        assert found is not None
        return f"http://{found[1]}"

    def stop(self) -> int:
        """SIGTERM; returns the exit code."""
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)


def test_a_second_worker_projector_and_api_need_only_the_addresses(stage: Stage) -> None:
    extras = [Extra(stage, "worker"), Extra(stage, "projector"), Extra(stage, "api", STANDINGS_API__PORT="0")]
    try:
        for extra in extras:
            extra.await_ready()

        def are_shared() -> bool:
            owned = stage.partitions_of_workers()
            return len(owned) == 2 and all(owned) and sorted(chain(*owned)) == list(range(PARTITION_COUNT))

        wait_for(are_shared, SHOWN_SECONDS, "the two workers share the partitions")
        emit_tills(stage, 300)
        wait_for(stage.tills_right, SHOWN_SECONDS, "two workers bring the boards on")
        second_api = extras[2].api_url
        assert second_api != stage.api_url
        assert rows_of(second_api, PROGRESS_BOARD, 100) == rows_of(stage.api_url, PROGRESS_BOARD, 100)
        for extra in extras:
            assert extra.stop() == 0, f"{extra.name}: {extra.log.read_text(encoding='utf-8')[-2000:]}"
    finally:
        for extra in extras:
            extra.process.kill()
            extra.process.wait()

    emit_tills(stage, 300)
    wait_for(stage.tills_right, SHOWN_SECONDS, "the boards move on when the second ones are gone")
    assert stage.up.ready() == stage.ready, "nothing of the first was restarted"


# -------------------------------------------------------------------- kill -9 under load


@pytest.mark.parametrize("name", ["worker", "projector", "api", "redis", "kafka"])
def test_a_killed_part_is_back_at_once_at_the_same_address_and_nothing_is_lost(stage: Stage, name: str) -> None:
    file = write_lines(stage.folder / f"load-{name}.jsonl", stage.till_sales(LOAD))
    start = sum((stage.ends() or {}).values())
    log = stage.folder / "emit.log"
    load = begin(log, "emit", file, "--rate", LOAD_A_SECOND, "--bootstrap-servers", stage.kafka)
    try:
        wait_for(lambda: sum((stage.ends() or {}).values()) > start + LOAD_A_SECOND / 2, 60, "the load has begun")
        before, lag_before = stage.up.ready(), stage.lag()
        killed_at = time.monotonic()
        os.kill(before["pids"][name], signal.SIGKILL)
        named_seconds = wait_for(lambda: stage.up.ready()["pids"][name] != before["pids"][name], 15, f"a new {name}")
        assert load.poll() is None, "the load ended before the fault"
        after = stage.up.ready()
        wait_for(lambda: stage.lag() is not None, SHOWN_SECONDS, "boards and log answer again")
        lag_after = stage.lag()
        assert load.wait(SHOWN_SECONDS) == 0, log.read_text(encoding="utf-8")[-2000:]
        wait_for(stage.tills_right, SHOWN_SECONDS, f"every sale is on the board after {name} was killed")
        stage.await_shown()
    finally:
        load.kill()
        load.wait()
    pids = before["pids"][name], after["pids"][name]
    shown_seconds = time.monotonic() - killed_at
    stage.kills.append(Kill(name, *pids, named_seconds, lag_before or 0, lag_after or 0, shown_seconds))
    assert after == {**before, "pids": {**before["pids"], name: pids[1]}}, "only this part was started again"
    assert psutil.pid_exists(pids[1])
    assert named_seconds <= NAMED_SECONDS_MAX


def test_verify_finds_nothing_wrong_after_the_kills(stage: Stage, sent: Sent) -> None:
    print("\n" + table(stage.kills))
    code, report = stage.verify()
    assert code == 0, report["differences"]
    assert report["rows_compared"] > 1_000
    assert report["accounting_closed"] is True
    print(f"verify: exit 0, {report['rows_compared']} rows, {report['accounting']}")


def table(kills: list[Kill]) -> str:
    head = ("process", "old pid", "new pid", "named after s", "lag before", "lag after", "all shown after s")
    rows = [(*k[:3], f"{k.named_seconds:.2f}", *k[4:6], f"{k.shown_seconds:.1f}") for k in kills]
    return "\n".join("  ".join(f"{cell:>17}" for cell in row) for row in (head, *rows))


# -------------------------------------------------------------------- verify


def test_verify_names_board_and_member_of_one_score_changed_by_hand(stage: Stage, sent: Sent) -> None:
    board, member = PROGRESS_BOARD, "till-rep-7"
    with stage.store() as (client, stem):
        client.zincrby(f"{stem}board:{board}", -1, member)
        code, report = stage.verify()
        client.zincrby(f"{stem}board:{board}", 1, member)
    assert code == 3
    [told] = report["differences"]
    assert (told["board"], told["member_id"], told["what"]) == (board, member, "score")
    assert int(told["found"]) == int(told["expected"]) + 1
    assert stage.verify()[0] == 0


def test_verify_finds_every_kind_of_harm_at_once(stage: Stage, sent: Sent) -> None:
    lost = BoardName.parse(next(name for name in sent.boards if name.endswith("/rep/revenue/2026-05")))
    with stage.store() as (client, stem):
        goals = next(iter(client.scan_iter(f"{stem}targets:attainment:rep/2026*", count=10_000))).decode()
        cells, units = f"{stem}cells:attainment:rep/2026-05", f"{stem}documents:documents:units"
        listed, board = f"{stem}boards:attainment:rep/2026-05", f"{stem}board:{lost}"
        saved = {key: client.dump(key) for key in (goals, cells, units, listed, board)}
        assert None not in saved.values()
        try:
            reach, revenue, others = client.hget(cells, "till-rep-3").decode().split(" ", 2)
            client.hset(cells, "till-rep-3", f"{reach} {int(revenue) + 1} {others}")
            harmed_cell = harm_found(stage)
            client.restore(cells, 0, saved[cells], replace=True)
            client.hset(units, "cn", "{}")
            rep, targets = next(iter(client.hgetall(goals).items()))
            client.hset(goals, rep, targets + b"1")
            client.delete(board)
            client.srem(listed, f"{lost.unit_id}/rep/revenue")
            found = harm_found(stage)
        finally:
            for key, value in saved.items():
                client.restore(key, 0, value, replace=True)
    assert harmed_cell >= {("cell", "board:till-1/rep/2026-05"), ("cell", "attainment:rep/2026-05")}
    assert found >= {
        ("document", "documents:units"),
        ("target", goals.removeprefix(f"{stem}targets:")),
        ("score", str(lost)),
        ("cell", str(lost.group)),
    }


def harm_found(stage: Stage) -> set[tuple[str, str]]:
    """What differs, and on which board; scores are told first."""
    code, report = stage.verify()
    assert code == 3
    kinds = [told["what"] for told in report["differences"]]
    assert kinds == sorted(kinds, key=lambda kind: kind != "score")
    return {(told["what"], told["board"]) for told in report["differences"]}


def test_verify_says_that_redis_can_not_be_reached(stage: Stage) -> None:
    done = run("verify", "--bootstrap-servers", stage.kafka, "--redis-url", "redis://127.0.0.1:1/0")
    assert_told(done, {1}, "can't be read")


@pytest.mark.parametrize(
    "told",
    [
        {"STANDINGS_KAFKA__TOPIC_PREFIX": "never", "STANDINGS_REDIS__PREFIX": "never:"},
        {"STANDINGS_KAFKA__TOPIC_PREFIX": "never"},
        {"STANDINGS_REDIS__PREFIX": "never:"},
    ],
    ids=["neither", "no topics", "no boards"],
)
def test_verify_says_that_there_is_nothing_to_compare(stage: Stage, told: dict[str, Any]) -> None:
    done = run("verify", "--bootstrap-servers", stage.kafka, "--redis-url", stage.redis_url, **told)
    assert_told(done, {1, 2}, "")


def assert_told(done: subprocess.CompletedProcess[str], codes: set[int], word: str) -> None:
    """A command that failed for a reason of the world says so in a line, without a traceback."""
    assert done.returncode in codes, done
    message = done.stderr.strip().splitlines()[-1]
    assert message.startswith("standings: "), done.stderr
    assert word in message
    assert "Traceback" not in done.stderr


# -------------------------------------------------------------------- the end


def test_ctrl_c_stops_everything_and_leaves_no_process(stage: Stage) -> None:
    pids: Json = stage.up.ready()["pids"]
    began = time.monotonic()
    assert stage.up.interrupt() == []
    assert time.monotonic() - began < STOP_SECONDS
    assert stage.up.process.returncode == 0
    assert not [name for name, pid in pids.items() if psutil.pid_exists(pid)]
    assert not stage.up.ready_file.exists()
    assert get(f"{stage.api_url}/livez")[0] == 0
