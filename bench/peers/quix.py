"""Quix Streams with its state store: lines and totals of reps under the rep's key, totals of units after ``group_by``.

Settings: auto_offset_reset and state_dir; all else is default (RocksDB, changelog topics, at-least-once).
It does not survive kill -9 exactly: a sale that is read again after the repartition topic had it counts twice there.
"""

from __future__ import annotations

from typing import Any

from quixstreams import Application  # type: ignore[import-not-found]  # only in the peer's own environment

from bench.peers.task import Clock, Told, Total, buckets, chain, corrected, identity, is_readable, report


class Task:
    """Both steps, and how far they are. ``shown`` repeats the stored totals, which can't be listed afterwards."""

    def __init__(self, told: Told, app: Any) -> None:
        self.told = told
        self.app = app
        self.clock = Clock()
        self.shown: dict[Total, int] = {}
        self.read = self.sent = self.added = 0

    def correct(self, data: Any, key: Any, timestamp: int, headers: Any, state: Any) -> list[dict[str, Any]]:
        """Correct a line and its rep's totals; what its units are to add."""
        self.clock.start()
        told = dict(headers)
        kind, deltas = told["ce_type"], []
        if is_readable(kind, data):
            name = identity(told["ce_source"].decode(), data)
            line, effects = corrected(state.get(name), kind, data)
            if line is not None:
                state.set(name, line)
            for effect in effects:
                for bucket in buckets(effect.day):
                    self._add(state, "rep", bucket, data["rep_id"], effect.amount)
                for level, unit in chain(self.told.tree, effect.unit):
                    deltas.append({"unit": unit, "level": level, "day": effect.day, "amount": effect.amount})
        self.read += 1
        self.sent += len(deltas)
        self._end()
        return deltas

    def add(self, delta: Any, state: Any) -> None:
        """Add to a unit's totals."""
        for bucket in buckets(delta["day"]):
            self._add(state, delta["level"], bucket, delta["unit"], delta["amount"])
        self.added += 1
        self._end()

    def _add(self, state: Any, level: str, bucket: str, member: str, amount: int) -> None:
        total = state.get(bucket, 0) + amount
        state.set(bucket, total)
        self.shown[level, bucket, member] = total

    def _end(self) -> None:
        if self.read == self.told.events and self.added == self.sent:
            self.app.stop()


def main() -> None:
    told = Told.read()
    app = Application(
        broker_address=told.servers,
        consumer_group=told.group,
        auto_offset_reset="earliest",
        state_dir=str(told.out.parent / "quix"),
        loglevel="WARNING",
    )
    task = Task(told, app)
    frame = app.dataframe(app.topic(told.topic, value_deserializer="json", key_deserializer="str"))
    frame = frame.apply(task.correct, stateful=True, metadata=True, expand=True)
    frame = frame.group_by("unit")
    frame.apply(task.add, stateful=True)
    app.run()
    report(told, task.clock.stop(), task.shown.items())


if __name__ == "__main__":
    main()
