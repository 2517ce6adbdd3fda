from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from projections.memory import MemoryBoards
from projections.ports import BoardsUnavailable, Snapshot, SnapshotRequest
from tests.unit.api.stage import Stage, filled, ids, sale, serving

MAY = "/v1/boards/city-nj/rep/revenue/2026-05"


class CutBoards(MemoryBoards):
    """Boards whose connection can be cut."""

    is_cut = False
    is_broken = False

    async def snapshot(self, request: SnapshotRequest) -> Snapshot:
        if self.is_cut:
            raise BoardsUnavailable("cut")
        if self.is_broken:
            raise RuntimeError("a fault of ours")
        return await super().snapshot(request)


@dataclass(frozen=True)
class Case:
    path: str
    status: int
    kind: str


@pytest.mark.parametrize(
    "case",
    [
        Case("/v1/nothing", 404, "not-found"),
        Case("/v1/boards/city-nj/rep", 404, "not-found"),
        Case("/no-such-file.js", 404, "not-found"),
        Case("/.hidden", 404, "not-found"),
        Case("/..%2f..%2fpyproject.toml", 404, "not-found"),
        Case("/problems/nonsense", 404, "not-found"),
        Case("/v1/units/nowhere", 404, "unknown-unit"),
        Case("/v1/units/city-nj?bucket=soon", 404, "bad-bucket"),
        Case("/v1/reps/nobody", 404, "unknown-rep"),
        Case("/v1/targets/rep/rep-a/2026-13", 404, "bad-bucket"),
        Case("/v1/targets/team/rep-a/2026-05", 422, "bad-parameter"),
        Case(f"{MAY}?limit=0", 422, "bad-parameter"),
        Case(f"{MAY}?limit=1001", 422, "bad-parameter"),
        Case(f"{MAY}?tie=luck", 422, "bad-parameter"),
        Case(f"{MAY}/around/rep-a?radius=101", 422, "bad-parameter"),
        Case("/v1/search", 422, "bad-parameter"),
        Case("/v1/search?q=" + "x" * 65, 422, "bad-parameter"),
        Case("/v1/search?q=" + "x" * 9_000, 414, "too-long"),
    ],
    ids=lambda case: case.path[:60],
)
async def test_every_error_is_a_problem_of_a_stable_type(case: Case) -> None:
    async with serving(await filled()) as visitor:
        problem = await visitor.problem(case.path)
        assert (problem["status"], problem["type"]) == (case.status, f"/problems/{case.kind}")
        assert set(problem) >= {"type", "title", "status", "detail", "instance"}
        help_text = await visitor.http.get(problem["type"])
        assert help_text.status_code == 200
        assert problem["title"] in help_text.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("path", [MAY, "/v1/units/city-nj", "/livez", "/", "/v1/nothing"])
async def test_only_reading_is_allowed(method: str, path: str) -> None:
    async with serving(await filled()) as visitor:
        response = await visitor.http.request(method, path)
    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert response.json()["type"] == "/problems/method-not-allowed"


