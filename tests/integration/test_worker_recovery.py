"""A restart in place reads its snapshots and the tails after them; a damaged snapshot costs time and nothing else."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from cli.embedded import EmbeddedKafka
from processors.engine.snapshots import SnapshotFile
from processors.topics import TopicNames, ensure_topics
from tests.integration.worker_load import moves, organisation, people, sales
from tests.integration.worker_stage import Progress, Reader, WorkerProcess, check_state, eventually, produce

PARTITIONS = 3
OFTEN = {"seconds": 0.2, "records_min": 1, "share": 0.0}


def metrics(worker: WorkerProcess) -> dict[str, float]:
    """What the worker had counted when it was ready."""
    text = worker.ready_file.read_text(encoding="utf-8")
    return {
        ",".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def snapshots(worker: WorkerProcess) -> dict[int, Path]:
    return {int(path.stem.rpartition("-")[2]): path for path in sorted(worker.data_dir.glob("snapshots/*.snapshot"))}


def snapshot_ends(worker: WorkerProcess) -> dict[int, int]:
    ends = {}
    for partition, path in snapshots(worker).items():
        with SnapshotFile(path) as file:
            ends[partition] = file.facts.end
    return ends


async def changelog_records(servers: str, names: TopicNames, starts: dict[int, int]) -> int:
    async with Reader(servers) as reader:
        return sum(
            [
                len(await reader.read(names.changelog, partition, starts.get(partition, 0)))
                for partition in range(PARTITIONS)
            ]
        )


async def test_a_killed_worker_comes_back_from_its_snapshots_and_reads_only_the_tails(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(21)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    worker = WorkerProcess(
        tmp_path, "worker", servers, topic_prefix, partitions=PARTITIONS, instance_id="one", snapshots=OFTEN
    ).start()
    progress = Progress(servers, names, PARTITIONS)
    try:
        await worker.ready()
        assert metrics(worker)["standings_recovery_snapshots_total,absent"] == PARTITIONS
        await produce(servers, names, itertools.chain(organisation(), people(rnd), sales(rnd, 3_000, PARTITIONS)))
        await progress.until()
        marks = {fold.mark for fold in progress.folds}
        await eventually(lambda: set(snapshot_ends(worker).values()) == marks, 30, "snapshots of all that landed")
        await produce(servers, names, itertools.chain(sales(rnd, 60, PARTITIONS), moves(rnd, 3)))
        await progress.until()
        worker.kill()
        ends = snapshot_ends(worker)
        tails, whole = await changelog_records(servers, names, ends), await changelog_records(servers, names, {})
        worker.start()
        await worker.ready()
        told = metrics(worker)
        assert told["standings_recovery_snapshots_total,used"] == PARTITIONS, worker.tail()
        assert told["standings_recovery_changelog_records_total"] <= tails + PARTITIONS, "more than tails and claims"
        assert tails < whole / 3, "the tails are too long for this to mean anything"
        assert told["standings_recovery_snapshot_rows_total"] > 0
        await produce(servers, names, itertools.chain(sales(rnd, 500, PARTITIONS), moves(rnd, 3)))
        await progress.until()
    finally:
        worker.kill()
    await check_state(servers, names, PARTITIONS)


async def test_damaged_and_foreign_snapshots_are_refused_and_the_state_is_exact(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(22)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    worker = WorkerProcess(
        tmp_path, "worker", servers, topic_prefix, partitions=PARTITIONS, instance_id="one", snapshots=OFTEN
    ).start()
    progress = Progress(servers, names, PARTITIONS)
    try:
        await worker.ready()
        await produce(servers, names, itertools.chain(organisation(), people(rnd), sales(rnd, 1_000, PARTITIONS)))
        await progress.until()
        await eventually(lambda: len(snapshots(worker)) == PARTITIONS, 30, "a snapshot of each partition")
        worker.kill()
        paths = snapshots(worker)
        content = paths[0].read_bytes()
        middle = len(content) // 2
        paths[0].write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        paths[1].write_bytes(paths[1].read_bytes()[:-1])
        paths[2].write_bytes(content)  # whole, and another partition's
        worker.start()
        await worker.ready()
        told = metrics(worker)
        assert told["standings_recovery_snapshots_total,refused"] == PARTITIONS, worker.tail()
        assert "standings_recovery_snapshots_total,used" not in told
        for word in ("digest", "ends too early", f"it is of {names.changelog}-0"):
            assert word in worker.log.read_text(encoding="utf-8")
        await produce(servers, names, itertools.chain(sales(rnd, 500, PARTITIONS), moves(rnd, 3)))
        await progress.until()
    finally:
        worker.kill()
    await check_state(servers, names, PARTITIONS)
