"""What the page must say, worked out from the API's answer alone: every text with a figure, by where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from math import ceil, floor
from typing import Any
from zoneinfo import ZoneInfo

from tests.e2e.figures import SCALES, UP, Lang, amount, block_scale, column_scale, digits, percent, points
from tests.e2e.words import WORDS

Json = dict[str, Any]

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


@dataclass(frozen=True)
class Look:
    """How the page is looked at."""

    lang: Lang
    scale: str | None = None
    me: str | None = None
    view: str = "all"

    @property
    def words(self) -> dict[str, str]:
        return WORDS[self.lang]


def _int(text: str | None) -> int | None:
    return None if text is None else int(text)


def day_text(day: str, lang: Lang, year: int) -> str:
    """A day, with its year if it is another one."""
    on = date.fromisoformat(day)
    if lang == "zh":
        return (f"{on.year}年" if on.year != year else "") + f"{on.month}月{on.day}日"
    return f"{on.day} {MONTHS[on.month - 1]}" + (f" {on.year}" if on.year != year else "")


def bucket_text(board: Json, lang: Lang) -> str:
    """The period in words."""
    period = board["period"]
    bucket, today = period["bucket"], date.fromisoformat(period["today_on"])
    first, last = date.fromisoformat(period["first_on"]), date.fromisoformat(period["last_on"])
    match period["kind"]:
        case "day":
            return day_text(bucket, lang, today.year)
        case "week":
            week = first.isocalendar().week
            begin, end = day_text(period["first_on"], lang, today.year), day_text(period["last_on"], lang, first.year)
            if lang == "zh":
                one_month = first.month == last.month
                return f"第{week}周 " + (f"{begin[:-1]}–{last.day}日" if one_month else f"{begin}–{end}")
            begin = str(first.day) if first.month == last.month else day_text(period["first_on"], lang, last.year)
            return f"Week {week}, {begin}–{day_text(period['last_on'], lang, today.year)}"
        case "month":
            return f"{first.year}年{first.month}月" if lang == "zh" else f"{first:%B} {first.year}"
        case "quarter":
            quarter = (first.month + 2) // 3
            return f"{first.year}年第{quarter}季度" if lang == "zh" else f"Q{quarter} {first.year}"
        case _:
            return f"{first.year}年" if lang == "zh" else f"{first.year}"


def time_text(board: Json, lang: Lang) -> str:
    """The instant that the board is true for, in the unit's zone."""
    period = board["period"]
    instant = datetime.fromisoformat(board["recorded_through"] or board["generated_at"]).astimezone(UTC)
    local = instant.astimezone(ZoneInfo(period["time_zone"]))
    day = local.date().isoformat()
    year = int(period["today_on"][:4])
    return ("" if day == period["today_on"] else day_text(day, lang, year) + " ") + f"{local:%H:%M:%S}"


def unit_texts(board: Json, look: Look) -> dict[str, str | None]:
    """The unit's figures by name; None = not shown."""
    words, figures, period = look.words, board["unit"]["figures"], board["period"]
    total, target = int(figures["total"]), _int(figures["target"])
    scale = SCALES[look.lang][block_scale(max(total, target or total))]
    pace, left = _int(period["pace_ppm"]), period["selling_days_left"]
    runs = period["phase"] == "running" and pace is not None and 0 < pace < 1_000_000
    total_text = amount(total, scale)
    texts: dict[str, str | None] = {
        "bucket": bucket_text(board, look.lang),
        "total": total_text.replace(" ", "") if look.lang == "zh" else total_text,
        "target": f"{words['target']} " + ("–" if target is None else amount(target, scale)),
        "percent": "–" + words["attained"],
        "due": words["due"].format(percent(pace)) if runs and target is not None and pace is not None else None,
        "remaining": None, "beyond": None, "required": None, "against-due": None, "children-target": None,
        "no-target": words["no_target"] if target is None else None,
    }  # fmt: skip
    if target is not None:
        ppm = floor(Fraction(total * 10**6, target))
        texts["percent"] = percent(ppm) + words["attained"]
        rest = target - total
        texts["remaining" if rest > 0 else "beyond"] = amount(rest, scale, UP) if rest > 0 else amount(-rest, scale)
        if rest > 0 and left:
            texts["required"] = amount(ceil(Fraction(rest, left)), scale, UP)
        if runs and pace is not None:
            texts["against-due"] = words["ahead" if ppm >= pace else "behind"].format(points(ppm - pace))
    below = _int(figures["children_target"])
    if below is not None and target is not None and below != target:
        off = words["short" if target > below else "over"].format(digits(abs(target - below), scale))
        texts["children-target"] = amount(below, scale) + off
    return texts


