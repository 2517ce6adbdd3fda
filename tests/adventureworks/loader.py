"""AdventureWorks as events: ``python -m tests.adventureworks.loader OUT.jsonl``, then ``standings emit OUT.jsonl``.

What stands for what:

- Units: the company (``adventureworks``, level ``company``) > group > country > region, from Region.csv, ids such as
  ``group-europe``, ``country-france`` and ``region-7`` (the territory key). A sale names its region; resellers are no
  units. All zones are UTC and every sale occurs at noon UTC of its order date: its business day is that date.
- Reps: the sellers, by ``EmployeeKey``. Targets name the ``EmployeeID``, which Salesperson.csv maps to the key.
- **Home** of a seller: the lowest unit that holds all of the seller's regions in SalespersonRegion.csv. A seller of one
  region is at home there; one of several US regions in ``country-united-states``; the European manager in
  ``group-europe``; the Director of Sales in ``adventureworks``. Who sells in several regions so stands on the
  attainment board of the unit that covers them, and on no single region's.
- Lines: ``sale_id`` is the order number; ``line`` counts the file's rows of the same order and seller, from 1.
- Targets: monthly as in the file; a quarter's and a year's are the sums of their months.

Base currency USD.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.adventureworks.source import shared_data

BASE_CURRENCY = "USD"
TIME_ZONE = "UTC"
LINE_COUNT = 57_851
TOTAL_MINOR = 7_754_857_020
COMPANY = "adventureworks"
FIRST_DAY = "2017-01-01"


def rows(folder: Path, name: str) -> Iterator[dict[str, str]]:
    """The rows of a CSV file that begins with a byte order mark."""
    with (folder / name).open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


def minor(text: str) -> int:
    """``"$2,024.99"`` in cents."""
    cents = Decimal(text.removeprefix("$").replace(",", "")) * 100
    assert cents == cents.to_integral_value(), text
    return int(cents)


def iso_day(text: str) -> str:
    """``"25-08-2017"`` as ``"2017-08-25"``."""
    day, month, year = text.split("-")
    return f"{year}-{month}-{day}"


def line(kind: str, data: dict[str, Any], *, key: str, number: str, day: str, source: str = "/adventureworks") -> bytes:
    """A structured CloudEvent, recorded at noon UTC of ``day``."""
    at = f"{day}T12:00:00+00:00"
    return json.dumps(
        {
            "specversion": "1.0",
            "id": number,
            "source": source,
            "type": f"dev.standings.{kind}",
            "time": at,
            "recordedtime": at,
            "partitionkey": key,
            "datacontenttype": "application/json",
            "data": data,
        }
    ).encode()


def slug(text: str) -> str:
    return text.lower().replace(" ", "-")


def paths(folder: Path) -> dict[str, list[tuple[str, str, str]]]:
    """Territory key to its units from the company down: (unit_id, level, name)."""
    return {
        row["SalesTerritoryKey"]: [
            (COMPANY, "company", "AdventureWorks"),
            (f"group-{slug(row['Group'])}", "group", row["Group"]),
            (f"country-{slug(row['Country'])}", "country", row["Country"]),
            (f"region-{row['SalesTerritoryKey']}", "region", row["Region"]),
        ]
        for row in rows(folder, "Region.csv")
    }


def homes(folder: Path) -> dict[str, str]:
    """EmployeeKey to the lowest unit that holds all of the seller's regions."""
    tree, regions = paths(folder), defaultdict(list)
    for row in rows(folder, "SalespersonRegion.csv"):
        regions[row["EmployeeKey"]].append([unit for unit, _, _ in tree[row["SalesTerritoryKey"]]])
    return {
        seller: [units[0] for units in zip(*chains, strict=True) if len(set(units)) == 1][-1]
        for seller, chains in regions.items()
    }


