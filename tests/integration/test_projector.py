"""Real projectors on a real Kafka and Valkey: every board equals the log at the marks it names.

What happens when projectors or the store die stands in ``tests/faults``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from cli.embedded import EmbeddedKafka, EmbeddedValkey
from projections.redis_boards import RedisBoards
from tests.integration.projector_stage import Changelog, ProjectorProcess, Watch, eventually

pytestmark = pytest.mark.slow


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

    async def write_and_watch(self, rounds: int) -> None:
        for _ in range(rounds):
            await self.changelog.write(5)
            await self.watch.look()


@pytest.fixture
async def stage(
    tmp_path: Path, kafka: EmbeddedKafka, valkey: EmbeddedValkey, topic_prefix: str
) -> AsyncIterator[Stage]:
    async with Changelog(kafka.bootstrap_servers, f"{topic_prefix}-changelog", seed=7) as changelog:
        stage = Stage(tmp_path, changelog, valkey, f"{topic_prefix}:")
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
