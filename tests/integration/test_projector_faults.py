"""Real projectors on a real Kafka and Valkey: every board equals the log at the marks it names, whatever dies."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from cli.embedded import EmbeddedKafka, EmbeddedValkey
from projections.redis_boards import RedisBoards
from tests.integration.projector_stage import Changelog, ProjectorProcess, Watch, eventually, restart

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A Valkey that these tests may empty and kill."""
    server = EmbeddedValkey(Path(tmp_path_factory.mktemp("own valkey")))
    server.start()
    yield server
    server.stop()


class Stage:
    def __init__(self, folder: Path, changelog: Changelog, valkey: EmbeddedValkey, prefix: str) -> None:
        self.folder, self.changelog, self.valkey, self.prefix = folder, changelog, valkey, prefix
        self.boards = RedisBoards.at(valkey.url, prefix)
        self.watch = Watch(changelog, self.boards)
        self.projectors: list[ProjectorProcess] = []

    async def projector(self, **told: object) -> ProjectorProcess:
        projector = ProjectorProcess(
            self.folder,
            f"projector {len(self.projectors)}",
            bootstrap_servers=self.changelog.bootstrap_servers,
            changelog=self.changelog.topic,
            url=self.valkey.url,
            prefix=self.prefix,
            **told,
        )
        self.projectors.append(projector)
        return projector

    async def write_until_ready(self, projector: ProjectorProcess) -> None:
        while not projector.is_ready:
            await self.write_and_watch(1)

    async def write_and_watch(self, rounds: int) -> None:
        for _ in range(rounds):
            await self.changelog.write(5)
            await self.watch.look()


@pytest.fixture
async def stage(
    tmp_path: Path, kafka: EmbeddedKafka, own_valkey: EmbeddedValkey, topic_prefix: str
) -> AsyncIterator[Stage]:
    async with Changelog(kafka.bootstrap_servers, f"{topic_prefix}-changelog", seed=7) as changelog:
        stage = Stage(tmp_path, changelog, own_valkey, f"{topic_prefix}:")
        yield stage
        for projector in stage.projectors:
            projector.kill()
        await stage.boards.close()


async def test_a_projector_builds_follows_and_stops(stage: Stage) -> None:
    await stage.changelog.write(50)
    projector = await stage.projector()
    await projector.ready()
    assert await stage.watch.look()
    await stage.write_and_watch(10)
    await stage.watch.all_shown()
    assert projector.stop() == 0
    await stage.changelog.write(50)
    projector.start()
    await projector.ready()
    await stage.watch.all_shown()


async def test_boards_stay_exact_when_projectors_are_killed_and_frozen(stage: Stage) -> None:
    await stage.changelog.write(50)
    first, second = await stage.projector(), await stage.projector()
    await stage.write_until_ready(first)
    await stage.write_until_ready(second)
    for _ in range(3):
        await stage.write_and_watch(10)
        first.kill()
        await stage.write_and_watch(5)
        second.process.send_signal(signal.SIGSTOP)
        first.start()
        await stage.write_until_ready(first)
        second.process.send_signal(signal.SIGCONT)
    await stage.watch.all_shown()
    assert stage.watch.compared > 500


async def test_an_emptied_store_is_filled_again_also_without_new_sales(stage: Stage) -> None:
    await stage.changelog.write(50)
    first, _ = await stage.projector(), await stage.projector()
    await first.ready()
    await stage.watch.all_shown()
    async with Redis.from_url(stage.valkey.url) as raw:
        await raw.flushall()
        await stage.watch.all_shown()
        await raw.flushall()
        await stage.write_and_watch(10)
    await stage.watch.all_shown()


async def test_a_store_that_is_killed_and_comes_back_older_is_caught_up(stage: Stage) -> None:
    await stage.changelog.write(50)
    first, _ = await stage.projector(), await stage.projector()
    await stage.write_until_ready(first)
    for _ in range(2):
        await stage.write_and_watch(10)
        restart(stage.valkey)
        await stage.write_and_watch(10)
    await stage.watch.all_shown()


async def test_old_versions_leave_no_keys(stage: Stage) -> None:
    await stage.changelog.write(50)
    projector = await stage.projector(too_old_seconds=-1.0)
    await stage.write_and_watch(20)
    projector.kill()
    projector.told["too_old_seconds"] = 3600.0
    projector.start()
    await projector.ready()
    await stage.watch.all_shown()
    version, _ = await stage.boards.where()
    await stage.boards.sweep(0)
    async with Redis.from_url(stage.valkey.url, decode_responses=True) as raw:

        async def only_one() -> bool:
            keys = [key async for key in raw.scan_iter(match=f"{stage.prefix}*")]
            versions = {key.removeprefix(stage.prefix).split(":")[0] for key in keys}
            return versions == {"current", "versions", version}

        await eventually(only_one, 10)


async def test_boards_of_another_log_are_made_anew(stage: Stage, kafka: EmbeddedKafka) -> None:
    await stage.changelog.write(60)
    projector = await stage.projector(other_log_seconds=0.1)
    await stage.watch.all_shown()
    projector.kill()
    async with Changelog(kafka.bootstrap_servers, f"{stage.changelog.topic}-2", seed=9) as other:
        await other.write(20)
        projector.told["changelog"] = other.topic
        projector.start()
        await Watch(other, stage.boards).all_shown()
