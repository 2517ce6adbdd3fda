"""Runs the simulation: the organisation once, the days since the last run, then sales as they happen."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from aiokafka import AIOKafkaProducer

from cli.simulator.facts import Event, TargetPlan, organisation_events
from cli.simulator.organisation import build_organisation
from cli.simulator.sales import SalesSimulator
from events.codec import to_record

TICK_SECONDS = 0.25
BATCH_EVENTS = 500
Clock = Callable[[], datetime]
Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """What to simulate and where to send it.

    Attributes:
        zone: IANA name of the company's time zone.
        currency: ISO 4217 code that amounts are in: the deployment's base currency.
        rate: sales a second at a mean hour.
        history_days: whole days before today that a first run makes up.
        state_file: where to note what was sent, so that a second run goes on; None = forget.
        seconds: stop after so long; None = until told.
    """

    bootstrap_servers: str
    topics: dict[str, str]
    zone: str
    currency: str
    rate: float = 4.0
    history_days: int = 30
    seed: int = 1
    state_file: Path | None = None
    seconds: float | None = None


@dataclass
class Progress:
    """What has been sent: survives a restart in the state file."""

    seed: int
    runs: int = 0
    organised: bool = False
    sold_until: str = ""
    targets: list[str] = field(default_factory=list)

    @classmethod
    def load(cls, path: Path | None, seed: int) -> Progress:
        """The state of an earlier run with the same seed, or a fresh one."""
        if path is not None and path.exists():
            found = cls(**json.loads(path.read_text(encoding="utf-8")))
            if found.seed == seed:
                return found
        return cls(seed)

    def save(self, path: Path | None) -> None:
        """Write the state by rename."""
        if path is not None:
            part = path.with_suffix(".part")
            part.write_text(json.dumps(asdict(self)), encoding="utf-8")
            part.replace(path)


class Simulation:
    """One run of the simulator."""

    def __init__(self, options: SimulateOptions, clock: Clock, report: Report) -> None:
        self._options, self._clock, self._report = options, clock, report
        self._zone = ZoneInfo(options.zone)
        self._organisation = build_organisation(options.seed)
        self._plan = TargetPlan(self._organisation, options.seed)
        self._sales = SalesSimulator(self._organisation, options.seed, zone=self._zone, currency=options.currency)
        self._progress = Progress.load(options.state_file, options.seed)
        self._sent_count = 0

    async def run(self, stop: asyncio.Event) -> int:
        """Simulate until ``stop`` is set or the time is over; returns the number of events sent."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self._options.bootstrap_servers, enable_idempotence=True, acks="all", linger_ms=5
        )
        await producer.start()
        try:
            await self._organise(producer)
            await self._catch_up(producer)
            await self._live(producer, stop)
        finally:
            await producer.stop()
        return self._sent_count

    def _now(self) -> datetime:
        return self._clock().astimezone(self._zone)

    async def _organise(self, producer: AIOKafkaProducer) -> None:
        progress = self._progress
        if not progress.organised:
            made = self._organisation
            self._report(f"organisation: {len(made.units)} units, {len(made.sellers)} reps")
            founded_at = self._now() - timedelta(days=self._options.history_days + 1)
            await self._send(producer, organisation_events(made, founded_at, self._options.zone))
            progress.organised = True
            progress.save(self._options.state_file)
        await self._set_targets(producer)

    async def _set_targets(self, producer: AIOKafkaProducer) -> None:
        progress, now = self._progress, self._now()
        missing = tuple(b for b in TargetPlan.buckets_around(now.date()) if b not in progress.targets)
        if missing:
            self._report(f"targets: {', '.join(missing)}")
            await self._send(producer, self._plan.events(missing, now))
            progress.targets += missing
            progress.save(self._options.state_file)

    async def _catch_up(self, producer: AIOKafkaProducer) -> None:
        """The days that nobody has simulated yet, whole; of today what has passed."""
        progress, now = self._progress, self._now()
        oldest = now.date() - timedelta(days=self._options.history_days)
        day = oldest
        if progress.sold_until:
            day = max(oldest, datetime.fromisoformat(progress.sold_until).date() + timedelta(days=1))
        while day <= now.date():
            if day == now.date() or day == oldest or day.day == 1:
                self._report(f"sales of {day}")
            await self._send(producer, self._sales.past_day(day, now))
            progress.sold_until = datetime.combine(day, datetime.min.time(), self._zone).isoformat()
            progress.save(self._options.state_file)
            day += timedelta(days=1)

    async def _live(self, producer: AIOKafkaProducer, stop: asyncio.Event) -> None:
        options, progress = self._options, self._progress
        progress.runs += 1
        progress.save(options.state_file)
        draw = random.Random(f"live/{options.seed}/{progress.runs}")
        self._report(f"live: about {options.rate:g} sales a second")
        started, due, sold_count, day = self._now(), 0.0, 0, self._now().date()
        while not stop.is_set():
            now = self._now()
            if options.seconds is not None and (now - started).total_seconds() >= options.seconds:
                break
            if now.date() != day:
                day = now.date()
                progress.sold_until = datetime.combine(day, datetime.min.time(), self._zone).isoformat()
                await self._set_targets(producer)
            due += options.rate * self._sales.busy(now) * TICK_SECONDS * draw.uniform(0.5, 1.5)
            events: list[Event] = []
            while due >= 1:
                due -= 1
                sold_count += 1
                events += self._sales.live(draw, f"live-{progress.runs}-{sold_count}", now)
            await self._send(producer, events)
            try:
                await asyncio.wait_for(stop.wait(), TICK_SECONDS)
            except TimeoutError:
                continue

    async def _send(self, producer: AIOKafkaProducer, events: Iterable[Event]) -> None:
        """Send in order and wait until all are written."""
        sent = []
        for made in events:
            record = to_record(msgspec.json.encode(made))
            topic = self._options.topics[record.topic]
            sent.append(await producer.send(topic, record.value, key=record.key, headers=record.headers))
            self._sent_count += 1
            if len(sent) >= BATCH_EVENTS:
                await asyncio.gather(*sent)
                sent = []
        await asyncio.gather(*sent)
