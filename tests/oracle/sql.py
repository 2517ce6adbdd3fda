"""O2: the sales boards once more, in SQL over the same lines. The SQL engine is SQLite, which comes with Python.

Which revision counts, which placement is in force, zones, chains and sums are all SQL; Python reads the lines and
knows the calendar. A second opinion on O1, so the two share only the reading of the lines.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from tests.oracle.schema import Bad, instant_ms, read

Cells = dict[tuple[str, str, str], dict[str, tuple[int, int, int, int]]]

TABLES = """
CREATE TABLE sale (source, sale_id, line, rep, revision, occurred, unit, amount, quantity, product, category, channel,
  returns);
CREATE TABLE void (source, sale_id, line, rep);
CREATE TABLE placement (unit, effective_on, revision, text, parent, level, zone);
"""

BOARDS = """
CREATE TABLE best AS SELECT * FROM (
  SELECT *, row_number() OVER (PARTITION BY source, sale_id, line, rep ORDER BY revision DESC, occurred DESC, unit DESC,
    amount DESC, quantity DESC, product DESC, category DESC, channel DESC, returns DESC) AS place FROM sale)
  WHERE place = 1 AND (source, sale_id, line, rep) NOT IN (SELECT source, sale_id, line, rep FROM void);

CREATE TABLE placed AS SELECT unit, effective_on, parent, level, zone FROM (
  SELECT *, row_number() OVER (PARTITION BY unit, effective_on ORDER BY revision DESC, text DESC) AS place
  FROM placement)
  WHERE place = 1;
CREATE TABLE own_zone AS SELECT unit, zone FROM (
  SELECT *, row_number() OVER (PARTITION BY unit ORDER BY effective_on) AS place FROM placed WHERE zone IS NOT NULL)
  WHERE place = 1;
CREATE TABLE first_parent AS SELECT unit, parent FROM (
  SELECT *, row_number() OVER (PARTITION BY unit ORDER BY effective_on) AS place FROM placed) WHERE place = 1;

CREATE TABLE zone AS WITH RECURSIVE walk(unit, at, path) AS (
  SELECT DISTINCT unit, unit, char(31) || unit || char(31) FROM best
  UNION ALL
  SELECT walk.unit, first_parent.parent, path || first_parent.parent || char(31)
  FROM walk JOIN first_parent ON first_parent.unit = walk.at
  WHERE first_parent.parent IS NOT NULL AND walk.at NOT IN (SELECT unit FROM own_zone)
    AND instr(path, char(31) || first_parent.parent || char(31)) = 0)
  SELECT walk.unit, max(own_zone.zone) AS zone
  FROM walk LEFT JOIN own_zone ON own_zone.unit = walk.at GROUP BY walk.unit;

CREATE TABLE counted AS SELECT rep, best.unit, local_day(occurred, zone.zone) AS day, amount, quantity,
  CASE returns WHEN '' THEN 1 ELSE -1 END AS count FROM best JOIN zone ON zone.unit = best.unit;

CREATE TABLE span AS SELECT unit, parent, level, effective_on AS first,
  lead(effective_on, 1, '9999-12-32') OVER (PARTITION BY unit ORDER BY effective_on) AS until FROM placed;
CREATE TABLE chain AS WITH RECURSIVE walk(unit, day, at, depth, path) AS (
  SELECT DISTINCT unit, day, unit, 0, char(31) || unit || char(31) FROM counted
  UNION ALL
  SELECT walk.unit, walk.day, span.parent, depth + 1, path || span.parent || char(31)
  FROM walk JOIN span ON span.unit = walk.at AND first <= walk.day AND walk.day < until
  WHERE span.parent IS NOT NULL AND instr(path, char(31) || span.parent || char(31)) = 0)
  SELECT walk.unit, day, at, depth, level
  FROM walk LEFT JOIN span ON span.unit = walk.at AND first <= walk.day AND walk.day < until;

CREATE TABLE credit AS
  SELECT chain.at AS scope, 'rep' AS members, rep AS member, day, amount, quantity, count
    FROM counted JOIN chain USING (unit, day)
  UNION ALL
  SELECT above.at, below.level, below.at, day, amount, quantity, count
    FROM counted JOIN chain AS below USING (unit, day) JOIN chain AS above USING (unit, day)
    WHERE above.depth > below.depth AND below.level IS NOT NULL;
"""

SUMS = """
SELECT scope, members, bucket_of(day, ?) AS bucket, member, sum(amount), sum(quantity), sum(count), count(*)
FROM credit GROUP BY scope, members, bucket, member
"""


def bucket_of(day: str, kind: str) -> str:
    when = dt.date.fromisoformat(day)
    week = when.isocalendar()
    return {
        "day": day,
        "week": f"{week[0]}-W{week[1]:02}",
        "month": day[:7],
        "quarter": f"{day[:4]}-Q{-(-when.month // 3)}",
        "year": day[:4],
    }[kind]


def sales_cells(lines: Iterable[bytes], base_currency: str = "CNY", default_zone: str = "Asia/Shanghai") -> Cells:
    """(unit, members, bucket) to the cells (revenue, quantity, count, lines) of its members."""

    def local_day(occurred: int, zone: str | None) -> str:
        utc = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=occurred)
        return utc.astimezone(ZoneInfo(zone or default_zone)).date().isoformat()

    base = sqlite3.connect(":memory:")
    try:
        base.create_function("local_day", 2, local_day, deterministic=True)
        base.create_function("bucket_of", 2, bucket_of, deterministic=True)
        base.executescript(TABLES)
        for line in lines:
            insert(base, line, base_currency)
        base.executescript(BOARDS)
        cells: Cells = defaultdict(dict)
        for kind in ("day", "week", "month", "quarter", "year"):
            for scope, members, bucket, member, *cell in base.execute(SUMS, (kind,)):
                cells[scope, members, bucket][member] = (cell[0], cell[1], cell[2], cell[3])
        return dict(cells)
    finally:
        base.close()


def insert(base: sqlite3.Connection, line: bytes, base_currency: str) -> None:
    """Put a line into its table, unless it is a dead letter."""
    try:
        kind, source, data, envelope = read(line)
    except Bad:
        return
    key = (data.get("sale_id"), data.get("line"), data.get("rep_id"))
    match kind:
        case "sale.recorded.v1":
            occurred = instant_ms(data["occurred_at"])
            recorded = instant_ms(envelope.get("recordedtime") or envelope["time"])
            if data["currency"] == base_currency and occurred - recorded <= 24 * 3600 * 1000:
                texts = [data[name] or "" for name in ("product_id", "category", "channel", "returns")]
                row = [
                    source,
                    *key,
                    data["revision"],
                    occurred,
                    data["unit_id"],
                    data["amount_minor"],
                    data["quantity"],
                ]
                base.execute(f"INSERT INTO sale VALUES ({','.join('?' * 13)})", [*row, *texts])
        case "sale.voided.v1":
            base.execute("INSERT INTO void VALUES (?,?,?,?)", [data["sale_source"] or source, *key])
        case "unit.placed.v1":
            text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            base.execute(
                "INSERT INTO placement VALUES (?,?,?,?,?,?,?)",
                [
                    data["unit_id"],
                    data["effective_on"],
                    data["revision"],
                    text,
                    data["parent_id"],
                    data["level"],
                    data["time_zone"],
                ],
            )