def organisation(folder: Path) -> Iterator[bytes]:
    """Units and sellers."""
    known = set()
    for path in paths(folder).values():
        for depth, (unit, level, name) in enumerate(path):
            if unit in known:
                continue
            known.add(unit)
            data: dict[str, Any] = {"unit_id": unit, "name": name, "level": level, "effective_on": FIRST_DAY}
            data |= {"parent_id": path[depth - 1][0]} if depth else {"time_zone": TIME_ZONE}
            yield line("unit.placed.v1", data, key="control", number=f"{unit}@{FIRST_DAY}", day=FIRST_DAY)
    titles = {row["EmployeeKey"]: row["Title"] for row in rows(folder, "Salesperson.csv")}
    for seller, home in homes(folder).items():
        data = {
            "rep_id": seller,
            "display_name": f"{titles[seller]} {seller}",
            "unit_id": home,
            "effective_on": FIRST_DAY,
        }
        yield line("rep.joined.v1", data, key=seller, number=f"{seller}@{FIRST_DAY}", day=FIRST_DAY)


def targets(folder: Path) -> Iterator[bytes]:
    """Monthly targets of the sellers, and their sums by quarter and year."""
    keys = {row["EmployeeID"]: row["EmployeeKey"] for row in rows(folder, "Salesperson.csv")}
    values: Counter[tuple[str, str]] = Counter()
    for row in rows(folder, "Targets.csv"):
        year, month, _ = iso_day(row["TargetMonth"]).split("-")
        for bucket in (f"{year}-{month}", f"{year}-Q{(int(month) + 2) // 3}", year):
            values[keys[row["EmployeeID"]], bucket] += minor(row["Target"])
    for (seller, bucket), value in values.items():
        data = {
            "subject": {"type": "rep", "id": seller},
            "bucket": bucket,
            "metric": "revenue",
            "value": value,
            "revision": 0,
            "reason": "Targets.csv",
            "set_by": "loader",
        }
        yield line("target.set.v1", data, key=seller, number=f"{seller}/{bucket}", day=FIRST_DAY)


def sales(folder: Path) -> Iterator[bytes]:
    """Every row of Sales.csv, in the order of the file."""
    count: Counter[tuple[str, str]] = Counter()
    for row in rows(folder, "Sales.csv"):
        order, seller, day = row["SalesOrderNumber"], row["EmployeeKey"], iso_day(row["OrderDate"])
        count[order, seller] += 1
        number = count[order, seller]
        data = {
            "sale_id": order,
            "line": number,
            "rep_id": seller,
            "unit_id": f"region-{row['SalesTerritoryKey']}",
            "occurred_at": f"{day}T12:00:00+00:00",
            "amount_minor": minor(row["Sales"]),
            "currency": BASE_CURRENCY,
            "quantity": int(row["Quantity"]),
            "product_id": row["ProductKey"],
            "channel": "reseller",
        }
        yield line(
            "sale.recorded.v1",
            data,
            key=seller,
            number=f"{order}/{seller}/{number}",
            day=day,
            source="/erp/adventureworks",
        )


def events(folder: Path) -> Iterator[bytes]:
    """The whole history; asserts that no line and no cent is missing."""
    yield from organisation(folder)
    yield from targets(folder)
    line_count = total_minor = 0
    for sale in sales(folder):
        line_count += 1
        total_minor += json.loads(sale)["data"]["amount_minor"]
        yield sale
    assert (line_count, total_minor) == (LINE_COUNT, TOTAL_MINOR), (line_count, total_minor)


def board_names(folder: Path) -> list[str]:
    """The boards to compare: every calendar quarter and year, revenue by region and by seller, attainment by seller."""
    months = {iso_day(row["OrderDate"])[:7] for row in rows(folder, "Sales.csv")}
    months |= {iso_day(row["TargetMonth"])[:7] for row in rows(folder, "Targets.csv")}
    buckets = {bucket for m in months for bucket in (f"{m[:4]}-Q{(int(m[5:]) + 2) // 3}", m[:4])}
    boards = ("region/revenue", "rep/revenue", "rep/attainment-revenue")
    return [f"{COMPANY}/{board}/{bucket}" for board in boards for bucket in sorted(buckets)]


def main() -> None:
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m tests.adventureworks.loader OUT.jsonl")
    with open(sys.argv[1], "wb") as out:
        out.writelines(event + b"\n" for event in events(shared_data()))


if __name__ == "__main__":
    main()