async def test_the_head_of_a_page_file_may_be_asked_for_and_of_data_not(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html>", encoding="utf-8")
    async with serving(await filled(), page_folder=tmp_path) as visitor:
        assert (await visitor.http.head("/")).status_code == 200
        assert (await visitor.http.head(MAY)).status_code == 405


@pytest.mark.parametrize(
    "path", [MAY, f"{MAY}/absent", "/v1/units", "/v1/reps/rep-a", "/v1/search?q=a", "/readyz", "/startupz"]
)
async def test_while_there_is_no_version_the_answer_is_rebuilding_and_never_zeros(path: str) -> None:
    async with serving(Stage()) as visitor:
        problem = await visitor.problem(path)
        response = await visitor.http.get(path)
    assert (problem["status"], problem["type"]) == (503, "/problems/rebuilding")
    assert response.headers["retry-after"] == "1"


async def test_a_board_that_was_read_before_is_not_shown_once_the_version_is_lost() -> None:
    stage = await filled(sale("rep-a", "store-1", 1))
    async with serving(stage) as visitor:
        await visitor.get(MAY)
        await stage.close()
        assert (await visitor.problem(MAY))["type"] == "/problems/rebuilding"


async def test_with_the_store_cut_off_a_kept_board_is_stale_and_another_unreachable() -> None:
    boards = CutBoards()
    stage = await filled(sale("rep-a", "store-1", 1), boards=boards)
    async with serving(stage) as visitor:
        live = await visitor.get(MAY)
        boards.is_cut = True
        stale = await visitor.get(MAY)
        assert (stale["state"], stale["as_of"], ids(stale["rows"])) == ("stale", live["as_of"], ["rep-a"])
        assert stale["version"] != live["version"]
        assert (await visitor.problem("/v1/boards/city-nj/rep/revenue/2026"))["type"] == "/problems/store-unreachable"
        assert (await visitor.http.get("/livez")).status_code == 200
        assert (await visitor.http.get("/readyz")).status_code == 503
        boards.is_cut = False
        assert await visitor.get(MAY) == live


async def test_a_fault_of_ours_is_a_problem_without_its_text() -> None:
    boards = CutBoards()
    async with serving(await filled(boards=boards)) as visitor:
        boards.is_broken = True
        problem = await visitor.problem(MAY)
    assert (problem["status"], problem["type"]) == (500, "/problems/internal")
    assert "ours" not in problem["detail"]


async def test_ready_means_a_version_and_started_means_there_was_one() -> None:
    stage = await filled()
    async with serving(stage) as visitor:
        assert (await visitor.http.get("/startupz")).status_code == 200
        await stage.close()
        assert (await visitor.http.get("/readyz")).status_code == 503
        assert (await visitor.http.get("/startupz")).status_code == 200


async def test_answers_carry_security_headers_and_the_page_may_be_absent(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("<!doctype html><title>Standings</title>", encoding="utf-8")
    async with serving(await filled(), page_folder=tmp_path) as visitor:
        page = await visitor.http.get("/")
        assert page.status_code == 200
        assert page.headers["content-security-policy"].startswith("default-src 'self';")
        assert page.headers["cache-control"] == "no-cache"
        same = await visitor.http.get("/", headers={"If-None-Match": page.headers["etag"]})
        assert same.status_code == 304
        board = await visitor.http.get(MAY)
        for response in (page, same, board, await visitor.http.get("/v1/nothing")):
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["referrer-policy"] == "no-referrer"
        assert board.headers["content-security-policy"].startswith("default-src 'none'")
    async with serving(await filled(), page_folder=tmp_path / "absent") as visitor:
        assert (await visitor.http.get("/")).status_code == 404
        assert (await visitor.http.get(MAY)).status_code == 200


async def test_other_origins_read_only_if_they_are_named() -> None:
    async with serving(await filled(), cors_origins=("https://wall.example",)) as visitor:
        named = await visitor.http.get(MAY, headers={"Origin": "https://wall.example"})
        other = await visitor.http.get(MAY, headers={"Origin": "https://evil.example"})
    assert named.headers["access-control-allow-origin"] == "https://wall.example"
    assert "access-control-allow-origin" not in other.headers


async def test_answers_are_counted_by_route_template_and_code() -> None:
    async with serving(await filled()) as visitor:
        for path in (MAY, "/v1/boards/other/rep/revenue/2026", "/v1/nothing", "/v1/reps/nobody", "/x.css"):
            await visitor.http.get(path)
        registry = visitor.app.state.metrics.registry

        def count(route: str, code: str) -> float | None:
            value: float | None = registry.get_sample_value(
                "standings_http_requests_total", {"route": route, "code": code}
            )
            return value

        assert count("/v1/boards/{unit_id}/{members}/{metric}/{bucket}", "200") == 2
        assert count("/v1/reps/{rep_id}", "404") == 1
        assert count("unmatched", "404") == 1
        assert count("page", "404") == 1