def gap_of(board: Json, row: Json) -> tuple[int | None, int | None]:
    """What must be sold to reach the next better score, and that for each selling day left."""
    if row["gap_above"] is None:
        return None, None
    if not board["metric"].startswith("attainment-"):
        return int(row["gap_above"]), _int(row["gap_above_per_day"])
    better = int(row["score"]) + int(row["gap_above"])
    gap = ceil(Fraction(better * int(row["target"]), 10**6)) - int(row["cell"]["revenue"])
    left = board["period"]["selling_days_left"]
    return gap, ceil(Fraction(gap, left)) if left else None


def sold_of(board: Json, row: Json) -> int:
    """What the row's member sold, as the board counts it."""
    return int(row["cell"]["revenue"] if board["metric"].startswith("attainment-") else row["score"])


def row_texts(board: Json, look: Look) -> list[dict[str, str]]:
    """The rows in order, each cell's whole text, words for screen readers included."""
    amounts = [sold_of(board, row) for row in board["rows"]]
    scale = SCALES[look.lang][look.scale or column_scale(amounts)]
    words, rows = look.words, []
    for at, row in enumerate(board["rows"]):
        gap, per_day = gap_of(board, row)
        ppm = _int(row["attainment_ppm"])
        rows.append(
            {
                "member": row["member_id"],
                "rank": f"{row['rank']:,}" + ("=" + words["tied"] if row["is_tied"] else ""),
                "move": _move(board, row, words),
                "name": row["display_name"],
                "at": _sentence(board, look, at) if row["member_id"] == look.me else _place(row, words),
                "score": digits(amounts[at], scale),
                "score_title": amount(amounts[at], SCALES[look.lang]["yuan"]),
                "gap": words["leads"] if gap is None else words["gap_label"] + digits(gap, scale, UP),
                "day": "" if per_day is None else words["per_day"] + digits(per_day, scale, UP),
                "percent": words["no_target"] if ppm is None else percent(ppm),
            }
        )
    return rows


def _place(row: Json, words: dict[str, str]) -> str:
    if row["member_kind"] == "rep":
        return row["unit_name"] or ""
    return row["leader"]["name"] if row["leader"] else words["nobody"]


def _move(board: Json, row: Json, words: dict[str, str]) -> str:
    if board["period"]["kind"] == "day":
        return ""
    if row["previous_rank"] is None:
        return words["new"]
    move = row["previous_rank"] - row["rank"]
    if move == 0:
        return "–" + words["same"]
    return f"{abs(move)} " + words["up" if move > 0 else "down"].format(abs(move))


def _sentence(board: Json, look: Look, at: int) -> str:
    """What the reader's own row says."""
    words, yuan, rows = look.words, SCALES[look.lang]["yuan"], board["rows"]
    row = rows[at]
    gap, per_day = gap_of(board, row)
    if gap is None:
        if row["is_tied"]:
            return words["tied_first"]
        if at + 1 == len(rows):
            return words["only"]
        lead = int(row["score"]) - int(rows[at + 1]["score"])
        is_ppm = board["metric"].startswith("attainment-")
        return words["first"].format(words["points"].format(points(lead)) if is_ppm else amount(lead, yuan))
    better = [r["display_name"] for r in rows[:at] if int(r["score"]) > int(row["score"])]
    name = better[-1] if better else words["one_above"]
    if board["period"]["phase"] == "ended":
        return words["ended"].format(name, amount(gap, yuan, UP))
    day = "" if per_day is None else words["day"].format(amount(per_day, yuan, UP))
    return words["pass"].format(amount(gap, yuan, UP), name) + day


def _empty_text(board: Json, words: dict[str, str]) -> str:
    if board["metric"].startswith("attainment-"):
        return words["empty_targets"]
    if board["members"] == "rep" and board["roster_count"]:
        return words["empty"].format(words["rep"].format(board["roster_count"]))
    return words["empty_units"]


def count_texts(board: Json, look: Look) -> dict[str, str]:
    """The line below the board, and what an empty one says."""
    words = look.words
    count = words["rep" if board["members"] == "rep" else "unit"]
    empty = {} if board["rows"] else {"empty": _empty_text(board, words)}
    absent = "without" if board["metric"].startswith("attainment-") else "absent"
    ranked = words["ranked"].format(count.format(f"{board['member_count']:,}"))
    none = board["no_target_count"]
    if none:
        ranked += words["comma"] + words["without"].format(count.format(f"{none:,}"))
    return empty | {"absent": words[absent].format(count.format(f"{board['absent_count']:,}")), "ranked": ranked}
