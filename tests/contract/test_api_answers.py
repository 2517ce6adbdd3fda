"""The read API against its own description: every answer has exactly the shape that OpenAPI says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from pydantic import BaseModel

from api import answers
from api.openapi import PATH, openapi_text
from api.problems import KINDS
from tests.unit.api.stage import Stage, filled, sale, serving, target, today

MAY = "/v1/boards/city-nj/rep/revenue/2026-05"
BOARD = "/v1/boards/{unit_id}/{members}/{metric}/{bucket}"

CASES: list[tuple[str, str, type[BaseModel]]] = [
    (BOARD, MAY, answers.Board),
    (BOARD, f"{MAY}?limit=1&tie=dense", answers.Board),
    (BOARD, "/v1/boards/nation-cn/store/quantity/2026-W21", answers.Board),
    (BOARD, "/v1/boards/nation-cn/city/attainment-revenue/2026-05", answers.Board),
    (BOARD, "/v1/boards/nowhere/rep/count/2026", answers.Board),
    (BOARD, "/v1/boards/city-nj/rep/revenue/2026-05-21", answers.Board),
    (BOARD + "/around/{member_id}", f"{MAY}/around/rep-a?radius=1", answers.Board),
    (BOARD + "/members", f"{MAY}/members?ids=rep-b,nobody", answers.ChosenMembers),
    (BOARD + "/absent", f"{MAY}/absent", answers.Absent),
    (BOARD + "/absent", "/v1/boards/nation-cn/store/attainment-revenue/2026-05/absent", answers.Absent),
    ("/v1/units", "/v1/units?bucket=2026-05", answers.Units),
    ("/v1/units/{unit_id}", "/v1/units/city-nj", answers.OneUnit),
    ("/v1/units/{unit_id}", "/v1/units/city-nj?bucket=2026-Q2&metric=count", answers.OneUnit),
    ("/v1/units/{unit_id}/children", "/v1/units/city-nj/children?bucket=2026-05", answers.Units),
    ("/v1/units/{unit_id}/path", "/v1/units/store-1/path?bucket=2026", answers.Units),
    ("/v1/reps/{rep_id}", "/v1/reps/rep-a", answers.Rep),
    ("/v1/reps/{rep_id}", "/v1/reps/rep-d?ranks=day&metric=quantity", answers.Rep),
    ("/v1/targets/{subject_kind}/{subject_id}/{bucket}", "/v1/targets/unit/store-1/2026-05", answers.Target),
    ("/v1/targets/{subject_kind}/{subject_id}/{bucket}", "/v1/targets/rep/nobody/2026-W21", answers.Target),
    ("/v1/search", "/v1/search?q=rep", answers.Search),
    ("/livez", "/livez", answers.Health),
    ("/readyz", "/readyz", answers.Health),
    ("/startupz", "/startupz", answers.Health),
]


async def a_stage() -> Stage:
    return await filled(
        sale("rep-a", "store-1", 100),
        sale("rep-b", "store-1", -40),
        today("rep-b", "store-1", 20),
        sale("rep-c", "store-2", 20),
        target("rep", "rep-a", 300),
        target("unit", "store-1", 500),
        target("unit", "store-1", 600, revision=1),
        target("unit", "city-nj", 700),
    )


def described() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(openapi_text())
    return document


@pytest.mark.parametrize(("template", "path", "model"), CASES, ids=[path for _, path, _ in CASES])
async def test_an_answer_has_exactly_the_shape_that_is_described(
    template: str, path: str, model: type[BaseModel]
) -> None:
    async with serving(await a_stage()) as visitor:
        body = await visitor.get(path)
    model.model_validate_json(json.dumps(body))
    description = described()
    schema = description["paths"][template]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema.validate(body, {**schema, "components": description["components"]})


async def test_a_problem_has_exactly_the_shape_that_is_described() -> None:
    async with serving(await a_stage()) as visitor:
        for path in ("/v1/nothing", f"{MAY}?limit=x", f"{MAY}?cursor=x", f"{MAY}/around/nobody"):
            answers.ProblemAnswer.model_validate(await visitor.problem(path))


def test_every_endpoint_has_a_case() -> None:
    documented = {path for path in described()["paths"] if path.startswith("/v1/") or path.endswith("z")}
    assert documented == {template for template, _, _ in CASES} | {BOARD + "/stream"}


def test_the_committed_description_is_the_one_of_the_code(project_dir: Path) -> None:
    committed = (project_dir / PATH).read_text(encoding="utf-8")
    assert committed == openapi_text(), "run: python -m api.openapi"


def test_the_reference_names_every_endpoint_and_every_type_of_problem(project_dir: Path) -> None:
    reference = (project_dir / "docs/reference/api.md").read_text(encoding="utf-8")
    for path in described()["paths"]:
        ending = path.removeprefix(BOARD)
        assert path in reference or (ending != path and f"…{ending}" in reference), path
    for kind in KINDS:
        assert f"/problems/{kind}`" in reference, kind
