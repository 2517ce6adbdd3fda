"""The figures of AdventureWorks straight from its CSV files: no events, nothing of the product, nothing of the loader.

``python -m tests.adventureworks.independent FOLDER`` prints every figure.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path

Figures = dict[str, dict[str, int]]


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with open(folder / name, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def dollars(text: str) -> Decimal:
    return Decimal(text.replace("$", "").replace(",", ""))


def periods(day_month_year: str) -> tuple[str, str]:
    """The calendar quarter and the year of a dd-mm-yyyy date."""
    month, year = int(day_month_year[3:5]), day_month_year[6:10]
    return f"{year}-Q{1 + (month - 1) // 3}", year


def figures(folder: Path) -> tuple[Figures, Figures, Figures]:
    """(revenue by region, revenue by seller, attainment by seller): period to key to cents, or to parts per million.

    A region's key is its territory key, a seller's the EmployeeKey. Attainment holds every seller with a target in the
    period, with or without a sale.
    """
    by_region: defaultdict[str, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    by_seller: defaultdict[str, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    target: defaultdict[str, defaultdict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for row in table(folder, "Sales.csv"):
        for period in periods(row["OrderDate"]):
            by_region[period][row["SalesTerritoryKey"]] += dollars(row["Sales"])
            by_seller[period][row["EmployeeKey"]] += dollars(row["Sales"])
    key_of = {row["EmployeeID"]: row["EmployeeKey"] for row in table(folder, "Salesperson.csv")}
    for row in table(folder, "Targets.csv"):
        for period in periods(row["TargetMonth"]):
            target[period][key_of[row["EmployeeID"]]] += dollars(row["Target"])
    attainment = {
        period: {
            seller: int((by_seller[period][seller] * 1_000_000 / wanted).to_integral_value(ROUND_FLOOR))
            for seller, wanted in sellers.items()
            if wanted > 0
        }
        for period, sellers in target.items()
    }
    return cents(by_region), cents(by_seller), attainment


def cents(amounts: dict[str, defaultdict[str, Decimal]]) -> Figures:
    return {
        period: {key: int(amount * 100) for key, amount in members.items() if amount}
        for period, members in amounts.items()
    }


if __name__ == "__main__":
    for title, by_period in zip(("region", "seller", "attainment"), figures(Path(sys.argv[1])), strict=True):
        for period, members in sorted(by_period.items()):
            for key, value in sorted(members.items(), key=lambda item: (-item[1], item[0])):
                print(f"{title:10} {period:7} {key:4} {value:>13}")
