"""The shapes of answers, for OpenAPI and for the tests that hold answers to it. Answers themselves are plain data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Integer = Annotated[str, Field(pattern=r"^-?\d+$", description="A 64-bit integer.")]
Day = Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\d$")]
AsOf = Annotated[
    dict[str, dict[str, int]],
    Field(description="Partition to source to the last offset folded; nothing of a partition that has none."),
]


class Answer(BaseModel):
    """Nothing is answered that is not described."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Cell(Answer):
    """What a member sold."""

    revenue: Integer
    quantity: Integer
    count: Integer
    lines: Integer


class Person(Answer):
    """The person responsible for a unit."""

    rep_id: str
    name: str


class UnitBrief(Answer):
    """A unit by name."""

    unit_id: str
    name: str
    level: str | None


class LevelBelow(Answer):
    """A level with open units below."""

    level: str
    unit_count: int


class Progress(Answer):
    """A total against its target."""

    total: Integer
    cell: Cell
    target: Integer | None
    attainment_ppm: int | None
    remaining: Integer | None
    required_per_day: Integer | None


class Figures(Progress):
    """What a unit has reached in a period."""

    bucket: str
    metric: str
    children_target: Integer | None
    children_target_gap: Integer | None
    selling_day_count: int
    selling_days_left: int
    pace_ppm: int | None


class Unit(Answer):
    """A unit of the tree."""

    unit_id: str
    name: str | None
    level: str | None
    time_zone: str
    closed_on: Day | None
    leader: Person | None
    path: list[UnitBrief]
    child_count: int
    levels_below: list[LevelBelow]
    figures: Figures | None


class Period(Answer):
    """A board's period as seen today."""

    bucket: str
    kind: Literal["day", "week", "month", "quarter", "year"]
    first_on: Day
    last_on: Day
    today_on: Day
    time_zone: str
    phase: Literal["upcoming", "running", "ended"]
    selling_day_count: int
    selling_days_left: int
    pace_ppm: int | None


class Links(Answer):
    """Addresses around a page."""

    self: str  # the word every API uses for it
    first: str
    next: str | None
    prev: str | None
    absent: str
    stream: str
    unit: str


class _Place(Answer):
    member_id: str
    member_kind: Literal["rep", "unit"]
    display_name: str
    unit_id: str | None
    unit_name: str | None
    leader: Person | None


class Row(_Place):
    """One standing."""

    rank: int
    previous_rank: int | None
    is_tied: bool
    score: Integer
    cell: Cell
    target: Integer | None
    attainment_ppm: int | None
    contribution_ppm: int | None
    gap_above: Integer | None
    gap_above_per_day: Integer | None
    remaining: Integer | None
    required_per_day: Integer | None


class AbsentRow(_Place):
    """A member of the roster without a row."""

    rank: None
    joined_on: Day | None


class _Envelope(Answer):
    board: str
    unit_id: str
    members: str
    metric: str
    bucket: str
    currency: str
    state: Literal["live", "stale"]
    provisional: bool
    version: str
    as_of: AsOf
    targets_as_of: AsOf
    recorded_through: str | None
    generated_at: str
    member_count: int
    roster_count: int
    absent_count: int
    no_target_count: int
    period: Period
    unit: Unit
    next_cursor: str | None
    prev_cursor: str | None
    links: Links


class Board(_Envelope):
    """Rows of a board."""

    rows: list[Row]


class ChosenMembers(Board):
    """Rows of chosen members."""

    missing: list[str]


class Absent(_Envelope):
    """Members of the roster without a row."""

    reason: Literal["no_sale", "no_target"]
    rows: list[AbsentRow]


class _Tree(Answer):
    on: Day
    version: str
    as_of: AsOf


class OneUnit(_Tree):
    """One unit."""

    unit: Unit


class Units(_Tree):
    """Several units."""

    unit_id: str | None
    units: list[Unit]


class RepTotal(Progress):
    """A rep's total in one period."""

    bucket: str
    kind: Literal["day", "week", "month", "quarter", "year"]


class RepRank(UnitBrief):
    """A rep's rank in one unit."""

    board: str
    rank: int | None
    previous_rank: int | None
    is_tied: bool
    member_count: int
    score: Integer | None
    gap_above: Integer | None


class Rep(Answer):
    """One person."""

    rep_id: str
    display_name: str
    on: Day
    present: bool
    metric: str
    unit: UnitBrief | None
    leader: Person | None
    totals: list[RepTotal]
    ranks: list[RepRank]
    version: str
    as_of: AsOf


class Subject(Answer):
    """Whose target it is."""

    kind: Literal["rep", "unit"]
    id: str
    name: str


class TargetRevision(Answer):
    """One word on a target."""

    type: str
    revision: int
    value: Integer | None
    reason: str | None
    set_by: str | None
    recorded_at: str


class Target(Answer):
    """A target and what is reached of it."""

    subject: Subject
    bucket: str
    metric: str
    current: Integer | None
    original: Integer | None
    total: Integer
    cell: Cell
    attainment_ppm: int | None
    attainment_of_original_ppm: int | None
    remaining: Integer | None
    required_per_day: Integer | None
    children_target: Integer | None
    children_target_gap: Integer | None
    history: list[TargetRevision]
    version: str
    as_of: AsOf


class Found(Answer):
    """A unit or rep that matches."""

    kind: Literal["rep", "unit"]
    id: str
    name: str
    level: str | None
    unit_id: str | None
    unit_name: str | None


class Search(Answer):
    """What was found."""

    q: str
    results: list[Found]


class Health(Answer):
    """All is well."""

    status: Literal["ok"]


class BadParameter(Answer):
    """A parameter that can't be used."""

    parameter: str
    detail: str


class ProblemAnswer(Answer):
    """A problem (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[BadParameter] | None = None


def _problem(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/ProblemAnswer"}
    return {
        "model": ProblemAnswer,
        "description": description,
        "content": {"application/problem+json": {"schema": schema}},
    }


PROBLEMS: dict[int | str, dict[str, Any]] = {
    304: {"description": "The client holds this version."},
    400: _problem("A cursor that can't be used."),
    404: _problem("No such thing."),
    422: _problem("A parameter that can't be used."),
    503: _problem("Rebuilding, or the store can't be reached; see Retry-After."),
}
