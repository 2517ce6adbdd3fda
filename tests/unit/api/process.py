"""The API as a process of its own, on a small organisation in memory: ``python -m tests.unit.api.process [PORT]``."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

from api.metrics import api_metrics
from api.options import ApiOptions
from api.server import create_app, serve_api
from cli.health import HealthServer, build_registry
from tests.unit.api.stage import filled, sale, target, today


async def main(port: int) -> int:
    """Serve until told to stop; the first line printed is the port, the second the port of the metrics."""
    stage = await filled(
        sale("rep-a", "store-1", 1_299_00),
        sale("rep-b", "store-1", 899_00),
        today("rep-b", "store-1", 500_00),
        sale("导购/戊", "store/3 园区", 77_00),
        target("rep", "rep-a", 2_000_00),
        target("unit", "city-nj", 5_000_00),
    )
    options = ApiOptions(build_version="test")
    metrics = api_metrics(build_registry("api", "test"))
    serving_metrics = HealthServer(metrics.registry, lambda: True)
    app = create_app(options, stage.boards, lambda: datetime.now(UTC), metrics)

    def on_port(taken: int) -> None:
        print(taken, serving_metrics.port, sep="\n", flush=True)

    try:
        return await serve_api(app, "127.0.0.1", port, options=options, on_port=on_port)
    finally:
        serving_metrics.close()


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0)))
