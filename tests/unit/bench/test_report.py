"""What a run says: the JSON that outside checks read, the aims, the tables."""

from __future__ import annotations

import json

import pytest

from bench import report
from bench.figures import Leg, median_of
from bench.live import Seen, Sent, latencies
from bench.run import LEGS, QUICK_LEGS

INTERFACE = {
    "l1", "l2", "worker", "replay", "pipeline", "worker_over_l2", "replay_over_l2", "peers", "bytes_per_sale",
    "retained_sales", "legs",
}  # fmt: skip
LEG = {"name", "events", "cpu_seconds", "wall_seconds", "peak_rss_mb", "equals_oracle"}


def leg(name: str, rate: float, equals_oracle: bool | None = True) -> Leg:
    """A leg of 1,000 events at a rate."""
    return Leg(name, 1_000, 1_000 / rate, 1.0, 100, equals_oracle)


def legs() -> dict[str, Leg]:
    """A whole quick run."""
    rates = {"l1": 900.0, "l2": 800.0, "worker": 400.0, "replay": 500.0, "pipeline": 200.0}
    rates |= {"faust_stock": 0.5, "naive": 10.0, "quix": 5.0}
    return {name: leg(name, rate) for name, rate in rates.items()}


MEMORY = {"memory": {"retained_sales": 1_000_000, "bytes_per_sale": 70.5}}


def test_the_json_has_the_figures_that_outside_checks_read() -> None:
    said = json.loads(json.dumps(report.as_json(legs(), MEMORY, {})))
    assert said.keys() >= INTERFACE
    assert all(one.keys() >= LEG for one in said["legs"])
    assert said["worker"] == 400
    assert said["worker_over_l2"] == 0.5
    assert said["replay_over_l2"] == 0.625
    assert said["peers"] == {"faust_stock": 0.5, "naive": 10, "quix": 5}
    assert (said["bytes_per_sale"], said["retained_sales"]) == (70.5, 1_000_000)


def test_a_figure_that_was_not_measured_is_null_and_takes_only_its_ratios_with_it() -> None:
    some = legs()
    del some["naive"], some["l2"]
    said = report.as_json(some, {}, {"naive": "its environment is missing", "l2": "why"})
    assert said.keys() >= INTERFACE
    assert said["peers"]["naive"] is said["l2"] is said["worker_over_l2"] is said["bytes_per_sale"] is None
    assert said["worker"] == 400
    assert said["peers"]["quix"] == 5


@pytest.mark.parametrize(("equals_oracle", "wrong"), [(True, []), (None, []), (False, ["worker"])])
def test_only_boards_that_differ_from_the_oracle_make_a_run_fail(equals_oracle: bool | None, wrong: list[str]) -> None:
    assert report.differs({"l1": leg("l1", 1, None), "worker": leg("worker", 1, equals_oracle)}) == wrong


def test_an_aim_is_reached_from_its_own_side() -> None:
    least = report.Aim("a", "as fast as", True, 0.4)
    most = report.Aim("b", "as small as", False, 64)
    assert [least.is_reached(value) for value in (0.39, 0.4, 0.5)] == [False, True, True]
    assert [most.is_reached(value) for value in (65, 64, 10)] == [False, True, True]


def test_every_aim_names_a_figure_that_the_report_knows() -> None:
    assert {aim.figure for aim in report.AIMS} <= report.flat_figures({}, {}).keys()


def test_the_table_of_aims_says_no_where_one_was_missed() -> None:
    table = next(table for table in report.tables(legs(), MEMORY) if table.title == "Aims")
    said = {row[0]: row[-1] for row in table.rows}
    assert said["worker, 10 k reps, of consume + decode"] == "yes"
    assert said["worker against kafka-python + ZINCRBY with a ledger"] == "no"


def test_every_row_of_the_tables_in_markdown_has_as_many_cells_as_its_heading() -> None:
    text = report.markdown(legs(), MEMORY, {"quix": "why"}, "python -m bench")
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 4
    for block in blocks:
        assert len({line.replace("---:", "").count("|") for line in block}) == 1
    assert "quix (why)" in text


def test_of_several_runs_the_one_in_the_middle_counts_and_the_spread_is_told() -> None:
    middle = median_of([leg("worker", 300), leg("worker", 100), leg("worker", 200)])
    assert middle.per_cpu_second == pytest.approx(200)
    assert middle.spread == pytest.approx(1.0)
    assert median_of([leg("worker", 300)]).runs == ()


def test_one_wrong_run_of_several_makes_the_leg_wrong() -> None:
    assert median_of([leg("worker", 3), leg("worker", 2), leg("worker", 1, False)]).equals_oracle is False
    assert median_of([leg("l1", 3, None), leg("l1", 2, None)]).equals_oracle is None


def test_a_record_is_visible_from_the_first_look_that_covers_its_offset() -> None:
    sent = [Sent(0, 13, [1.3]), Sent(0, 10, [1.0, 1.1, 1.2]), Sent(1, 5, [1.0])]
    seen = [Seen(0.5, 0, 9), Seen(1.5, 0, 11), Seen(1.6, 1, 4), Seen(2.0, 0, 13)]
    assert sorted(latencies(sent, seen, end=9.0)) == pytest.approx([0.4, 0.5, 0.7, 0.8, 8.0])


def test_the_quick_legs_are_legs() -> None:
    assert set(QUICK_LEGS) <= LEGS.keys()
