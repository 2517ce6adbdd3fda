"""The projector is killed and the store emptied, set back, filled up and cut off: boards stay exact or say why not."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis import Redis

from cli.embedded import EmbeddedValkey
from tests.faults.conftest import Stages
from tests.faults.processes import wait_for
from tests.faults.proxy import Proxy, Way
from tests.faults.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

REBUILDING, UNREACHABLE = "/problems/rebuilding", "/problems/store-unreachable"
PROJECTOR_KILLS = 6
COPY_FILE = "dump.rdb"


class Proxies:
    """Between the store and whoever writes boards, and between it and whoever reads them."""

    def __init__(self, valkey: EmbeddedValkey) -> None:
        def port() -> int:
            return int(urlsplit(valkey.url).port or 0)

        self.writing, self.reading = Proxy(port), Proxy(port)

    def end(self) -> None:
        self.writing.end()
        self.reading.end()


@pytest.fixture(scope="module")
def proxies(own_valkey: EmbeddedValkey) -> Iterator[Proxies]:
    proxies = Proxies(own_valkey)
    yield proxies
    proxies.end()


@pytest.fixture(scope="module")
def stages(new_stage: Callable[[str], Stage], proxies: Proxies) -> Iterator[Stages]:
    """Deployments of a worker, two projectors that write the same boards, and an API; the last three by proxies."""

    def open_it(stage: Stage) -> None:
        for proxy in (proxies.writing, proxies.reading):  # a scenario that failed may have left one broken
            proxy.set(Way.OPEN)
        stage.open(
            [
                stage.worker("worker-0"),
                stage.projector("projector-0", STANDINGS_REDIS__URL=proxies.writing.url),
                stage.projector("projector-1", STANDINGS_REDIS__URL=proxies.writing.url),
            ],
            api={"STANDINGS_REDIS__URL": proxies.reading.url},
        )

    stages = Stages(new_stage, open_it)
    yield stages
    stages.end()


@pytest.fixture
def client(own_valkey: EmbeddedValkey) -> Iterator[Any]:
    with Redis.from_url(own_valkey.url) as client:
        yield client


def test_two_projectors_that_are_killed_and_frozen_change_nothing(stage: Stage) -> None:
    rnd, projectors = random.Random(42), stage.named("projector")
    with stage.scenario(f"{PROJECTOR_KILLS} kills of two projectors, and each frozen meanwhile") as figures:
        for number in range(PROJECTOR_KILLS):
            frozen = projectors[number % 2]
            frozen.freeze()
            time.sleep(rnd.uniform(0.3, 1.0))
            projectors[1 - number % 2].kill()
            time.sleep(rnd.uniform(0.3, 1.0))
            frozen.thaw()
            time.sleep(rnd.uniform(0.1, 0.6))
        figures.note(starts=stage.starts("projector"))
    assert sum(stage.starts("projector").values()) >= PROJECTOR_KILLS


def empty(stage: Stage, client: Any) -> None:
    """Empty the store. Projectors stand still until it is seen: they fill so small a store between two looks."""
    for projector in stage.named("projector"):
        projector.freeze()
    client.flushall()
    wait_for(lambda: stage.shown() is None, 10, "the boards are gone")
    for projector in stage.named("projector"):
        projector.thaw()


def test_an_emptied_store_is_filled_again(stage: Stage, client: Any) -> None:
    with stage.scenario("FLUSHALL, twice under load and once without") as figures:
        for _ in range(2):
            empty(stage, client)
            figures.note(back_after=f"{stage.await_progress():.1f} s")
        stage.load.end()
        empty(stage, client)  # nothing new will come that could remind a projector
        figures.note(back_without_new_records_after=f"{stage.await_shown():.1f} s")
        figures.note(rebuilding=stage.observer.count(REBUILDING))
    assert figures.said["rebuilding"], "nobody saw that the boards were gone"


def test_a_killed_store_that_kept_nothing_is_filled_again(stage: Stage) -> None:
    with stage.scenario("kill -9 of the store, which kept nothing") as figures:
        time.sleep(1.0)
        stage.valkey.process.kill()
        time.sleep(2.0)  # long enough for the observer to see that nobody answers
        (stage.valkey.data_dir / COPY_FILE).unlink(missing_ok=True)
        stage.valkey.start()
        figures.note(back_after=f"{stage.await_progress():.1f} s")
        figures.note(rebuilding=stage.observer.count(REBUILDING), stale=stage.observer.count("stale"))
    assert figures.said["stale"], "nobody saw that the store was away"


def test_a_store_set_back_to_an_older_file_is_brought_forward(stage: Stage, client: Any, tmp_path: Path) -> None:
    kept, older = stage.valkey.data_dir / COPY_FILE, tmp_path / "older"
    with stage.scenario("the store is set back to what it held 3 s ago") as figures:
        time.sleep(1.0)
        client.save()
        shutil.copy(kept, older)
        time.sleep(3.0)
        with stage.observer.may_step_back():
            stage.valkey.process.kill()
            shutil.copy(older, kept)
            stage.valkey.start()
            figures.note(back_after=f"{stage.await_progress():.1f} s")
            stage.await_shown_at_least(stage.ends())


def test_a_full_store_shows_what_it_has_and_goes_on_when_there_is_room(stage: Stage, client: Any) -> None:
    def refused() -> int:
        return int(client.info("errorstats").get("errorstat_OOM", {}).get("count", 0))

    with stage.scenario("the store is out of memory for 4 s, and refuses to write") as figures:
        time.sleep(1.0)
        before = refused()
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", client.info("memory")["used_memory"] + 100_000)
        try:
            wait_for(lambda: refused() > before, 60, "a write was refused")
            time.sleep(4.0)
        finally:
            client.config_set("maxmemory", 0)
        figures.note(refused=refused() - before, moves_on_after=f"{stage.await_progress():.1f} s")


def test_replies_that_are_lost_after_the_write_change_nothing(stage: Stage, proxies: Proxies) -> None:
    with stage.scenario("replies to the projectors are lost after the write, five times") as figures:
        before = proxies.writing.lost_replies
        for _ in range(5):
            time.sleep(1.0)
            lost = proxies.writing.lost_replies
            proxies.writing.set(Way.NO_REPLIES)
            wait_for(lambda lost=lost: proxies.writing.lost_replies > lost, 20, "a reply was lost")  # type: ignore[misc]
            proxies.writing.set(Way.OPEN)
            proxies.writing.cut()
            figures.note(moves_on_after=f"{stage.await_progress():.1f} s")
        figures.note(lost_replies=proxies.writing.lost_replies - before)


def test_a_store_that_is_slow_silent_or_cut_off_changes_nothing(stage: Stage, proxies: Proxies) -> None:
    with stage.scenario("everybody's connections to the store: slow, half open, cut") as figures:
        for way, seconds in ((Way.SLOW, 3.0), (Way.SILENT, 8.0), (Way.CLOSED, 3.0)):
            for proxy in (proxies.writing, proxies.reading):
                proxy.set(way)
            time.sleep(seconds)
            for proxy in (proxies.writing, proxies.reading):
                proxy.set(Way.OPEN)
            figures.note(**{f"moves_on_after_{way.name}": f"{stage.await_progress():.1f} s"})
        figures.note(stale=stage.observer.count("stale"), unreachable=stage.observer.count(UNREACHABLE))
    assert figures.said["stale"], "nobody saw that the store was away"
