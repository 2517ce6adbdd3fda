"""O2: the sales boards once more, in SQL over the same lines. The SQL engine is SQLite, which comes with Python.

Which revision counts, what comes too late for a closed year, which placement is in force, zones, chains and sums are
all SQL; Python reads the lines and knows the calendar. A second opinion on O1, so the two share only the reading of
the lines.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from tests.oracle.schema import Bad, instant_ms, read, recorded_ms

Cells = dict[tuple[str, str, str], dict[str, tuple[int, int, int, int]]]

TABLES = """
CREATE TABLE said_close (year, recorded);
CREATE TABLE said_sale (source, sale_id, line, rep, revision, occurred, unit, amount, quantity, product, category,
  channel, returns, recorded);
CREATE TABLE said_void (source, sale_id, line, rep, recorded);
CREATE TABLE placement (unit, effective_on, revision, text, parent, level, zone, recorded);
"""

JUDGED = """
CREATE TABLE close AS SELECT year, min(recorded) AS recorded FROM said_close AS said
  WHERE recorded >= year_end(year)
    AND NOT EXISTS (SELECT * FROM said_close AS other
      WHERE other.recorded >= year_end(other.year) AND other.recorded < said.recorded AND other.year >= said.year)
  GROUP BY year;
DELETE FROM placement WHERE EXISTS (SELECT * FROM close
  WHERE close.recorded < placement.recorded AND year >= CAST(substr(effective_on, 1, 4) AS INTEGER));

CREATE TABLE layer AS SELECT year_end(year) AS until, recorded AS known FROM close
  UNION ALL SELECT 9e18, 9e18;
CREATE TABLE placed AS SELECT layer, unit, effective_on, parent, level, zone FROM (
  SELECT placement.*, until AS layer,
    row_number() OVER (PARTITION BY until, unit, effective_on ORDER BY revision DESC, text DESC) AS place
  FROM placement JOIN layer ON recorded <= known)
  WHERE place = 1;
CREATE TABLE own_zone AS SELECT layer, unit, zone FROM (
  SELECT *, row_number() OVER (PARTITION BY layer, unit ORDER BY effective_on) AS place FROM placed
  WHERE zone IS NOT NULL)
  WHERE place = 1;
CREATE TABLE first_parent AS SELECT layer, unit, parent FROM (
  SELECT *, row_number() OVER (PARTITION BY layer, unit ORDER BY effective_on) AS place FROM placed) WHERE place = 1;
CREATE TABLE zone AS WITH RECURSIVE walk(layer, unit, at, path) AS (
  SELECT DISTINCT until, unit, unit, char(31) || unit || char(31) FROM said_sale, layer
  UNION ALL
  SELECT layer, walk.unit, first_parent.parent, path || first_parent.parent || char(31)
  FROM walk JOIN first_parent USING (layer)
  WHERE first_parent.unit = walk.at AND first_parent.parent IS NOT NULL
    AND NOT EXISTS (SELECT * FROM own_zone WHERE own_zone.layer = walk.layer AND own_zone.unit = walk.at)
    AND instr(path, char(31) || first_parent.parent || char(31)) = 0)
  SELECT walk.layer, walk.unit, max(own_zone.zone) AS zone
  FROM walk LEFT JOIN own_zone ON own_zone.layer = walk.layer AND own_zone.unit = walk.at
  GROUP BY walk.layer, walk.unit;

CREATE TABLE dated AS SELECT said_sale.*, local_day(occurred, zone.zone) AS day,
  coalesce((SELECT max(year) FROM close WHERE close.recorded + 10000 < said_sale.recorded), 0) AS closed
  FROM said_sale JOIN zone ON zone.unit = said_sale.unit
    AND zone.layer = (SELECT min(until) FROM layer WHERE until > occurred);
CREATE TABLE judged_void AS SELECT *,
  coalesce((SELECT max(year) FROM close WHERE close.recorded + 10000 < said_void.recorded), 0) AS closed FROM said_void;
CREATE TABLE sale AS SELECT * FROM dated WHERE false;
CREATE TABLE void AS SELECT * FROM judged_void WHERE false;
CREATE VIEW best AS SELECT * FROM (
  SELECT *, row_number() OVER (PARTITION BY source, sale_id, line, rep ORDER BY revision DESC, occurred DESC, unit DESC,
    amount DESC, quantity DESC, product DESC, category DESC, channel DESC, returns DESC) AS place FROM sale)
  WHERE place = 1 AND (source, sale_id, line, rep) NOT IN (SELECT source, sale_id, line, rep FROM void);
CREATE TABLE shut (source, sale_id, line, rep);
"""

EPOCHS = "SELECT closed FROM dated UNION SELECT closed FROM judged_void ORDER BY closed"

IN_TIME = """
DELETE FROM shut;
INSERT INTO shut SELECT source, sale_id, line, rep FROM best WHERE CAST(substr(day, 1, 4) AS INTEGER) <= {0};
INSERT INTO sale SELECT * FROM dated WHERE closed = {0} AND CAST(substr(day, 1, 4) AS INTEGER) > {0}
  AND (source, sale_id, line, rep) NOT IN shut;
INSERT INTO void SELECT * FROM judged_void WHERE closed = {0} AND (source, sale_id, line, rep) NOT IN shut;
"""

BOARDS = """
CREATE TABLE counted AS SELECT rep, unit, day, amount, quantity,
  CASE returns WHEN '' THEN 1 ELSE -1 END AS count FROM best;

CREATE TABLE span AS SELECT unit, parent, level, effective_on AS first,
  lead(effective_on, 1, '9999-12-32') OVER (PARTITION BY unit ORDER BY effective_on) AS until FROM placed
  WHERE layer = 9e18;
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
        base.create_function("year_end", 1, lambda year: instant_ms(f"{year + 1}-01-01T12:00:00Z"), deterministic=True)
        base.create_function("bucket_of", 2, bucket_of, deterministic=True)
        base.executescript(TABLES)
        for line in lines:
            insert(base, line, base_currency)
        base.executescript(JUDGED)
        for (closed,) in base.execute(EPOCHS).fetchall():
            base.executescript(IN_TIME.format(closed))
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
    recorded = recorded_ms(data, envelope)
    key = (data.get("sale_id"), data.get("line"), data.get("rep_id"))
    match kind:
        case "sale.recorded.v1":
            occurred = instant_ms(data["occurred_at"])
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
                base.execute(f"INSERT INTO said_sale VALUES ({','.join('?' * 14)})", [*row, *texts, recorded])
        case "sale.voided.v1":
            base.execute("INSERT INTO said_void VALUES (?,?,?,?,?)", [data["sale_source"] or source, *key, recorded])
        case "period.closed.v1":
            base.execute("INSERT INTO said_close VALUES (?,?)", [data["year"], recorded])
        case "unit.placed.v1":
            text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            base.execute(
                "INSERT INTO placement VALUES (?,?,?,?,?,?,?,?)",
                [
                    data["unit_id"],
                    data["effective_on"],
                    data["revision"],
                    text,
                    data["parent_id"],
                    data["level"],
                    data["time_zone"],
                    recorded,
                ],
            )
